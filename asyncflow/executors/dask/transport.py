"""What is sent to the workers of a Dask cluster, and what is fetched from there."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

import attrs
from anyio import sleep
from distributed import Client, Future
from distributed.client import _wait  # `wait` asks for a default client

from asyncflow.errors import StoreFailed
from asyncflow.executors.dask.adoption import Adoption
from asyncflow.executors.dask.held import Payload
from asyncflow.executors.dask.plugin import ADOPTABLE, ORPHANED, kill, run_trip
from asyncflow.executors.dask.trip import Trip
from asyncflow.log import logger as _logger
from asyncflow.task_group import Tasks

LOST = "the connection with the cluster was lost"

AGAIN = 1.0
"""After how many seconds a worker that did not answer is asked again."""


class Owner(Protocol):
    """Whose trips they are; see `Executor`."""

    owner_id: str
    outlives_owner: bool


@attrs.define(eq=False, repr=False)
class Transport:
    """Carries trips, and kills of jobs.

    :param name: that of our plugins, and the topic of what they tell
    :param patience: how long the end of a killed job may take to be told, in seconds
    """

    name: str
    owner: Owner
    adoption: Adoption
    patience: float
    client: Client = attrs.field(init=False)
    group: Tasks = attrs.field(init=False)
    is_connected: bool = attrs.field(init=False, default=False)
    _sent: int = attrs.field(init=False, default=0)
    _futures: dict[int, tuple[Future, asyncio.Task[None]]] = attrs.field(
        init=False, factory=dict
    )
    """What each trip was sent as, by their numbers, and what fetches that."""

    def disconnected(self) -> None:
        """Take note that nothing arrives any more, until somebody connects again."""
        self.is_connected = False

        for _, fetching in self._futures.values():
            fetching.cancel()

    def send(self, trip: Trip, payload: Payload) -> None:
        """Send a trip to its worker; or ask for what became of it, where that has it.

        :param payload: its calls; `SENT` where it was sent before
        """
        member = trip.member
        assert member is not None

        if trip.is_adopted:
            self.group.start_soon(self._attach, trip)
            return

        self._sent += 1
        done, member.done = member.done, []
        key = f"{self.name}-{self._sent}"
        patience = ADOPTABLE if self.owner.outlives_owner else ORPHANED
        future = self.client.submit(
            *(run_trip, self.name, key, (trip.number, member.incarnation, patience)),
            *(payload, done),
            key=key,
            pure=False,
            retries=0,
            workers=[member.address],
            allow_other_workers=False,
        )
        fetching = asyncio.ensure_future(self._fetch(trip, future))
        self._futures[trip.number] = future, fetching

    def forget(self, trip: Trip) -> None:
        """Let go of a trip that is over, there once what was told of it is durable."""
        if (sent := self._futures.pop(trip.number, None)) is not None:
            future, fetching = sent
            fetching.cancel()
            future.release()

        self.group.start_soon(self._settle, trip)

    def kill(self, trip: Trip, job_ids: Sequence[str], *, now: bool) -> None:
        """Have jobs of a trip end; where that cannot be sent now, they are known then."""
        trip.kills.update(job_ids)

        if trip.member is None:
            return

        if self.is_connected:
            self.group.start_soon(self._send_kill, trip, [*job_ids], now)
        elif not self.owner.outlives_owner:  # else it is sent when it can be again
            self._lose_later(trip)

    async def _fetch(self, trip: Trip, future: Future) -> None:
        """End a trip where its worker does not tell it, as what came of it is large."""
        try:
            await _wait([future])

            if not trip.over.is_set():
                trip.end_with(await future)
        except asyncio.CancelledError:
            if not future.cancelled() or not self.is_connected:
                raise

            trip.lose("somebody has cancelled it in the cluster")
        except Exception as error:
            if self.is_connected:
                trip.lose(repr(error))

    async def _attach(self, trip: Trip) -> None:
        """Hear of a call that a dead program has sent."""
        assert trip.member is not None
        call, topic, is_there = trip.calls[0], self.name, None

        while self.is_connected and not trip.over.is_set():
            is_there = await self.adoption.attach(
                self.client, trip.member, call, topic=topic, trip=trip.number
            )

            if is_there is not None:
                break

            await sleep(AGAIN)

        if is_there is False:
            trip.give_back()
            trip.end()
        elif trip.kills:
            self.kill(trip, [*trip.kills], now=False)

    async def _settle(self, trip: Trip) -> None:
        assert trip.member is not None

        try:
            await trip.watch.kept()
        except StoreFailed:  # for good, as others are told: who takes over asks for it
            return

        if trip.is_adopted:
            await self.adoption.release(self.client, trip.member, trip.calls[0])
        else:
            trip.member.done.append(trip.number)

    async def _send_kill(self, trip: Trip, job_ids: list[str], now: bool) -> None:
        assert trip.member is not None
        member = trip.member

        try:
            if trip.is_adopted:
                await self.adoption.end(self.client, member, trip.calls[0], now=now)
            else:
                await self.client.run(
                    *(kill, self.name, trip.number, job_ids),
                    now=now,
                    workers=[member.address],
                )
        except Exception as error:
            # It has gone, and its jobs with it; or we are cut off.
            _logger.warning("a kill did not reach %s: %r", member.address, error)
            self._lose_later(trip)

    def _lose_later(self, trip: Trip) -> None:
        """Take a trip for ended there, as nobody asks for it, unless more is told of it."""
        wait = ORPHANED + self.patience
        asyncio.get_running_loop().call_later(wait, trip.lose, LOST)
