"""Runs that are paused: what runs of them goes on, and nothing of them starts."""

from __future__ import annotations

import time

from asyncflow.dispatch.scheduler import Scheduler
from asyncflow.entities.submission import Run
from asyncflow.notify.entities import updated
from asyncflow.runtime.engine import Engine


async def pause(engine: Engine, run: Run, *, is_paused: bool) -> None:
    """Pause a run, or have it go on, wherever it runs; return when that is durable.

    :raises UsageError: where the process that runs it cannot be asked
    """
    scheduler = engine.scheduler
    await scheduler.until_begun(run)

    if not scheduler.runs.drives(run):
        await engine.remote_runs.pause(run, is_paused=is_paused)

    number = scheduler.runs.number(run)

    if number is not None and run.is_paused is not is_paused:
        _set(scheduler, run, number, is_paused=is_paused)

    await engine.store.flush()

    if engine.bus.hears_entities:
        engine.bus.tell([updated(run.id, None, ["is_paused"])])


def _set(scheduler: Scheduler, run: Run, number: int, *, is_paused: bool) -> None:
    """Have no job of a run start that is driven here, or have them start again."""
    run.is_paused = is_paused
    scheduler.runs.resting.look_at(number)
    in_flight = scheduler.in_flight

    if is_paused:
        in_flight.plan.paused(number)
        in_flight.recall(number)
    else:
        in_flight.plan.resumed(number, time.monotonic())

    scheduler.store.save(run.record())
    run.watchers.wake()
    scheduler.slots.fill()
