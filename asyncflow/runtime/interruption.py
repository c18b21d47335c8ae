"""Interruption: the runs end while their orchestrator is open, as a web server ends."""

from __future__ import annotations

from anyio import Event

from asyncflow.runtime.engine import Engine


async def interrupt(engine: Engine, grace: float, ended: Event) -> None:
    """End the runs while what is open waits for requests; tell who listens that this was
    all.

    :param grace: how long what runs may take, in seconds
    :param ended: is set once they have ended
    """
    try:
        await engine.interrupt(grace)
        await engine.scheduler.runs.drain()
        await engine.drain_notifications()
        engine.bus.end()
    finally:
        ended.set()
