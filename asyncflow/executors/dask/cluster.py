"""A Dask cluster, as the submitter sees it: who is there, and what travels."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, Protocol

import attrs
from anyio import CancelScope, create_task_group, move_on_after, sleep, to_thread
from distributed import Client, Future
from distributed.client import _wait  # `wait` asks for a default client

from asyncflow.abc import Call, Watch
from asyncflow.background import temporary_folder
from asyncflow.config.sections import JobConfig
from asyncflow.errors import ClusterFailed
from asyncflow.executors.dask.adoption import Adoption
from asyncflow.executors.dask.connect import (
    PATIENCE,
    connected,
    disconnect,
    local_cluster,
    place_of,
)
from asyncflow.executors.dask.payload import pack
from asyncflow.executors.dask.plugin import (
    ADOPTABLE,
    ORPHANED,
    PREFIX,
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

LEAVING = 0.5
"""How long the jobs of a Dask worker that is asked to leave may take to end, in seconds."""

PAUSE = 0.1
LONGEST_PAUSE = 5.0
"""The pauses between tries to connect again, the first and the longest, in seconds."""


class ClusterOwner(SeatListener, Protocol):
    """Whose jobs run; see `Executor`."""

    owner_id: str
    outlives_owner: bool


@attrs.define(eq=False, repr=False)
class Cluster:
    """Runs calls on the hosts of a Dask cluster; see `DaskExecutor`.

    :param jobs: how they are executed
    :param owner: is told where there are more or fewer seats
    """

    jobs: JobConfig
    owner: ClusterOwner
    _name: str = attrs.field(init=False)
    """The topic of the events that tell of our jobs, and the name of the plugin."""
    _stack: AsyncExitStack = attrs.field(init=False, factory=AsyncExitStack)
    _client: Client = attrs.field(init=False)
    _folder: str = attrs.field(init=False)
    _group: Tasks = attrs.field(init=False)
    seats: Seats = attrs.field(init=False)
    _adoption: Adoption = attrs.field(init=False)
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
        own_id = self.owner.owner_id or uuid.uuid4().hex
        self._name = PREFIX + own_id
        self._adoption = Adoption(own_id)
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
        held = self._adoption.take(calls)

        if held is not None and len(calls) > 1:
            watch.returned([call for call in calls if call.job_id != held.job_id])
            calls = [call for call in calls if call.job_id == held.job_id]

        self._count += 1
        trip = Trip(self._count, calls, watch, self._folder)

        for call in calls:
            self._jobs[call.job_id] = trip

        try:
            if held is None:
                member = await self.seats.take()
            else:  # it has begun there
                member = held.member
                self.seats.take_at(member)
                trip.is_adopted = True

            try:
                if trip.is_adopted or not trip.kills:
                    await self._ride(trip, member)
            finally:
                self.seats.give(member)
        finally:
            for call in calls:  # one that was returned may travel again already
                if self._jobs.get(call.job_id) is trip:
                    del self._jobs[call.job_id]

    def _adopt(self, trip: Trip) -> Member | None:
        """Return where a call runs that a dead program has sent; None for one that does
        not. Others of the trip are given back: they may be no part of that.
        """
        held = {call: one for call in trip.calls if (one := self._adoption.take(call))}
        call = next(iter(held), None)

        if call is None:
            return None

        self._adoption.put_back(held, but=call)
        trip.watch.returned([one for one in trip.calls if one is not call])
        trip.calls = (call,)
        return self.seats

    def kill(self, call: Call, *, now: bool = False) -> None:
        if (trip := self._jobs.get(call.job_id)) is not None:
            self._kill(trip, [call.job_id], now=now)

    async def _ride(self, trip: Trip, member: Member) -> None:
        """Have a worker run the calls of a trip.

        On cancel all of them have ended before this raises.
        """
        trip.member = member

        if member.is_gone and trip.is_adopted:
            trip.lose("its Dask worker has gone", is_charged=False)
            return

        if member.is_gone:
            trip.give_back()
            return

        self._trips[trip.number] = trip
        self._send(trip, pack(trip.calls))

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
            self._forget(trip)
            self._group.start_soon(self._settle, trip)

            if trip.has_files:
                with CancelScope(shield=True):
                    await to_thread.run_sync(trip.remove_files)

    @property
    def _patience(self) -> float:
        """How long the end of a killed job may take to be told, in seconds."""
        return self.jobs.kill_grace + PATIENCE

    async def _settle(self, trip: Trip) -> None:
        """Have a trip forgotten there once what was told of it is durable."""
        await trip.watch.kept()
        assert trip.member is not None

        if trip.is_adopted:
            await self._adoption.release(self._client, trip.member, trip.calls[0])
        else:
            trip.member.done.append(trip.number)

    def _send(self, trip: Trip, payload: bytes) -> None:
        """Send a trip to its worker; or ask for what became of it, where that has it.

        :param payload: its calls; none where it was sent before
        """
        member = trip.member
        assert member is not None

        if trip.is_adopted:
            self._group.start_soon(self._attach, trip)
            return

        self._sent += 1
        done, member.done = member.done, []
        key = f"{self._name}-{self._sent}"
        future = self._client.submit(
            *(run_trip, self._name, key),
            (trip.number, member.incarnation, self._orphaned),
            *(payload, done),
            key=key,
            pure=False,
            retries=0,
            workers=[member.address],
            allow_other_workers=False,
        )
        fetching = asyncio.ensure_future(self._fetch(trip, future))
        self._futures[trip.number] = future, fetching

    @property
    def _orphaned(self) -> float:
        """After how many seconds without this program its trips end."""
        return ADOPTABLE if self.owner.outlives_owner else ORPHANED

    def _forget(self, trip: Trip) -> None:
        """Let go of what was sent of a trip."""
        if (sent := self._futures.pop(trip.number, None)) is not None:
            future, fetching = sent
            fetching.cancel()
            future.release()

    async def _attach(self, trip: Trip) -> None:
        """Hear of a call that a dead program has sent."""
        assert trip.member is not None
        call, way = trip.calls[0], {"topic": self._name, "trip": trip.number}

        if await self._adoption.attach(self._client, trip.member, call, **way):
            if trip.kills:
                self._kill(trip, [*trip.kills], now=False)
        elif self._is_connected and not trip.over.is_set():
            trip.give_back()
            trip.end()

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
        elif not self.owner.outlives_owner:  # else it is sent when it can be again
            self._lose_later(trip)

    def _lose_later(self, trip: Trip) -> None:
        """Take a trip for ended there, as nobody asks for it, unless more is told of it."""
        wait = ORPHANED + self._patience
        asyncio.get_running_loop().call_later(wait, trip.lose, LOST)

    async def _send_kill(self, trip: Trip, job_ids: list[str], now: bool) -> None:
        assert trip.member is not None
        member = trip.member

        try:
            if trip.is_adopted:
                await self._adoption.end(self._client, member, trip.calls[0], now=now)
            else:
                await self._client.run(
                    *(kill, self._name, trip.number, job_ids),
                    now=now,
                    workers=[member.address],
                )
        except Exception as error:
            # It has gone, and its jobs with it; or we are cut off.
            _logger.warning("a kill did not reach %s: %r", trip.member.address, error)
            self._lose_later(trip)

    async def take_over(self, dead_id: str) -> Mapping[str, int]:
        members = [*self.seats.members.values()]
        return await self._adoption.take_over(self._client, members, dead_id)

    async def let_go(self, dead_id: str, job_ids: Collection[str]) -> None:
        members = [*self.seats.members.values()]
        await self._adoption.let_go(self._client, members, dead_id, job_ids)

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


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


def _usable_cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))

    return os.cpu_count() or 1
