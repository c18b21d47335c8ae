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

from asyncflow.abc import Call, ValuesAddress, Watch, WorkerInfo
from asyncflow.background import temporary_folder
from asyncflow.config.sections import JobConfig
from asyncflow.executors.dask.adoption import Adoption
from asyncflow.executors.dask.connect import (
    PATIENCE,
    connected,
    disconnect,
    local_cluster,
    place_of,
)
from asyncflow.executors.dask.held import SENT, Payload
from asyncflow.executors.dask.held_values import ClusterValues, homes, placed
from asyncflow.executors.dask.owner_watch import END, OwnerWatch
from asyncflow.executors.dask.payload import pack
from asyncflow.executors.dask.plugin import (
    HELLO,
    PREFIX,
    TAKEN,
    AgentPlugin,
    AgentSettings,
    describe,
)
from asyncflow.executors.dask.seats import Member, SeatListener, Seats
from asyncflow.executors.dask.shared_folder import reach, reach_address
from asyncflow.executors.dask.silence import telling_who_is_silent
from asyncflow.executors.dask.transport import LOST, Owner, Transport
from asyncflow.executors.dask.trip import Trip
from asyncflow.executors.dask.worker_list import worker_list
from asyncflow.log import logger as _logger
from asyncflow.task_group import Tasks
from asyncflow.worker.world import World

LEAVING = 0.5
"""How long the jobs of a Dask worker that is asked to leave may take to end, in seconds."""

PAUSE = 0.1
LONGEST_PAUSE = 5.0
"""The pauses between tries to connect again, the first and the longest, in seconds."""


