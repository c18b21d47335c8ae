from __future__ import annotations

import json
from pathlib import Path

from tests.support.command import beside, call, running, spawned


def test_what_has_ended_is_followed_to_its_end(folder: Path) -> None:
    ran = spawned("logs", "-f", "last", "JOB_total", folder=folder)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert sorted(ran.stdout.splitlines()) == [
        "[broken] about to fail",
        "[extract] extracting 2025",
        "[total] adding",
    ]


def test_a_job_of_another_process_is_followed_while_it_runs(folder: Path) -> None:
    with running(folder):
        with beside("logs", "-f", "last", folder=folder) as follower:
            assert follower.stdout is not None
            lines = [follower.stdout.readline() for _ in range(3)]
            assert lines == [f"[wait] step {number}\n" for number in range(3)]
            call("cancel", "last")
            rest = follower.stdout.read()

        assert follower.returncode == 0

    # More steps, or none, then where the job stood when it was ended.
    steps = [line for line in rest.splitlines() if line.startswith("[wait] step ")]
    assert steps == [f"[wait] step {3 + number}" for number in range(len(steps))]
    assert all(line.startswith("[wait] ") for line in rest.splitlines())
    assert "[wait] Stack (most recent call first)" in rest


def test_the_tail_of_what_a_running_job_printed_comes_first(folder: Path) -> None:
    with running(folder) as process:
        assert process.stdout is not None
        steps = 0

        while steps < 12:
            steps += json.loads(process.stdout.readline())["event"] == "JobProgressed"

        with beside("logs", "-f", "last", "--tail", "2", folder=folder) as follower:
            assert follower.stdout is not None
            lines = [follower.stdout.readline() for _ in range(4)]
            call("cancel", "last")
            follower.communicate(timeout=20)

    numbers = [int(line.rpartition(" ")[2]) for line in lines]
    assert numbers[0] >= 5
    assert numbers == [*range(numbers[0], numbers[0] + 4)]
