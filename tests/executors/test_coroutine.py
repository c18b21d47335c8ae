"""A coroutine of the user's: it is cancelled, and let go if it goes on."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import pytest
from anyio import Event, create_task_group, fail_after, sleep_forever
from anyio.lowlevel import checkpoint

from asyncflow.executors._coroutine import Coroutine

pytestmark = pytest.mark.anyio


async def give(value: object) -> object:
    await checkpoint()
    return value


async def fail() -> None:
    raise ValueError("no rows")


async def test_what_it_returns_or_raises_is_told() -> None:
    assert await Coroutine(1.0).result(give(3)) == (3, None)
    result, raised = await Coroutine(1.0).result(fail())
    assert result is None
    assert isinstance(raised, ValueError)

    future: asyncio.Future[int] = asyncio.Future()
    future.set_result(7)
    assert await Coroutine(1.0).result(future) == (7, None)


async def cancelled(one: Coroutine, value: Any, began: Event, **how: bool) -> None:
    """Cancel it once it has begun; wait for its end."""
    with fail_after(20):
        async with create_task_group() as group:

            async def wait() -> None:
                with one.scope:
                    await one.result(value)

            group.start_soon(wait)
            await began.wait()
            one.cancel(**how)

    assert one.scope.cancelled_caught


async def test_it_may_clean_up_after_a_cancel() -> None:
    one, began, ended = Coroutine(20.0), Event(), Event()

    async def clean_up() -> None:
        try:
            began.set()
            await sleep_forever()
        finally:
            await asyncio.sleep(0)
            ended.set()

    await cancelled(one, clean_up(), began)
    assert ended.is_set()
    assert not one.was_let_go


async def go_on(began: Event) -> None:
    while True:
        try:
            began.set()
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            continue


@pytest.mark.parametrize(("grace", "now"), [(0.01, False), (600.0, True)])
async def test_one_that_goes_on_is_let_go(grace: float, now: bool) -> None:
    one, began = Coroutine(grace), Event()
    before = asyncio.all_tasks()

    await cancelled(one, go_on(began), began, now=now)

    assert one.was_let_go
    assert asyncio.all_tasks() <= before


async def test_what_it_has_started_is_let_go_too() -> None:
    one, began = Coroutine(0.01), Event()

    async def start() -> None:
        await asyncio.gather(go_on(began), go_on(began))

    before = asyncio.all_tasks()
    await cancelled(one, start(), began)
    assert one.was_let_go
    assert asyncio.all_tasks() <= before


async def test_a_cancel_before_it_has_begun_leaves_it_alone() -> None:
    one = Coroutine(20.0)
    one.cancel()
    value = give(1)

    with one.scope:
        await one.result(value)

    # It is closed: nobody is warned that it was never awaited.
    assert inspect.getcoroutinestate(value) == inspect.CORO_CLOSED
    assert not one.was_let_go
