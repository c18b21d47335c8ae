"""Jobs in flight: what becomes of those that are cancelled, or given back, on their way."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import anyio
import pytest
from anyio import CancelScope, fail_after, sleep_forever

from asyncflow import (
    Event,
    Job,
    JobFinished,
    JobStarted,
    Orchestrator,
    Retry,
    Status,
)
from asyncflow.abc import Call, Executor, Killed, Watch
from asyncflow.alternatives import EXECUTORS
from asyncflow.executors.inline import InlineExecutor
from tests.support.flows import (
    chain,
    configuration,
    double,
    make_short,
    single,
    statuses,
)
from tests.support.waiting import touch, waiters

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


class Late(Executor):
    """Runs a job that has no sign of it yet, and ends it when it is killed."""

    begun: ClassVar[anyio.Event]
    is_told: ClassVar[bool]
    """Whether it says that the job has started, before it ends that."""

    def __init__(self) -> None:
        self.killed = anyio.Event()

    async def run(self, calls: Sequence[Call], watch: Watch) -> None:
        self.begun.set()
        await self.killed.wait()

        if self.is_told:
            watch.started(calls[0], None)

        watch.ended(calls[0], Killed())

    def kill(self, call: Call, *, now: bool = False) -> None:
        self.killed.set()


@pytest.mark.parametrize("is_told", [False, True])
async def test_a_job_that_an_interrupt_ends_as_it_begins_is_not_charged(
    path: str, is_told: bool
) -> None:
    config = configuration()
    cfg = single(config, double, 21, executor="late", retry=Retry(3))
    Late.begun, Late.is_told = anyio.Event(), is_told
    EXECUTORS.register("late", Late)

    try:
        with fail_after(20):
            async with Orchestrator(config, store=path) as orchestrator:
                submission = (await orchestrator.create_scenario(cfg)).submit()
                await Late.begun.wait()
                assert orchestrator._session.engine is not None
                await orchestrator._session.engine.interrupt(10)

            EXECUTORS.register("late", InlineExecutor)

            async with Orchestrator(config, store=path) as orchestrator:
                again = await (await orchestrator.get_submission(submission.id))
                (job,) = again.jobs
                assert (job.status, job.attempts) == (Status.COMPLETED, ())
    finally:
        EXECUTORS.unregister("late")


# ------------------------------------------------------------------- what jobs may do

SLOW = 1_000


def step(value: int) -> int:
    if value == SLOW:
        time.sleep(0.1)

    return value + 1


async def until(kind: type[Event], job: Job) -> None:
    """Wait for what happens to a job."""
    async for event in job.submission:
        if isinstance(event, kind) and getattr(event, "job_id", "") == job.id:
            return
