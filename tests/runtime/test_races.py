"""What happens at an awkward moment: each of these went wrong once."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

import anyio
import pytest
from anyio import CancelScope, create_task_group, fail_after, sleep_forever
from anyio.lowlevel import checkpoint

from asyncflow import (
    Configuration,
    Event,
    Job,
    JobFinished,
    JobStarted,
    Orchestrator,
    Retry,
    ScenarioConfig,
    Status,
    StoreFailed,
    Submission,
)
from asyncflow.executors.process.executor import ProcessExecutor
from tests.support import flows
from tests.support.flows import chain, configuration, make_short, statuses
from tests.support.machine import MortalStore

pytestmark = pytest.mark.anyio


async def test_a_fragile_job_is_cancelled_before_it_starts(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = configuration()
    source = config.configure_data_node("source", default_data=str(tmp_path / "ran"))
    task = config.configure_task("work", touch, source, on_restart="fail")
    cfg = config.configure_scenario("fragile", task)

    async with Orchestrator(config) as orchestrator:
        submission = (await orchestrator.create_scenario(cfg)).submit()
        submission.cancel()

        with fail_after(20):
            await submission.wait()

        assert statuses(submission.jobs) == ["CANCELED"]

    assert not (tmp_path / "ran").exists()
    assert not caplog.records


async def test_a_job_is_cancelled_before_its_run_is_saved(tmp_path: Path) -> None:
    config = configuration()
    source = config.configure_data_node("source", default_data=str(tmp_path / "ran"))
    result = config.configure_data_node("result")
    tasks = [
        config.configure_task("first", touch, source, result),
        config.configure_task("then", flows.identity, result),
    ]
    cfg = config.configure_scenario("two", tasks)

    async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = scenario.submit(idempotency_key="one")
        assert orchestrator.cancel(submission.jobs[0], reason="not this one")

        with fail_after(20):
            await submission.wait()

        assert statuses(submission.jobs) == ["CANCELED", "ABANDONED"]
        assert submission.jobs[0].reason == "not this one"

    assert not (tmp_path / "ran").exists()


async def test_what_is_cancelled_is_not_tried_again() -> None:
    """Its time is over, and it is still about to end, when its run is cancelled."""
    ending, may_end = anyio.Event(), anyio.Event()
    starts = 0

    async def stubborn(_: object) -> None:
        nonlocal starts
        starts += 1

        try:
            await sleep_forever()
        finally:
            ending.set()

            with CancelScope(shield=True):
                await may_end.wait()

    config = configuration()
    source = config.configure_data_node("source", default_data=1)
    task = config.configure_task(
        "work", stubborn, source, run_timeout=0.01, retry=Retry(3)
    )
    cfg = config.configure_scenario("stubborn", task)

    async with Orchestrator(config) as orchestrator:
        submission = (await orchestrator.create_scenario(cfg)).submit()

        with fail_after(20):
            await ending.wait()
            submission.cancel()
            may_end.set()
            await submission.wait()

        (job,) = submission.jobs
        assert (job.status, job.attempts, starts) == (Status.FAILED, (), 1)
        assert job.reason.startswith("TIMED_OUT")


async def test_a_link_of_a_chain_is_slow_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = configuration(workers=1)
    cfg = chain(config, step, step, step)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        with fail_after(30):
            await make_short(orchestrator, scenario)
            await scenario.n0.write(SLOW - 1)
            submission = await scenario.submit()

        assert [job.attempts for job in submission.jobs] == [()] * 3
        assert await scenario.n3.read() == SLOW + 2

    assert not caplog.records


async def test_a_job_that_travels_again_can_be_cancelled(tmp_path: Path) -> None:
    """One trip gives it back; that trip ends while the job is on its way with another."""
    config = configuration()
    cfg = waiters(config, tmp_path, 4)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        with fail_after(30):
            await make_short(orchestrator, scenario)
            (tmp_path / "t0").unlink()
            (tmp_path / "t1").unlink()
            submission = scenario.submit()
            first, second = submission.jobs[:2]
            await until(JobStarted, first)
            await until(JobStarted, second)
            (tmp_path / "t0").touch()
            await until(JobFinished, first)
            second.cancel()
            await submission.wait()

        assert statuses(submission.jobs) == [
            "COMPLETED",
            "CANCELED",
            "COMPLETED",
            "COMPLETED",
        ]


async def test_what_is_run_again_by_hand_goes_on_after_a_crash(tmp_path: Path) -> None:
    config = configuration()
    cfg = waiters(config, tmp_path, 2)
    hard = tmp_path / "t1"
    hard.with_suffix(".bad").touch()
    store = MortalStore(tmp_path / "runs.db")

    with suppress(StoreFailed):
        async with Orchestrator(config, store) as orchestrator:
            scenario = await orchestrator.create_scenario(cfg)
            submission = await scenario.submit().wait()
            assert statuses(submission.jobs) == ["COMPLETED", "FAILED"]
            hard.with_suffix(".bad").unlink()
            hard.unlink()
            again = submission.retry_failed()
            await again.accepted()
            store.is_dead = True

    hard.touch()

    async with Orchestrator(config, tmp_path / "runs.db") as heir:
        found = await heir.get(again.id)
        assert isinstance(found, Submission)

        with fail_after(20):
            await found

        assert [job.task.config_id for job in found.jobs] == ["t1"]
        assert await heir.submissions(is_finished=False) == []


async def test_a_worker_is_made_safe_once() -> None:
    async with ProcessExecutor() as executor, create_task_group() as group:
        pool = executor._pool

        with fail_after(30):
            group.start_soon(pool.worker, pool.today.pin())

            while pool.next_idle() is None:
                await checkpoint()

            (first,) = pool._workers.values()
            assert await pool.worker(pool.today.pin()) is first


# ------------------------------------------------------------------- what jobs may do

SLOW = 1_000


def step(value: int) -> int:
    if value == SLOW:
        time.sleep(0.1)

    return value + 1


def touch(path: str) -> None:
    Path(path).touch()


def wait_for(path: str) -> None:
    if Path(f"{path}.bad").exists():
        raise ValueError(path)

    while not Path(path).exists():
        pass


def waiters(config: Configuration, folder: Path, count: int) -> ScenarioConfig:
    """Declare independent tasks; each waits for a file, which is there."""
    tasks = []

    for index in range(count):
        path = folder / f"t{index}"
        path.touch()
        node = config.configure_data_node(f"path{index}", default_data=str(path))
        found = config.configure_data_node(f"found{index}")
        tasks.append(config.configure_task(f"t{index}", wait_for, node, found))

    return config.configure_scenario("waiters", tasks)


async def until(kind: type[Event], job: Job) -> None:
    """Wait for what happens to a job."""
    async for event in job.submission:
        if isinstance(event, kind) and getattr(event, "job_id", "") == job.id:
            return
