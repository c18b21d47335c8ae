"""What asyncflow has in each worker of a Dask cluster: an agent for each orchestrator.

The functions below are what Dask is given to call there.
"""

from __future__ import annotations

import asyncio
import os
import socket
import uuid
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import attrs
from distributed import WorkerPlugin, get_worker

from asyncflow.abc import WorkerInfo
from asyncflow.alternatives import MODES
from asyncflow.config.sections import JobConfig
from asyncflow.executors.dask.agent import Agent
from asyncflow.executors.dask.held import Payload, folder_of

if TYPE_CHECKING:
    from distributed import Worker

WORKERS = "standalone"
"""The mode whose executor runs the jobs there."""

ORPHANED = 15.0
"""After how many seconds without its submitter a trip ends that nobody can take over."""

ADOPTABLE = 86_400.0
"""The same where the next orchestrator on the store does so, once it is there."""

BOUND = 0.25
"""After how many seconds what was not started of a trip is given back: it goes to others."""

PREFIX = "asyncflow-"
"""What the names of plugins begin with, before the id of their orchestrator."""

HELLO, TAKEN = 0, -1
"""What an agent tells in the place of the number of a trip: that it is there; that what
it runs was taken over, in case its submitter lives."""

_LET_GO = frozenset({"cancelled", "released", "forgotten", "resumed"})

NOT_STARTED = b""
"""What a trip returns that was meant for a worker that has gone, or is about to go."""


class Place(NamedTuple):
    """A Dask worker, as the agent in it describes it."""

    host: str
    pid: int
    incarnation: str
    """Tells it from another one that has its address later."""
    values: str
    """What tells the values that it holds from those of others."""
    folder: str
    """Where it has these."""


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
        self.name: str = settings.topic

    async def setup(self, worker: Worker) -> None:
        """Open the agent."""
        settings = self.settings
        self.worker = worker
        self.incarnation: str = uuid.uuid4().hex
        self.is_closing: bool = False
        self.trips: dict[int, asyncio.Future[bytes]] = {}
        """Those that run, and those whose end the submitter may not know."""
        self.owners: set[str] = {self.name.removeprefix(PREFIX)}
        """The orchestrator that it is for, and those that have taken over what it ran."""
        self.is_taken: bool = False
        """Whether it was taken over: nothing starts here any more."""
        self.patience: float = ORPHANED
        self.keys: dict[object, int] = {}
        """Those that run, by the keys of their Dask tasks."""
        self.orphans: dict[int, asyncio.TimerHandle] = {}
        """What ends those whose submitter has gone."""
        executor = cast("Any", MODES.load(WORKERS)).of(settings.jobs)
        executor.world, executor.bound = settings.world, BOUND
        self.agent: Agent = Agent(executor, settings.world is None)
        await asyncio.wrap_future(self.agent.open())
        self.agent.warm(1)
        size = worker.state.nthreads
        hello = (worker.address, *self.place, size)
        worker.log_event(settings.topic, (HELLO, hello))

    @property
    def place(self) -> Place:
        """Describe the worker."""
        values = folder_of(self.worker)
        here = socket.gethostname(), os.getpid()
        return Place(*here, self.incarnation, values.place, values.path)

    async def teardown(self, worker: Worker) -> None:  # noqa: ARG002  # Dask gives it
        """Close the agent: what runs there ends."""
        self.is_closing = True

        for timer in self.orphans.values():
            timer.cancel()

        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self.agent.close)

    async def run(
        self,
        key: object,
        trip: int,
        incarnation: str,
        patience: float,
        payload: Payload,
    ) -> bytes:
        """Run a trip, or wait for one that runs; return what has become of its calls.

        :param key: of the Dask task
        :param patience: after how many seconds without its submitter it ends
        """
        if incarnation != self.incarnation or self.is_closing:
            return NOT_STARTED

        self.patience = patience

        if (timer := self.orphans.pop(trip, None)) is not None:
            timer.cancel()

        if (running := self.trips.get(trip)) is None:
            if not payload.calls or self.is_taken:
                return NOT_STARTED

            if payload.needs:
                running = asyncio.ensure_future(self._begin_with(trip, payload))
            else:
                running = self._begin(trip, payload)

            self.trips[trip] = running

        self.keys[key] = trip

        try:
            return await asyncio.shield(running)
        finally:
            self.keys.pop(key, None)

    def _begin(self, trip: int, payload: Payload) -> asyncio.Future[bytes]:
        loop = asyncio.get_running_loop()
        events = Events(self.worker, loop, self.settings.topic, trip)
        return asyncio.wrap_future(self.agent.run(trip, payload.calls, events))

    async def _begin_with(self, trip: int, payload: Payload) -> bytes:
        """Run a trip once the values are here that it reads."""
        await folder_of(self.worker).bring(payload.needs)

        if self.is_closing or self.is_taken:
            return NOT_STARTED

        return await self._begin(trip, payload)

    def forget(self, trips: list[int]) -> None:
        """Forget trips of whose end the submitter has made sure."""
        for trip in trips:
            self.trips.pop(trip, None)

        self.agent.forget(trips)

    async def take_over(self, heir_id: str) -> dict[str, int]:
        """Have nothing start any more; return the attempts of what was started, by the
        ids of the jobs.
        """
        self.is_taken = True
        self.owners.add(heir_id)
        self.worker.log_event(self.settings.topic, (TAKEN, self.worker.address))

        for timer in self.orphans.values():
            timer.cancel()

        return await asyncio.wrap_future(self.agent.held())

    def transition(self, key: object, start: str, finish: str, **_: object) -> None:  # noqa: ARG002  # Dask gives it
        """See whether Dask has let go of a trip that runs: its submitter has gone."""
        if finish in _LET_GO and not self.is_taken and (trip := self.keys.get(key)):
            loop = asyncio.get_running_loop()
            end = partial(self.agent.kill_all, trip)
            self.orphans[trip] = loop.call_later(self.patience, end)


