"""The loop of a simulation: its clock jumps, and what is dead does not go on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from asyncflow.testing.simulation.loop import SimulatedLoop, Stuck
from asyncflow.testing.simulation.process import Process, current


@pytest.fixture
def loop() -> Iterator[SimulatedLoop]:
    made = SimulatedLoop(1000.0, 10_000)
    yield made
    made.close()


def test_clock_jumps_to_the_next_timer(loop: SimulatedLoop) -> None:
    loop.run_until_complete(asyncio.sleep(3600))

    assert loop.time() == 4600.0


def test_who_waits_for_nothing_is_stuck(loop: SimulatedLoop) -> None:
    with pytest.raises(Stuck, match="nothing will ever come"):
        loop.run_until_complete(loop.create_future())


def test_no_end_is_noticed(loop: SimulatedLoop) -> None:
    async def spin() -> None:
        while True:  # noqa: ASYNC110  # that is what it is about
            await asyncio.sleep(0)

    with pytest.raises(Stuck, match="no end after 10000 steps"):
        loop.run_until_complete(spin())


def _started(loop: SimulatedLoop, process: Process, told: list[float]) -> None:
    async def work() -> None:
        await asyncio.sleep(2)
        told.append(loop.time())

    token = current.set(process)
    task: Any = loop.create_task(work())
    task._log_destroy_pending = False
    current.reset(token)


def test_a_dead_process_goes_no_further(loop: SimulatedLoop) -> None:
    process, told = Process("p"), list[float]()
    _started(loop, process, told)

    async def kill() -> None:
        await asyncio.sleep(1)
        assert len([*loop.tasks_of(process)]) == 1
        process.is_alive = False
        await asyncio.sleep(5)

    loop.run_until_complete(kill())

    assert not told


def test_a_suspended_process_goes_on_later(loop: SimulatedLoop) -> None:
    process, told = Process("p"), list[float]()
    _started(loop, process, told)

    async def suspend() -> None:
        await asyncio.sleep(1)
        process.is_stopped = True
        await asyncio.sleep(5)
        assert not told
        loop.go_on(process)
        await asyncio.sleep(1)

    loop.run_until_complete(suspend())

    assert told == [1006.0]
