"""Trials that are played: promises are kept, and replays are the same."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from asyncflow.testing.simulation.drawing import drawn
from asyncflow.testing.simulation.play import played

ONCE = [
    line.split()[0]
    for line in (Path(__file__).parent / "seeds.txt").read_text().splitlines()
    if line and not line.startswith("#")
]


@pytest.mark.smoke
@pytest.mark.parametrize("seed", range(3))
def test_promises_are_kept(seed: int) -> None:
    outcome = played(drawn(seed))

    assert not outcome.violations


@pytest.mark.parametrize("seed", ONCE)
def test_what_was_broken_once_is_kept(seed: str) -> None:
    assert not played(drawn(seed)).violations


def test_a_seed_replays_to_the_letter() -> None:
    first, second = played(drawn(11)), played(drawn(11))

    assert first.trace == second.trace
    assert first.digest == second.digest


def test_another_process_replays_it_too(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "asyncflow.testing.simulation", "--seed", "12"]
    digests = {
        subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout.split()[4]
        for _ in range(2)
    }

    assert len(digests) == 1
    assert len(digests.pop()) == 64


def test_trials_do_what_they_say() -> None:
    traces = [played(drawn(seed), cleans=False).trace for seed in range(12, 24)]
    text = "\n".join(line for trace in traces for line in trace)

    for sign in ("killed", "accepted", "COMPLETED", "FAILED", "CANCELED", "go on here"):
        assert sign in text