def plugin_of(worker: Worker, name: str) -> AgentPlugin | None:
    """Return the plugin of an orchestrator; None where there is none (any more)."""
    return cast("AgentPlugin | None", worker.plugins.get(name))


async def run_trip(
    name: str,
    key: str,
    trip: tuple[int, str, float],
    payload: Payload,
    done: list[int],
) -> bytes:
    """Run a trip: a Dask task is one call of this.

    :param key: that of the task
    :param trip: its number, the incarnation of the plugin that it is for, and after how
        many seconds without its submitter it ends
    :param payload: its calls; `SENT` where it was sent before
    :param done: the numbers of trips of whose end the submitter has made sure
    """
    if (plugin := plugin_of(get_worker(), name)) is None:
        return NOT_STARTED

    plugin.forget(done)
    return await plugin.run(key, *trip, payload)


async def describe(dask_worker: Worker, name: str) -> Place | None:
    """Describe the worker that this is called in; None while it has no agent."""
    plugin = plugin_of(dask_worker, name)

    if plugin is None or not hasattr(plugin, "agent"):
        return None

    return plugin.place


async def is_idle(name: str, dask_worker: Worker) -> bool:
    """Tell whether an agent runs nothing, and holds nothing for who takes over."""
    if (plugin := plugin_of(dask_worker, name)) is None:
        return True

    return not plugin.keys and not await asyncio.wrap_future(plugin.agent.held())


async def kill(
    name: str, trip: int, job_ids: list[str], *, now: bool, dask_worker: Worker
) -> None:
    """Ask for the end of jobs."""
    if (plugin := plugin_of(dask_worker, name)) is not None:
        plugin.agent.kill(trip, job_ids, now=now)


async def list_workers(
    dask_worker: Worker, *, name: str, stacks: bool
) -> list[WorkerInfo]:
    """List the worker processes of an orchestrator; see `Executor.list_workers`."""
    if (plugin := plugin_of(dask_worker, name)) is None:
        return []

    return await asyncio.wrap_future(plugin.agent.list_workers(stacks=stacks))
