"""Workers that are killed at random, in the middle of a large run."""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import suppress
from pathlib import Path

import anyio
import pytest
from anyio import fail_after
from anyio.lowlevel import checkpoint

from asyncflow import JobFinished, Orchestrator, Scenario, Status, Submission
from tests.support.flows import configuration, double, fan, make_short, until_started

JOBS = 2_000


def work(value: int) -> int:
    """Keep a worker busy for a while."""
    end = time.perf_counter() + 0.002

    while time.perf_counter() < end:
        pass

    return value


def work_longer(value: int) -> int:
    """Keep a worker busy for longer than jobs may that share a batch."""
    return work(work(value))


def workers() -> list[int]:
    """Find those of our children that are workers: a database server may be another."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    return [int(pid) for pid in children.split() if is_worker(pid)]


def is_worker(pid: str) -> bool:
    with suppress(OSError):  # it is gone by now
        return b"anyio.to_process" in Path(f"/proc/{pid}/cmdline").read_bytes()

    return False


@pytest.mark.anyio
@pytest.mark.parametrize("count", [1, 5])
@pytest.mark.parametrize("is_short", [True, False], ids=["short", "long"])
async def test_what_a_killed_worker_had_not_begun_has_not_crashed(
    tmp_path: Path, count: int, is_short: bool
) -> None:
    config = configuration(workers=1)
    cfg = fan(config, double if is_short else work_longer, count, crash_retries=0)

    async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.submit()

        if is_short:
            await make_short(orchestrator, scenario)

        for _ in range(3):
            with fail_after(50):
                await stop_and_kill(scenario, is_short)


async def stop_and_kill(scenario: Scenario, is_short: bool) -> None:
    """Kill a worker that has not begun what it was sent."""
    (pid,) = await anyio.to_thread.run_sync(workers)
    os.kill(pid, signal.SIGSTOP)
    submission = scenario.submit()

    if is_short:
        await checkpoint()
        await checkpoint()
    else:
        await until_started(submission)

    os.kill(pid, signal.SIGKILL)
    await submission
    assert all(not job.attempts for job in submission.jobs)


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

        # The pool goes on, with all its slots.
        await scenario.tasks["f0"].submit()
        assert await scenario.data_nodes["r0"].read() == 1


def check_costs(submission: Submission, kills: int, crash_retries: int) -> None:
    """Each kill costs one attempt at most; a job fails once its budget is spent."""
    failed = [job for job in submission.jobs if job.status is Status.FAILED]
    attempts = [one for job in submission.jobs for one in job.attempts]
    reasons = [job.reason for job in failed] + [one.reason for one in attempts]
    # Some are killed while they start, again and again.
    causes = ("its worker process was killed by SIGKILL", "no worker process could")
    assert set(submission.counts()) <= {Status.COMPLETED, Status.FAILED}
    assert all(reason.startswith(causes) for reason in reasons), reasons
    assert 0 < len(reasons) <= kills, "no worker was killed at work"
    assert all(len(job.attempts) == crash_retries for job in failed)
    assert crash_retries or not attempts
