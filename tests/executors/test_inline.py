"""Jobs on the event loop: one at a time, cancelled where they await."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import pytest
from anyio import create_task_group, fail_after, sleep_forever
from anyio.lowlevel import checkpoint

from asyncflow import Orchestrator, SubmissionStatus
from asyncflow.abc import Killed, Raised, Returned
from asyncflow.drivers.in_memory import MemoryDriver
from asyncflow.executors.inline import InlineExecutor
from tests.support import flows
from tests.support.calls import Notes, call, outcome_of
from tests.support.flows import chain, configuration, fan, statuses

pytestmark = pytest.mark.anyio


async def double_async(value: int) -> int:
    await checkpoint()
    return value * 2


async def fail_async(value: object) -> None:
    raise ValueError(f"no {value}")


async def test_an_async_function_has_the_same_outcomes(tmp_path: Path) -> None:
    async with InlineExecutor(echo=False) as executor:
        one = call(double_async, tmp_path, 21, is_async=True)
        returned = await outcome_of(executor, one)
        failed = await outcome_of(executor, call(fail_async, tmp_path, is_async=True))

    assert isinstance(returned, Returned)
    assert [MemoryDriver().read(kept) for kept in returned.kept] == [42]
    assert isinstance(failed, Raised)
    assert failed.summary == "ValueError: no 1"


async def test_a_kill_cancels_an_async_call(tmp_path: Path) -> None:
    notes = Notes()
    one = call(sleep_forever, tmp_path, is_async=True)._replace(inputs=())

    async with InlineExecutor(echo=False) as executor, create_task_group() as group:
        group.start_soon(executor.run, [one], notes)

        with fail_after(5):
            await notes.has_started.wait()

        executor.kill(one)

    assert isinstance(notes.outcomes["JOB_1"], Killed)


async def test_development_runs_one_job_at_a_time() -> None:
    config = configuration("development", workers=8)
    running = 0
    most = 0

    async def count(value: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await anyio.lowlevel.checkpoint()
        running -= 1
        return value

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(fan(config, count, 10))
        await scenario.submit()

    assert most == 1


async def test_async_jobs_are_cancelled_where_they_await() -> None:
    config = configuration()
    began = anyio.Event()
    ended: list[str] = []

    async def wait_for_ever(value: int) -> None:
        try:
            began.set()
            await anyio.sleep_forever()
        finally:
            ended.append("cleaned up")

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(chain(config, wait_for_ever))
        submission = scenario.submit()
        await began.wait()
        submission.cancel()
        await submission.wait()

    assert ended == ["cleaned up"]
    assert submission.status is SubmissionStatus.CANCELED


async def test_a_function_that_raises_cancelled_error_has_failed() -> None:
    config = configuration()

    async def cancel_itself(value: int) -> None:
        raise asyncio.CancelledError

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(
            chain(config, cancel_itself, flows.double)
        )
        submission = await scenario.submit().wait()

    assert statuses(submission.jobs) == ["FAILED", "ABANDONED"]
    assert "CancelledError" in submission.jobs[0].reason


async def awaits_what_was_cancelled(value: int) -> None:
    task = asyncio.create_task(asyncio.sleep(60))
    task.cancel("inner reason")
    await task


def raises_cancelled_error(value: int) -> None:
    raise asyncio.CancelledError("inner reason")


def gives_what_was_cancelled(value: int) -> Awaitable[None]:
    return awaits_what_was_cancelled(value)


@pytest.mark.parametrize(
    ("function", "where"),
    [
        (awaits_what_was_cancelled, "awaits_what_was_cancelled"),
        (raises_cancelled_error, "raises_cancelled_error"),
        (gives_what_was_cancelled, "awaits_what_was_cancelled"),
    ],
)
async def test_a_cancelled_error_is_told_as_any_other(
    function: Callable[[int], object], where: str, tmp_path: Path
) -> None:
    is_async = inspect.iscoroutinefunction(function)

    async with InlineExecutor(echo=False) as executor:
        one = call(function, tmp_path, is_async=is_async)
        outcome = await outcome_of(executor, one)

    assert isinstance(outcome, Raised)
    assert outcome.summary == "CancelledError: inner reason"
    assert outcome.traceback.startswith("Traceback")
    assert f"in {where}" in outcome.traceback
    assert "asyncflow/executors" not in outcome.traceback
    assert outcome.kinds[0] == "asyncio.exceptions.CancelledError"
