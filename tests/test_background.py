"""A context manager that stays open in a task of its own, whoever leaves it."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
)

import anyio
import pytest
from anyio import (
    CancelScope,
    create_task_group,
    fail_after,
    move_on_after,
    to_thread,
)

from asyncflow.background import (
    BackgroundContext,
    enter_meanwhile,
    in_thread_to_its_end,
    temporary_folder,
    unwrap_single,
)

pytestmark = [pytest.mark.anyio, pytest.mark.both_loops]


@asynccontextmanager
async def noting(steps: list[str]) -> AsyncIterator[None]:
    """Note when it is entered and left; it must be left by who entered it."""
    async with create_task_group():
        steps.append("entered")

        try:
            yield
        finally:
            steps.append("left")


async def test_another_task_may_leave_it() -> None:
    steps: list[str] = []
    background = BackgroundContext()
    assert not background.is_open

    with fail_after(10):
        async with create_task_group() as group:
            group.start_soon(background.enter, noting(steps))

        assert (steps, background.is_open) == (["entered"], True)

        async with create_task_group() as group:
            group.start_soon(background.leave)

    assert (steps, background.is_open) == (["entered", "left"], False)


async def test_it_can_be_entered_again_and_left_twice() -> None:
    steps: list[str] = []
    background = BackgroundContext()

    with fail_after(10):
        for _ in range(2):
            await background.enter(noting(steps))
            background.end()
            await background.leave()
            await background.leave()

    assert steps == ["entered", "left"] * 2


async def test_what_entering_raises_is_raised_there() -> None:
    class Failing(AbstractAsyncContextManager[None]):
        async def __aenter__(self) -> None:
            raise LookupError("no")

        async def __aexit__(self, *error: object) -> None:
            return None

    background = BackgroundContext()

    with fail_after(10), pytest.raises(LookupError, match="no"):
        await background.enter(Failing())

    assert not background.is_open


async def test_what_leaving_raises_is_raised_there() -> None:
    @asynccontextmanager
    async def failing() -> AsyncIterator[None]:
        yield
        raise LookupError("no")

    background = BackgroundContext()

    with fail_after(10):
        await background.enter(failing())

        with pytest.raises(LookupError, match="no"):
            await background.leave()

    assert not background.is_open


async def test_a_cancel_waits_until_it_is_left() -> None:
    steps: list[str] = []

    @asynccontextmanager
    async def slow() -> AsyncIterator[None]:
        yield
        await anyio.lowlevel.checkpoint()
        steps.append("left")

    background = BackgroundContext()

    with fail_after(10):
        await background.enter(slow())

        with move_on_after(0):
            await background.leave()

    assert steps == ["left"]


async def test_a_cancel_of_the_task_waits_too() -> None:
    """No shield helps against that."""
    gate = anyio.Event()

    @asynccontextmanager
    async def gated() -> AsyncIterator[None]:
        yield
        await gate.wait()

    background = BackgroundContext()

    with fail_after(10):
        await background.enter(gated())
        leaving = asyncio.create_task(background.leave())
        await anyio.wait_all_tasks_blocked()
        leaving.cancel()
        await anyio.wait_all_tasks_blocked()
        assert not leaving.done()
        gate.set()

        with pytest.raises(asyncio.CancelledError):
            await leaving


async def test_a_cancel_while_it_is_entered_leaves_it() -> None:
    steps: list[str] = []
    background = BackgroundContext()

    with fail_after(10):
        with CancelScope() as scope:
            scope.cancel()
            await background.enter(noting(steps))

    assert scope.cancelled_caught
    assert not background.is_open
    assert steps in ([], ["entered", "left"])


async def test_a_cancel_of_the_task_waits_for_a_thread() -> None:
    """Or the thread would run on while Python ends."""
    begun, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def run() -> None:
        begun.set()
        may_end.wait(10)
        ended.set()

    with fail_after(10):
        task = asyncio.create_task(in_thread_to_its_end(run))
        await to_thread.run_sync(begun.wait)
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=0)
        assert not done
        may_end.set()

        with pytest.raises(asyncio.CancelledError):
            await task

    assert ended.is_set()


async def test_the_only_error_of_groups_is_found() -> None:
    error = ValueError("no")
    assert unwrap_single(ExceptionGroup("", [ExceptionGroup("", [error])])) is error
    two = ExceptionGroup("", [error, KeyError("no")])
    assert unwrap_single(ExceptionGroup("", [two])) is two


async def test_a_temporary_folder_goes_with_its_stack() -> None:
    async with AsyncExitStack() as stack:
        path = await temporary_folder(stack, "values")
        assert "asyncflow-values-" in os.path.basename(path)
        assert await anyio.Path(path).is_dir()

    assert not await anyio.Path(path).exists()


async def test_what_is_entered_meanwhile_waits_for_no_load() -> None:
    entered = threading.Event()
    left: list[bool] = []

    @asynccontextmanager
    async def manager() -> AsyncIterator[None]:
        entered.set()
        yield
        left.append(True)

    with fail_after(10):
        async with AsyncExitStack() as stack:
            await enter_meanwhile(stack, manager(), entered.wait)
            assert not left

    assert left


async def test_what_loading_raises_leaves_what_was_entered() -> None:
    left: list[bool] = []

    @asynccontextmanager
    async def manager() -> AsyncIterator[None]:
        try:
            yield
        finally:
            left.append(True)

    def load() -> None:
        raise ImportError("it cannot be loaded")

    with pytest.raises(ExceptionGroup) as raised:
        async with AsyncExitStack() as stack:
            await enter_meanwhile(stack, manager(), load)

    assert isinstance(unwrap_single(raised.value), ImportError)
    assert left
