"""Threads that a program can end without, each used again once it is idle."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextvars import ContextVar

import pytest
from anyio import fail_after, from_thread
from anyio.lowlevel import checkpoint

from asyncflow.executors._threads import Threads

pytestmark = pytest.mark.anyio

number: ContextVar[int] = ContextVar("number", default=0)


@pytest.fixture
async def threads() -> AsyncIterator[Threads]:
    made = Threads()
    yield made
    made.close()


async def test_a_result_comes_back_with_the_context_of_the_caller(
    threads: Threads,
) -> None:
    number.set(7)
    thread, found = await threads.start(
        lambda: (threading.current_thread(), number.get())
    )
    assert found == 7
    assert thread is not threading.current_thread()
    assert thread.daemon


async def test_an_idle_thread_is_used_again(threads: Threads) -> None:
    first = await threads.start(threading.get_ident)
    assert await threads.start(threading.get_ident) == first

    go_on = threading.Event()
    waiting = threads.start(lambda: (go_on.wait(20), threading.get_ident())[1])
    assert await threads.start(threading.get_ident) != first
    go_on.set()
    assert await waiting == first


@pytest.mark.parametrize("kind", [ValueError, SystemExit])
async def test_what_is_raised_comes_back(
    threads: Threads, kind: type[BaseException]
) -> None:
    def fail() -> None:
        raise kind("no rows")

    future = threads.start(fail)

    while not future.done():
        await checkpoint()

    assert isinstance(future.exception(), kind)
    assert await threads.start(int) == 0


async def test_what_runs_there_may_call_the_loop(threads: Threads) -> None:
    here = threading.get_ident()
    assert (
        await threads.start(lambda: from_thread.run_sync(threading.get_ident)) == here
    )


async def test_a_thread_that_was_left_to_itself_ends_after_the_close() -> None:
    threads, go_on = Threads(), threading.Event()
    thread = await threads.start(threading.current_thread)
    future = threads.start(go_on.wait)
    future.set_result(None)  # nobody waits for it any more
    threads.close()
    go_on.set()

    with fail_after(20):
        while thread.is_alive():
            await checkpoint()
