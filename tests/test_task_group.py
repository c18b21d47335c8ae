"""The tasks of an orchestrator: each has an owner, and none takes the others along."""

from __future__ import annotations

import asyncio

import anyio
import pytest
from anyio import create_task_group, fail_after

from asyncflow.errors import NotFound
from asyncflow.task_group import Tasks, is_canceled

pytestmark = pytest.mark.anyio


async def test_an_error_of_a_task_goes_to_its_owner(
    caplog: pytest.LogCaptureFixture,
) -> None:
    errors: list[Exception] = []

    async def fail() -> None:
        raise ValueError("of the task")

    async with create_task_group() as inner:
        group = Tasks(inner)
        group.start_soon(fail, on_error=errors.append)
        group.start_soon(fail)
        await anyio.wait_all_tasks_blocked()
        asyncio.get_running_loop().call_soon(group.start_soon, fail)
        await anyio.wait_all_tasks_blocked()

    assert [str(error) for error in errors] == ["of the task"]


async def test_nothing_starts_once_all_is_cancelled() -> None:
    """Nobody would deliver the cancel to it: it would wait for that for ever."""
    started: list[None] = []

    async def start() -> None:
        started.append(None)
        await anyio.lowlevel.checkpoint_if_cancelled()

    with fail_after(10):
        async with create_task_group() as inner:
            group = Tasks(inner)
            group.cancel()

            with anyio.CancelScope(shield=True):
                await anyio.lowlevel.checkpoint()
                group.start_soon(start)
                await anyio.lowlevel.checkpoint()

    assert started == []


async def test_an_owner_that_fails_ends_all() -> None:
    told: list[Exception] = []

    async def fail() -> None:
        raise ValueError("of the task")

    def own(error: Exception) -> None:
        raise RuntimeError("of its owner")

    async def run() -> None:
        async with create_task_group() as inner:
            group = Tasks(inner)
            group.on_failure = told.append
            group.start_soon(fail, on_error=own)

    with fail_after(10), pytest.raises(ExceptionGroup) as caught:
        await run()

    assert caught.value.subgroup(RuntimeError) is not None
    assert [str(error) for error in told] == ["of its owner"]


async def test_a_cancel_that_somebody_raised_is_an_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    errors: list[Exception] = []

    async def raise_cancelled() -> None:
        assert not is_canceled()
        raise asyncio.CancelledError("nobody cancelled it")

    async with create_task_group() as inner:
        Tasks(inner).start_soon(raise_cancelled, on_error=errors.append)

    (error,) = errors
    assert isinstance(error, RuntimeError)
    assert "nobody cancelled it" in str(error)


async def test_a_cancel_ends_a_task_without_a_word(
    caplog: pytest.LogCaptureFixture,
) -> None:
    errors: list[Exception] = []
    seen: list[bool] = []

    async def wait() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            seen.append(is_canceled())

    with fail_after(10):
        async with create_task_group() as inner:
            group = Tasks(inner)
            group.start_soon(wait, on_error=errors.append)
            await anyio.wait_all_tasks_blocked()
            group.cancel()
            assert group.is_failing

    assert (seen, errors, caplog.messages) == ([True], [], [])


async def test_the_first_failure_counts(caplog: pytest.LogCaptureFixture) -> None:
    told: list[Exception] = []

    async def fail() -> None:
        async with create_task_group() as inner:
            group = Tasks(inner)
            group.on_failure = told.append
            group.fail(KeyError("first"))
            group.fail(KeyError("second"))
            assert isinstance(group.failure, KeyError)

    with fail_after(10), pytest.raises(ExceptionGroup) as caught:
        await fail()

    assert [one.args for one in caught.value.exceptions] == [("first",)]
    assert [one.args for one in told] == [("first",)]
    assert caplog.messages == ["the orchestrator cannot go on"]


async def test_an_error_of_ours_is_told_without_a_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with create_task_group() as inner:
        group = Tasks(inner)
        group.handle("the sweep", NotFound("JOB_1"))
        group.handle("the sweep", ValueError("no"))

    first, second = caplog.records
    assert (
        first.getMessage() == "the sweep failed: nothing is known under the id 'JOB_1'"
    )
    assert first.exc_info is None
    assert second.exc_info is not None
