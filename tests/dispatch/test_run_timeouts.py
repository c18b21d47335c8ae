"""The time that whole runs may take; `test_timeouts` has what becomes of their jobs."""

from __future__ import annotations

import time

import pytest
from anyio import Event, fail_after
from anyio.lowlevel import checkpoint

from asyncflow.dispatch.run_timeouts import RunTimeouts

pytestmark = pytest.mark.anyio


class Runs:
    def __init__(self) -> None:
        self.ended: list[int] = []
        self.is_over = Event()

    def time_out(self, run: int) -> None:
        self.ended.append(run)
        self.is_over.set()


async def test_a_run_whose_time_is_up_is_ended_once() -> None:
    runs = Runs()
    timeouts = RunTimeouts(runs)
    timeouts.watch(1, time.time() - 60, 30.0)  # submitted by another process
    timeouts.watch(2, time.time(), 3600.0)

    with fail_after(10):
        await runs.is_over.wait()

    assert runs.ended == [1]
    assert len(timeouts) == 1
    timeouts.stop_all()
    assert not len(timeouts)


async def test_a_run_that_ends_in_time_is_left_alone() -> None:
    runs = Runs()
    timeouts = RunTimeouts(runs)
    timeouts.watch(1, time.time() - 60, 30.0)
    timeouts.stop(1)
    timeouts.stop(7)  # never watched
    await checkpoint()
    await checkpoint()
    assert runs.ended == []
