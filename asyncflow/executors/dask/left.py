"""What dead orchestrators have left in the workers of a Dask cluster.

The functions below are what Dask is given to call there by who takes that over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from asyncflow.executors.dask.plugin import AgentPlugin, Events

if TYPE_CHECKING:
    from distributed import Worker

END = "-taken"
"""What the name of a plugin ends with that was taken over: who it was for, and lives on
all the same, does not find it any more."""


async def take_over(
    dask_worker: Worker, *, dead_id: str, heir_id: str
) -> dict[str, int]:
    """Have nothing more of a dead orchestrator start here.

    Returns the attempts of what was started, and may be running, by the ids of the jobs.
    """
    held: dict[str, int] = {}

    for name, plugin in _plugins(dask_worker, dead_id, is_taken=None):
        jobs = await plugin.take_over(heir_id)

        for job_id, attempt in jobs.items():
            held[job_id] = max(attempt, held.get(job_id, 0))

        if dask_worker.plugins.pop(name, None) is None:  # it was closed meanwhile
            continue

        if jobs:
            dask_worker.plugins[plugin.name + END] = plugin
        else:
            await plugin.teardown(dask_worker)

    return held


async def attach(
    dask_worker: Worker, *, heir_id: str, topic: str, trip: int, job_id: str
) -> bool:
    """Have an heir hear of a job, from its beginning on; return whether it is known.

    :param topic: where it hears
    :param trip: its number for that
    """
    loop = asyncio.get_running_loop()
    events = Events(dask_worker, loop, topic, trip)

    for _, plugin in _plugins(dask_worker, heir_id):
        if await asyncio.wrap_future(plugin.agent.attach(job_id, events)):
            return True

    return False


async def end(dask_worker: Worker, *, heir_id: str, job_id: str, now: bool) -> None:
    """Ask for the end of a job."""
    for _, plugin in _plugins(dask_worker, heir_id):
        plugin.agent.end(job_id, now=now)


async def release(
    dask_worker: Worker, *, owner_id: str, job_ids: Collection[str]
) -> None:
    """Forget jobs, and end those that run. What holds none then is closed.

    :param owner_id: an orchestrator that had them
    """
    for name, plugin in _plugins(dask_worker, owner_id):
        is_left = await asyncio.wrap_future(plugin.agent.release(job_ids))

        if not is_left and dask_worker.plugins.pop(name, None) is not None:
            await plugin.teardown(dask_worker)


def _plugins(
    dask_worker: Worker, owner_id: str, *, is_taken: bool | None = True
) -> Iterator[tuple[str, AgentPlugin]]:
    """Yield the plugins that are, or were, an orchestrator's.

    :param is_taken: whether they were taken over; None for both
    """
    for name, plugin in [*dask_worker.plugins.items()]:
        if (
            isinstance(plugin, AgentPlugin)
            and owner_id in plugin.owners
            and is_taken in (None, plugin.is_taken)
        ):
            yield name, plugin