class ClusterOwner(SeatListener, Owner, Protocol):
    """Whose jobs run, and who is told of seats."""


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
    _folder: str = attrs.field(init=False)
    _transport: Transport = attrs.field(init=False)
    seats: Seats = attrs.field(init=False)
    _adoption: Adoption = attrs.field(init=False)
    _count: int = attrs.field(init=False, default=0)
    _trips: dict[int, Trip] = attrs.field(init=False, factory=dict)
    """Those that were sent, by their numbers."""
    _address: str | None = attrs.field(init=False, default=None)
    _security: Any = attrs.field(init=False, default=None)
    _settings: AgentSettings = attrs.field(init=False)
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
        patience = self.jobs.kill_grace + PATIENCE
        self._transport = Transport(self._name, self.owner, self._adoption, patience)
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
                member = await self._seat(trip)
            else:  # it has begun there
                member = held.member
                self.seats.take_at(member)
                trip.is_adopted = True

            if member is None:
                return

            try:
                if trip.is_adopted or not trip.kills:
                    await self._ride(trip, member)
            finally:
                self.seats.give(member)

                if trip.has_files:
                    with CancelScope(shield=True):
                        await to_thread.run_sync(trip.remove_files)
        finally:
            for call in calls:  # one that was returned may travel again already
                if self._jobs.get(call.job_id) is trip:
                    del self._jobs[call.job_id]

    def kill(self, call: Call, *, now: bool = False) -> None:
        if (trip := self._jobs.get(call.job_id)) is not None:
            self._transport.kill(trip, [call.job_id], now=now)

            if trip.waiting is not None:
                trip.waiting.cancel()

    async def _seat(self, trip: Trip) -> Member | None:
        """Take a seat for a trip; None where a job of it is to end before there is one.

        Nothing is told of its calls then: they were not started, and those that are not to
        end travel again.
        """
        with CancelScope() as trip.waiting:
            return await self.seats.take(homes(trip.calls))

        return None

    async def _ride(self, trip: Trip, member: Member) -> None:
        """Have a worker run the calls of a trip.

        On cancel all of them have ended before this raises.
        """
        if trip.is_adopted:
            payload = SENT
        else:
            calls, needs = placed(trip.calls, member, self.seats.members)
            payload = Payload(await to_thread.run_sync(pack, calls), needs)

            if trip.kills:
                return

        if member.is_gone and trip.is_adopted:
            trip.lose("its Dask worker has gone", is_charged=False)
            return

        if member.is_gone:
            trip.give_back()
            return

        trip.member = member
        self._trips[trip.number] = trip
        self._transport.send(trip, payload)

        try:
            await trip.over.wait()
        except BaseException:
            with CancelScope(shield=True), move_on_after(self._transport.patience):
                ids = [call.job_id for call in trip.calls]
                self._transport.kill(trip, ids, now=True)
                await trip.over.wait()

            trip.lose(LOST)
            raise
        finally:
            del self._trips[trip.number]
            self._transport.forget(trip)

    async def take_over(self, dead_id: str) -> Mapping[str, int]:
        members = [*self.seats.members.values()]
        return await self._adoption.take_over(self._transport.client, members, dead_id)

    async def let_go(self, dead_id: str, job_ids: Collection[str]) -> None:
        members = [*self.seats.members.values()]
        await self._adoption.let_go(self._transport.client, members, dead_id, job_ids)

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
        self._transport.group = Tasks(
            await stack.enter_async_context(create_task_group())
        )
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

            async with telling_who_is_silent(client):
                await client.register_plugin(OwnerWatch(self._name))
                await client.register_plugin(AgentPlugin(self._settings))
                identity = await client.scheduler.identity(n_workers=-1)
                found = await client.run(describe, name=self._name, on_error="ignore")
        except BaseException:
            await disconnect(client)
            raise

        self._transport.client, client.listener = client, self
        self._transport.is_connected = True

        for address, place in found.items():
            if place is not None and (facts := identity["workers"].get(address)):
                described = address, *place, facts["nthreads"]
                self._join(Member(*described))

    def disconnected(self) -> None:
        """Take note that the scheduler is not reached: what is under way goes on."""
        if not self._transport.is_connected or self._is_leaving:
            return

        self._transport.disconnected()

        for address in [*self.seats.members]:
            if (member := self.seats.remove(address)) is not None:
                self._away[member.incarnation] = member

        self._transport.group.start_soon(self._reconnect)

    async def _reconnect(self) -> None:
        """Connect again, however long that takes, and go on with what was under way."""
        _logger.warning("%s: jobs wait until it is there again", LOST)
        pause = PAUSE

        while not self._transport.is_connected:
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

        self._transport.send(trip, SENT)

        if trip.kills:
            self._transport.kill(trip, [*trip.kills], now=False)

    async def _leave(self) -> None:
        """Take what is ours out of the cluster."""
        self._is_leaving = True

        with CancelScope(shield=True):
            try:
                with move_on_after(PATIENCE):
                    client = self._transport.client
                    client.unsubscribe_topic("all")
                    client.unsubscribe_topic(self._name)
                    await self._adoption.close(client)
                    await client.unregister_worker_plugin(name=self._name)
                    await client.unregister_scheduler_plugin(f"{self._name}{END}")
            except Exception as error:
                _logger.warning("agents were not closed: %r", error)

            self._transport.group.cancel()
            await disconnect(self._transport.client)

    @property
    def held(self) -> ClusterValues:
        """The values that stay in the cluster."""
        return ClusterValues(self._transport, self.seats.members)

    async def reach(self, folder: str, address: ValuesAddress | None) -> None:
        """See `Executor.reach`."""
        client, members = self._transport.client, self.seats.members

        async with telling_who_is_silent(client):
            if address is None:
                await reach(client, members, folder)
            else:
                await reach_address(client, members, address)

    async def list_workers(self, *, stacks: bool = False) -> list[WorkerInfo]:
        client, members = self._transport.client, self.seats.members.values()
        return await worker_list(client, self._name, members, stacks=stacks)

    def _hear(self, event: tuple[float, Any]) -> None:
        """Take what an agent tells."""
        number, data = event[1]

        if number == HELLO:
            self._join(Member(*data))
        elif number == TAKEN:
            self._was_taken(data)
        elif (trip := self._trips.get(number)) is not None:
            trip.take(data)

    def _was_taken(self, address: str) -> None:
        """Take note that others go on with what a worker runs: we were taken for dead."""
        if (member := self.seats.remove(address)) is not None:
            self._lose(member, "another program has taken it over", False)

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
