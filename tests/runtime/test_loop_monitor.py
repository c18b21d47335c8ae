"""The monitor of the event loop: who holds it up is named."""

from __future__ import annotations

import asyncio
import ctypes
import logging
import threading
from collections.abc import Iterator
from queue import SimpleQueue

import pytest
from anyio import create_task_group, fail_after, to_thread

from asyncflow.runtime.loop_monitor import LoopMonitor

pytestmark = [pytest.mark.anyio, pytest.mark.blocking_jobs, pytest.mark.both_loops]

LIMIT = 0.05


class Warnings(logging.Handler):
    """What was logged, in its order."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: SimpleQueue[logging.LogRecord] = SimpleQueue()

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.put(record)

    def next(self) -> str:
        """Wait for the next one. Blocks."""
        return self.seen.get(timeout=10).getMessage()


@pytest.fixture
def warnings() -> Iterator[Warnings]:
    handler = Warnings()
    logger = logging.getLogger("asyncflow")
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)


async def test_who_holds_the_loop_is_named_while_it_does(warnings: Warnings) -> None:
    stalls: list[str] = []

    async def greedy() -> None:
        stalls.append(warnings.next())  # on the loop: until the thread has warned

    with fail_after(10):
        async with LoopMonitor(LIMIT), create_task_group() as group:
            group.start_soon(greedy, name="a greedy task")
            ended = await to_thread.run_sync(warnings.next)

    (stall,) = stalls
    head, *stack = stall.splitlines()
    assert head.startswith("the event loop is held up, for 0.")
    assert "by task 'a greedy task': everything on it waits" in head
    assert "test_loop_monitor.py" in stall
    assert "in greedy" in stall
    assert "self.seen.get(timeout=10)" in stack[-1]
    assert ended.startswith("the event loop was held up for 0.")
    assert ended.endswith("s by task 'a greedy task'")
    assert warnings.seen.empty()


async def test_a_callback_of_no_task(warnings: Warnings) -> None:
    stalls: list[str] = []

    with fail_after(10):
        async with LoopMonitor(LIMIT):
            asyncio.get_running_loop().call_soon(lambda: stalls.append(warnings.next()))
            await to_thread.run_sync(warnings.next)

    assert "by a callback of no task" in stalls[0]


async def test_each_stall_is_told_once(warnings: Warnings) -> None:
    with fail_after(20):
        async with LoopMonitor(LIMIT):
            for _ in range(2):
                assert "is held up" in warnings.next()
                assert "was held up" in await to_thread.run_sync(warnings.next)

    assert warnings.seen.empty()


async def test_code_that_lets_no_thread_run_is_named_afterwards(
    warnings: Warnings,
) -> None:
    hold = ctypes.PyDLL(None).usleep  # which keeps Python's lock

    with fail_after(10):
        async with LoopMonitor(LIMIT):
            hold(300_000)
            told = warnings.next()

    assert told.splitlines()[0].startswith("the event loop is held up, for 0.")
    assert "in test_code_that_lets_no_thread_run_is_named_afterwards" in told


async def test_a_loop_that_is_free_is_left_alone(warnings: Warnings) -> None:
    beats = 0
    monitor = LoopMonitor(0.5)

    async with monitor:
        assert [one.name for one in threading.enumerate()].count("asyncflow-lag") == 1

        with fail_after(10):
            while beats < 3:
                due = monitor._due
                await to_thread.run_sync(lambda: None)
                beats += monitor._due > due

    assert "asyncflow-lag" not in [one.name for one in threading.enumerate()]
    assert warnings.seen.empty()
