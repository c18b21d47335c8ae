"""The search: it tells what it has played."""

from __future__ import annotations

import pytest

from asyncflow.testing.simulation.__main__ import main
from asyncflow.testing.simulation.drawing import drawn
from asyncflow.testing.simulation.search import shown


def test_so_many_fresh_seeds(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seeds", "2"]) == 0

    assert capsys.readouterr().out.startswith("2 trials in ")


def test_a_seed_with_its_trace(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seed", "3", "--trace"]) == 0

    out = capsys.readouterr().out
    assert out.startswith("0.000000000 - starts p0.1")
    assert "seed 3: 0 broken, " in out


def test_a_trial_is_shown() -> None:
    trial = drawn(7)
    text = shown(trial)

    for task in trial.flows[0].tasks:
        assert f"{task.name}: {', '.join(task.inputs)} -> " in text

    assert f"processes on {', '.join(trial.hosts)}" in text
