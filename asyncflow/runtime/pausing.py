"""Runs that are paused, wherever they run."""

from __future__ import annotations

from asyncflow.entities.submission import Run
from asyncflow.runtime.engine import Engine


async def pause(engine: Engine, run: Run, *, is_paused: bool) -> None:
    """Pause a run, or have it go on; return when that is durable.

    :raises UsageError: where the process that runs it cannot be asked
    """
    await engine.scheduler.until_begun(run)

    if not engine.scheduler.runs.drives(run):
        await engine.remote_runs.pause(run, is_paused=is_paused)

    engine.scheduler.pauses.set(run, is_paused=is_paused)
    await engine.store.flush()
