"""What asyncflow has in each worker of a Dask cluster: an agent for each orchestrator.

The functions below are what Dask is given to call there.
"""

from __future__ import annotations

import asyncio
import os
import socket
import uuid
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import attrs
from distributed import WorkerPlugin, get_worker

from asyncflow.alternatives import MODES
from asyncflow.config.sections import JobConfig
from asyncflow.executors.dask.agent import Agent

if TYPE_CHECKING:
    from distributed import Worker

WORKERS = "standalone"
"""The mode whose executor runs the jobs there."""

NOT_STARTED = b""
"""What a trip returns that was meant for a worker that has gone, or is about to go."""


class Place(NamedTuple):
    """A Dask worker, as the agent in it describes it."""

    host: str
    pid: int
    incarnation: str
    """Tells it from another one that has its address later."""


@attrs.frozen(kw_only=True)
class AgentSettings:
    """What an orchestrator wants of its agents.

    :param topic: where they tell what becomes of its jobs
    :param jobs: how these are executed
    :param world: that of the submitter, where worker processes are to have it; None for
        that of the Dask worker
    """

    topic: str
    jobs: JobConfig
    world: bytes | None = None


@attrs.frozen(eq=False)
class Events:
    """The events that tell of a trip."""

    worker: Worker
    loop: asyncio.AbstractEventLoop
    topic: str
    trip: int

    def send(self, data: bytes) -> None:
        """Send messages on, from the agent's thread."""
        message = self.trip, data
        self.loop.call_soon_threadsafe(self.worker.log_event, self.topic, message)


class AgentPlugin(WorkerPlugin):  # type: ignore[misc]  # Dask has no types here
    """Opens an agent in each worker, also in those that come later."""

    idempotent = True

    def __init__(self, settings: AgentSettings) -> None:
        self.settings = settings
        self.name = settings.topic

    async def setup(self, worker: Worker) -> None:
        """Open the agent."""
        settings = self.settings
        self.worker = worker
        self.incarnation = uuid.uuid4().hex
        self.is_closing = False
        executor = cast("Any", MODES.load(WORKERS)).of(settings.jobs)
        executor.world = settings.world
        self.agent = Agent(executor)
        await asyncio.wrap_future(self.agent.open())
        self.agent.warm(1)
        hello = Place(socket.gethostname(), os.getpid(), self.incarnation)
        size = worker.state.nthreads
        worker.log_event(settings.topic, (0, (worker.address, *hello, size)))

    async def teardown(self, worker: Worker) -> None:  # noqa: ARG002  # Dask gives it
        """Close the agent: what runs there ends."""
        self.is_closing = True
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self.agent.close)

    async def run(self, trip: int, incarnation: str, payload: bytes) -> bytes:
        """Run a trip, and return what has become of its calls."""
        if incarnation != self.incarnation or self.is_closing:
            return NOT_STARTED

        loop = asyncio.get_running_loop()
        events = Events(self.worker, loop, self.settings.topic, trip)
        return await asyncio.wrap_future(self.agent.run(trip, payload, events))


def plugin_of(worker: Worker, name: str) -> AgentPlugin | None:
    """Return the plugin of an orchestrator; None where there is none (any more)."""
    return cast("AgentPlugin | None", worker.plugins.get(name))


async def run_trip(name: str, trip: int, incarnation: str, payload: bytes) -> bytes:
    """Run a trip: a Dask task is one call of this."""
    plugin = plugin_of(get_worker(), name)
    return (
        NOT_STARTED if plugin is None else await plugin.run(trip, incarnation, payload)
    )


async def describe(dask_worker: Worker, name: str) -> Place | None:
    """Describe the worker that this is called in; None while it has no agent."""
    plugin = plugin_of(dask_worker, name)

    if plugin is None or not hasattr(plugin, "agent"):
        return None

    return Place(socket.gethostname(), os.getpid(), plugin.incarnation)


async def kill(
    dask_worker: Worker, *, name: str, trip: int, job_ids: list[str], now: bool
) -> None:
    """Ask for the end of jobs."""
    if (plugin := plugin_of(dask_worker, name)) is not None:
        plugin.agent.kill(trip, job_ids, now=now)


async def probe(dask_worker: Worker, path: str) -> str | None:  # noqa: ARG001  # Dask gives it
    """Return what is in a file, as far as it is seen here."""
    loop = asyncio.get_running_loop()

    try:
        return await loop.run_in_executor(None, _read, path)
    except OSError:
        return None


def _read(path: str) -> str:
    with open(path) as file:
        return file.read()
