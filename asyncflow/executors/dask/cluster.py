"""A Dask cluster, as the submitter sees it: who is there, and what travels."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

import attrs
from anyio import CancelScope, create_task_group, to_thread
from distributed import Client, Future
from distributed.client import _wait  # `wait` asks for a default client

from asyncflow.abc import Call, Watch
from asyncflow.background import temporary_folder
from asyncflow.config.sections import JobConfig
from asyncflow.errors import ClusterFailed
from asyncflow.executors.dask.connect import client_of, local_cluster, place_of
from asyncflow.executors.dask.payload import pack
from asyncflow.executors.dask.plugin import (
    AgentPlugin,
    AgentSettings,
    describe,
    kill,
    probe,
    run_trip,
)
from asyncflow.executors.dask.seats import Member, SeatListener, Seats
from asyncflow.executors.dask.trip import Trip
from asyncflow.log import logger as _logger
from asyncflow.task_group import Tasks
from asyncflow.worker.world import World

LOST = "the connection with the cluster was lost"


@attrs.define(eq=False, repr=False)
class Cluster:
    """Runs calls on the hosts of a Dask cluster; see `DaskExecutor`.

    :param jobs: how they are executed
    :param owner: is told where there are more or fewer seats
    """

    jobs: JobConfig
    owner: SeatListener
    _name: str = attrs.field(init=False)
    """The topic of the events that tell of our jobs, and the name of the plugin."""
    _stack: AsyncExitStack = attrs.field(init=False, factory=AsyncExitStack)
    _client: Client = attrs.field(init=False)
    _folder: str = attrs.field(init=False)
    _group: Tasks = attrs.field(init=False)
    seats: Seats = attrs.field(init=False)
    _count: int = attrs.field(init=False, default=0)
    _trips: dict[int, Trip] = attrs.field(init=False, factory=dict)
    """Those that were sent, by their numbers."""
    _jobs: dict[str, Trip] = attrs.field(init=False, factory=dict)
    """For the id of each job under way, its trip."""

    async def open(self) -> None:
        """Connect, and have an agent in each worker. On failure nothing stays open."""
        self._name = f"asyncflow-{uuid.uuid4().hex}"
        self.seats = Seats(self.owner)

        try:
            await self._open()
        except BaseException:
            await self._stack.aclose()
            raise

    async def close(self) -> None:
        """Take what is ours out of the cluster; end one that is ours."""
        await self._stack.aclose()

    async def run(self, calls: Sequence[Call], watch: Watch) -> None:
        self._count += 1
        trip = Trip(self._count, calls, watch, self._folder)

        for call in calls:
            self._jobs[call.job_id] = trip

        try:
            member = await self.seats.take()

            try:
                if not trip.kills:
                    await self._ride(trip, member)
            finally:
                self.seats.give(member)
        finally:
            for call in calls:  # one that was returned may travel again already
                if self._jobs.get(call.job_id) is trip:
                    del self._jobs[call.job_id]

    def kill(self, call: Call, *, now: bool = False) -> None:
        if (trip := self._jobs.get(call.job_id)) is not None:
            self._kill(trip, [call.job_id], now=now)

    async def _ride(self, trip: Trip, member: Member) -> None:
        """Have a worker run the calls of a trip.

        On cancel all of them have ended before this raises.
        """
        trip.member = member
        self._trips[trip.number] = trip
        future = self._client.submit(
            *(run_trip, self._name, trip.number, member.incarnation, pack(trip.calls)),
            key=f"{self._name}-{trip.number}",
            pure=False,
            retries=0,
            workers=[member.address],
            allow_other_workers=False,
        )
        fetching = asyncio.ensure_future(self._fetch(trip, future))

        try:
            if member.is_gone:
                trip.give_back()
                trip.end()

            await trip.over.wait()
        except BaseException:
            with CancelScope(shield=True):
                self._kill(trip, [call.job_id for call in trip.calls], now=True)
                await trip.over.wait()

            raise
        finally:
            del self._trips[trip.number]
            fetching.cancel()
            future.release()

            if trip.has_files:
                with CancelScope(shield=True):
                    await to_thread.run_sync(trip.remove_files)

    async def _fetch(self, trip: Trip, future: Future) -> None:
        """End a trip where its worker does not tell it: what came of it is large, or the
        connection was lost.
        """
        try:
            await _wait([future])

            if not trip.over.is_set():
                trip.end_with(await future)
        except asyncio.CancelledError as error:
            if not trip.over.is_set() and future.cancelled():
                trip.lose(str(error) or LOST)
            else:
                raise
        except Exception as error:
            trip.lose(f"{LOST} ({error})" if future.cancelled() else repr(error))

    def _kill(self, trip: Trip, job_ids: list[str], *, now: bool) -> None:
        trip.kills.update(job_ids)

        if trip.member is not None:
            self._group.start_soon(self._send_kill, trip, job_ids, now)

    async def _send_kill(self, trip: Trip, job_ids: list[str], now: bool) -> None:
        assert trip.member is not None

        try:
            await self._client.run(
                kill,
                name=self._name,
                trip=trip.number,
                job_ids=job_ids,
                now=now,
                workers=[trip.member.address],
            )
        except Exception as error:  # it has gone, and its jobs with it
            _logger.warning("a kill did not reach %s: %r", trip.member.address, error)

    async def _open(self) -> None:
        """Connect, and have an agent in each worker."""
        stack = self._stack
        self._folder = await temporary_folder(stack, "cluster")
        address, security = place_of(self.jobs.address, self.jobs.security)
        world: bytes | None = None

        if address is None:
            count = self.jobs.max_nb_of_workers or _usable_cpus()
            address = await stack.enter_async_context(
                local_cluster(count, self._folder)
            )
            found = World()
            found.look()
            world = found.packed

        self._client = await stack.enter_async_context(
            client_of(address, security, self._name)
        )
        self._group = Tasks(await stack.enter_async_context(create_task_group()))
        stack.push_async_callback(self._leave)
        await self._join_all(world)

    async def _join_all(self, world: bytes | None) -> None:
        """Have agents in all workers, and hear what they tell."""
        client = self._client
        client.subscribe_topic(self._name, self._hear)
        client.subscribe_topic("all", self._hear_of_workers)
        jobs = attrs.evolve(self.jobs, address=None, security=None, properties={})
        settings = AgentSettings(topic=self._name, jobs=jobs, world=world)
        await client.register_plugin(AgentPlugin(settings))
        identity = await client.scheduler.identity(n_workers=-1)
        found = await client.run(describe, name=self._name)

        for address, place in found.items():
            if place is not None and (facts := identity["workers"].get(address)):
                host, pid, incarnation = place
                size = facts["nthreads"]
                self._join(Member(address, host, pid, incarnation, size))

        if not self.seats.members:
            _logger.warning("the cluster has no worker yet: jobs wait for one")

    async def _leave(self) -> None:
        """Take what is ours out of the cluster."""
        client = self._client

        with CancelScope(shield=True):
            client.unsubscribe_topic("all")
            client.unsubscribe_topic(self._name)

            try:
                await client.unregister_worker_plugin(name=self._name)
            except Exception as error:
                _logger.warning("agents were not closed: %r", error)

            self._group.cancel()

    async def reach(self, folder: str) -> None:
        text = uuid.uuid4().hex
        path = os.path.join(folder, f"{text}.probe")
        await to_thread.run_sync(_write, path, text)

        try:
            found = await self._client.run(probe, path=path)
        finally:
            await to_thread.run_sync(os.unlink, path)

        blind = sorted(
            one.host
            for address, one in self.seats.members.items()
            if found.get(address) != text
        )

        if blind:
            raise ClusterFailed(
                self._client.scheduler.address,
                f"the folder of values {folder} of this host is not there on "
                f"{', '.join(blind)}",
                "give the orchestrator a store in a folder that all hosts share, at the "
                "same path: Orchestrator(store='/shared/.asyncflow/asyncflow.db')",
            )

    def _hear(self, event: tuple[float, Any]) -> None:
        """Take what an agent tells."""
        number, data = event[1]

        if number == 0:
            self._join(Member(*data))
        elif (trip := self._trips.get(number)) is not None:
            trip.take(data)

    def _join(self, member: Member) -> None:
        known = self.seats.members.get(member.address)

        if known is None or known.incarnation != member.incarnation:
            self.seats.add(member)

    def _hear_of_workers(self, event: tuple[float, Any]) -> None:
        """Take what the scheduler tells of a worker."""
        message = event[1]

        if message.get("action") != "remove-worker":
            return

        address = message["worker"]

        if (member := self.seats.remove(address)) is None:
            return

        why = f"its Dask worker {address} on {member.host} (pid {member.pid}) has gone"

        for trip in [*self._trips.values()]:
            if trip.member is member:
                trip.lose(why)


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


def _usable_cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))

    return os.cpu_count() or 1
