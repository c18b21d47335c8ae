"""Workers that are killed at random, in the middle of a large run."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import anyio
import pytest

from asyncflow import JobFinished, Orchestrator, Status, Submission, current_job
from tests.flows import configuration, fan, make_short

JOBS = 2_000


def work(value: int) -> int:
    """Keep a worker busy for a while."""
    end = time.perf_counter() + 0.002

    while time.perf_counter() < end:
        pass

    return value


def workers() -> list[int]:
    """Find our children; all of them are workers."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    return [int(pid) for pid in children.split()]


@pytest.mark.limit(120)
@pytest.mark.parametrize("crash_retries", [0, 1])
def test_a_killed_worker_costs_one_job(
    tmp_path: Path, pytestconfig: pytest.Config, crash_retries: int
) -> None:
    # Not on the loop of the test runner, which fails for what asyncio logs alone: that
    # a pipe broke while a worker was killed in the middle of a write.
    kills = pytestconfig.getoption("--worker-kills")
    anyio.run(kill_workers, tmp_path, kills, crash_retries)


async def kill_workers(tmp_path: Path, kills: int, crash_retries: int) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    config = configuration()
    cfg = fan(config, work, JOBS, crash_retries=crash_retries)
    killed: set[int] = set()

    async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = scenario.submit()

        async for event in submission:
            # In the middle of some job: what is killed is never idle for long.
            if (
                len(killed) < kills
                and isinstance(event, JobFinished)
                and not chance.randrange(max(1, JOBS // (4 * kills)))
                and (pids := await anyio.to_thread.run_sync(workers))
                and (alive := [pid for pid in pids if pid not in killed])
            ):
                pid = chance.choice(alive)
                killed.add(pid)

                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

        await submission.wait()
        assert len(killed) == kills
        check_costs(submission, kills, crash_retries)
        assert (await orchestrator.jobs(status="COMPLETED", limit=1)) != []

        # The pool goes on, with all its seats.
        await scenario.tasks["f0"].submit()
        assert await scenario.data_nodes["r0"].read() == 1


def check_costs(submission: Submission, kills: int, crash_retries: int) -> None:
    """Each kill costs one attempt at most; a job fails once its budget is spent."""
    failed = [job for job in submission.jobs if job.status is Status.FAILED]
    attempts = [one for job in submission.jobs for one in job.attempts]
    reasons = [*(one.reason for one in failed), *(one.reason for one in attempts)]
    # Some are killed while they start, again and again.
    causes = ("its worker process was killed by SIGKILL", "no worker process could")
    assert set(submission.counts()) <= {Status.COMPLETED, Status.FAILED}
    assert all(reason.startswith(causes) for reason in reasons), reasons
    assert kills / 2 <= len(reasons) <= kills, "hardly any worker was killed at work"
    assert all(len(job.attempts) == crash_retries for job in failed)
    assert crash_retries or not attempts


SHORT_JOBS = 500
FOLDER = "ASYNCFLOW_TEST_DEATHS"


def note(value: int) -> int:
    """Write down which job has started, in a moment."""
    job = current_job()
    assert job is not None

    with open(f"{os.environ[FOLDER]}/started", "a") as file:
        file.write(f"{job.id}\n")

    return value


@pytest.mark.limit(120)
def test_what_ended_before_its_worker_was_killed_does_not_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many short jobs travel together; the worker is killed in the middle of them."""
    monkeypatch.setenv(FOLDER, str(tmp_path))
    anyio.run(kill_in_the_middle, tmp_path / "started")


async def kill_in_the_middle(started: Path) -> None:
    config = configuration()
    cfg = fan(config, note, SHORT_JOBS, crash_retries=9)
    rounds = kills = victims = 0

    async with Orchestrator(config, started.with_name("runs.db")) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await make_short(orchestrator, scenario)

        while kills < 10:
            rounds += 1
            await anyio.Path(started).write_text("")
            submission = scenario.submit()
            now = await anyio.to_thread.run_sync(kill_when_started, started)
            await submission
            kills += now
            lines = (await anyio.Path(started).read_text()).split()
            victims += check_starts(submission, lines, now)
            assert rounds < 40, "hardly any worker was killed"

    assert victims >= kills / 3, "hardly any worker was killed at work"


def kill_when_started(started: Path) -> int:
    """Kill workers after some jobs have started; return how many."""
    chance = random.Random()
    killed: set[int] = set()

    for _ in range(2):
        begun = count_of(started) + chance.randrange(1, SHORT_JOBS // 3)

        while (count := count_of(started)) < min(begun, SHORT_JOBS):
            pass

        alive = sorted({*workers()} - killed)

        if count < SHORT_JOBS - 10 and alive:
            pid = chance.choice(alive)
            killed.add(pid)

            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    return len(killed)


def count_of(started: Path) -> int:
    """Return how many jobs have started. Blocks."""
    return started.read_bytes().count(b"\n")


def check_starts(submission: Submission, lines: list[str], kills: int) -> int:
    """A job has started once; each kill costs one job at most one more start.

    :return: how many starts were lost
    """
    starts = Counter(lines)
    attempts = {job.id: len(job.attempts) for job in submission.jobs}
    assert starts.keys() == attempts.keys()
    assert sum(attempts.values()) <= kills

    for job_id, count in starts.items():
        assert count <= 1 + attempts[job_id]

    return sum(attempts.values())
