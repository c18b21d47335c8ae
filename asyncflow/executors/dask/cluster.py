"""A Dask cluster, as the submitter sees it: who is there, and what travels."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

import attrs
from anyio import CancelScope, create_task_group, move_on_after, sleep, to_thread
from distributed import Client, Future
from distributed.client import _wait  # `wait` asks for a default client

from asyncflow.abc import Call, Watch, WorkerInfo
from asyncflow.background import temporary_folder
from asyncflow.config.sections import JobConfig
from asyncflow.executors.dask.connect import (
    PATIENCE,
    connected,
    disconnect,
    local_cluster,
    place_of,
)
from asyncflow.executors.dask.payload import pack
from asyncflow.executors.dask.plugin import (
    ORPHANED,
    AgentPlugin,
    AgentSettings,
    describe,
    end_jobs,
    kill,
    run_trip,
)
from asyncflow.executors.dask.seats import Member, SeatListener, Seats
from asyncflow.executors.dask.shared_folder import reach
from asyncflow.executors.dask.trip import Trip
from asyncflow.executors.dask.worker_list import worker_list
from asyncflow.log import logger as _logger
from asyncflow.task_group import Tasks
from asyncflow.worker.world import World

LOST = "the connection with the cluster was lost"

LEAVING = 0.5
"""How long the jobs of a Dask worker that is asked to leave may take to end, in seconds."""

PAUSE = 0.1
LONGEST_PAUSE = 5.0
"""The pauses between tries to connect again, the first and the longest, in seconds."""


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
    _futures: dict[int, tuple[Future, asyncio.Task[None]]] = attrs.field(
        init=False, factory=dict
    )
    """What each was sent as, and what fetches that."""
    _sent: int = attrs.field(init=False, default=0)
    _address: str | None = attrs.field(init=False, default=None)
    _security: Any = attrs.field(init=False, default=None)
    _settings: AgentSettings = attrs.field(init=False)
    _is_connected: bool = attrs.field(init=False, default=False)
    _is_leaving: bool = attrs.field(init=False, default=False)
    _away: dict[str, Member] = attrs.field(init=False, factory=dict)
    """The workers that were there when the connection was lost, by incarnation."""
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
        if trip.calls[0].waiting_file is not None:  # somebody has died who ran it
            await self._end_elsewhere([call.job_id for call in trip.calls])

        payload = await to_thread.run_sync(pack, trip.calls)

        if trip.kills:
            return

        if member.is_gone:
            trip.give_back()
            return

        trip.member = member
        self._trips[trip.number] = trip
        self._send(trip, payload)

        try:
            await trip.over.wait()
        except BaseException:
            with CancelScope(shield=True), move_on_after(self._patience):
                self._kill(trip, [call.job_id for call in trip.calls], now=True)
                await trip.over.wait()

            trip.lose(LOST)
            raise
        finally:
            del self._trips[trip.number]
            member.done.append(trip.number)
            self._forget(trip)

            if trip.has_files:
                with CancelScope(shield=True):
                    await to_thread.run_sync(trip.remove_files)

    @property
    def _patience(self) -> float:
        """How long the end of a killed job may take to be told, in seconds."""
        return self.jobs.kill_grace + PATIENCE

    def _send(self, trip: Trip, payload: bytes) -> None:
        """Send a trip to its worker; or ask for what became of it, where that has it.

        :param payload: its calls; none where it was sent before
        """
        member = trip.member
        assert member is not None
        self._sent += 1
        done, member.done = member.done, []
        key = f"{self._name}-{self._sent}"
        future = self._client.submit(
            *(run_trip, self._name, key, (trip.number, member.incarnation)),
            *(payload, done),
            key=key,
            pure=False,
            retries=0,
            workers=[member.address],
            allow_other_workers=False,
        )
        fetching = asyncio.ensure_future(self._fetch(trip, future))
        self._futures[trip.number] = future, fetching

    def _forget(self, trip: Trip) -> None:
        """Let go of what was sent of a trip."""
        future, fetching = self._futures.pop(trip.number)
        fetching.cancel()
        future.release()

    async def _fetch(self, trip: Trip, future: Future) -> None:
        """End a trip where its worker does not tell it, as what came of it is large."""
        try:
            await _wait([future])

            if not trip.over.is_set():
                trip.end_with(await future)
        except asyncio.CancelledError:
            if not future.cancelled() or not self._is_connected:
                raise

            trip.lose("somebody has cancelled it in the cluster")
        except Exception as error:
            if self._is_connected:
                trip.lose(repr(error))

    def _kill(self, trip: Trip, job_ids: list[str], *, now: bool) -> None:
        trip.kills.update(job_ids)

        if trip.member is None:
            return

        if self._is_connected:
            self._group.start_soon(self._send_kill, trip, job_ids, now)
        else:
            self._lose_later(trip)

    def _lose_later(self, trip: Trip) -> None:
        """Take a trip for ended there, as nobody asks for it, unless more is told of it."""
        wait = ORPHANED + self._patience
        asyncio.get_running_loop().call_later(wait, trip.lose, LOST)

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
        except (
            Exception
        ) as error:  # it has gone, and its jobs with it; or we are cut off
            _logger.warning("a kill did not reach %s: %r", trip.member.address, error)
            self._lose_later(trip)

    async def _end_elsewhere(self, job_ids: list[str]) -> None:
        """End jobs that a dead program has left in the cluster."""
        try:
            await self._client.run(end_jobs, name=self._name, job_ids=job_ids)
        except Exception as error:
            _logger.warning("jobs of a dead program may still run: %r", error)

    async def _open(self) -> None:
        """Connect, and have an agent in each worker."""
        stack = self._stack
        self._folder = await temporary_folder(stack, "cluster")
        self._address, self._security = place_of(self.jobs.address, self.jobs.security)
        world: bytes | None = None

        if self._address is None:
            count = self.jobs.max_nb_of_workers or _usable_cpus()
            self._address = await stack.enter_async_context(
                local_cluster(count, self._folder)
            )
            found = World()
            found.look()
            world = found.packed

        jobs = attrs.evolve(self.jobs, address=None, security=None, properties={})
        self._settings = AgentSettings(topic=self._name, jobs=jobs, world=world)
        await self._connect()
        self._group = Tasks(await stack.enter_async_context(create_task_group()))
        stack.push_async_callback(self._leave)

        if not self.seats.members:
            _logger.warning("the cluster has no worker yet: jobs wait for one")

    async def _connect(self) -> None:
        """Have agents in all workers, and hear what they tell."""
        assert self._address is not None
        client = await connected(self._address, self._security, self._name)

        try:
            client.subscribe_topic(self._name, self._hear)
            client.subscribe_topic("all", self._hear_of_workers)
            await client.register_plugin(AgentPlugin(self._settings))
            identity = await client.scheduler.identity(n_workers=-1)
            found = await client.run(describe, name=self._name, on_error="ignore")
        except BaseException:
            await disconnect(client)
            raise

        self._client, client.listener = client, self
        self._is_connected = True

        for address, place in found.items():
            if place is not None and (facts := identity["workers"].get(address)):
                host, pid, incarnation = place
                size = facts["nthreads"]
                self._join(Member(address, host, pid, incarnation, size))

    def disconnected(self) -> None:
        """Take note that the scheduler is not reached: what is under way goes on."""
        if not self._is_connected or self._is_leaving:
            return

        self._is_connected = False

        for _, fetching in self._futures.values():
            fetching.cancel()

        for address in [*self.seats.members]:
            if (member := self.seats.remove(address)) is not None:
                self._away[member.incarnation] = member

        self._group.start_soon(self._reconnect)

    async def _reconnect(self) -> None:
        """Connect again, however long that takes, and go on with what was under way."""
        _logger.warning("%s: jobs wait until it is there again", LOST)
        pause = PAUSE

        while not self._is_connected:
            try:
                await self._connect()
            except Exception:  # of whatever kind Dask has for it
                await sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

        _logger.warning("the cluster is there again: jobs go on")
        self._away.clear()

        for trip in [*self._trips.values()]:
            self._resume(trip)

    def _resume(self, trip: Trip) -> None:
        """Go on with a trip that was under way when the connection was lost."""
        member = trip.member
        assert member is not None

        if trip.over.is_set():
            return

        if member.is_gone:
            why = f"{LOST}, and its worker on {member.host} with it"
            trip.lose(why, is_charged=False)
            return

        self._send(trip, b"")

        if trip.kills:
            self._kill(trip, [*trip.kills], now=False)

    async def _leave(self) -> None:
        """Take what is ours out of the cluster."""
        self._is_leaving = True

        with CancelScope(shield=True):
            try:
                with move_on_after(PATIENCE):
                    client = self._client
                    client.unsubscribe_topic("all")
                    client.unsubscribe_topic(self._name)
                    await client.unregister_worker_plugin(name=self._name)
            except Exception as error:
                _logger.warning("agents were not closed: %r", error)

            self._group.cancel()
            await disconnect(self._client)

    async def reach(self, folder: str) -> None:
        await reach(self._client, self.seats.members, folder)

    async def list_workers(self) -> list[WorkerInfo]:
        members = self.seats.members.values()
        return await worker_list(self._client, self._name, members)

    def _hear(self, event: tuple[float, Any]) -> None:
        """Take what an agent tells."""
        number, data = event[1]

        if number == 0:
            self._join(Member(*data))
        elif (trip := self._trips.get(number)) is not None:
            trip.take(data)

    def _join(self, member: Member) -> None:
        """Take a worker in; one that is known already, as it is known."""
        known = self.seats.members.get(member.address)

        if known is None or known.incarnation != member.incarnation:
            member = self._away.pop(member.incarnation, member)
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

        if message["expected"]:  # its jobs are ended meanwhile
            loop = asyncio.get_running_loop()
            loop.call_later(LEAVING, self._lose, member, why, False)
        else:
            self._lose(member, why, True)

    def _lose(self, member: Member, why: str, is_charged: bool) -> None:
        for trip in [*self._trips.values()]:
            if trip.member is member:
                trip.lose(why, is_charged=is_charged)


def _usable_cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))

    return os.cpu_count() or 1
