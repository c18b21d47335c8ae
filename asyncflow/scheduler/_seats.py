"""The seats: who runs at a time.

Seats are the tokens of one limiter. While jobs are ready and seats are free, a lane is
started in the task group: it holds one seat and runs one load after the other until
nothing is ready. So there are never more tasks than seats, however many jobs wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs
from anyio import CapacityLimiter

from asyncflow.abc import Executor
from asyncflow.scheduler._echo import Echo
from asyncflow.scheduler._flight import Flight
from asyncflow.scheduler._group import Group
from asyncflow.scheduler._lane import Lane, Source, Tracer
from asyncflow.scheduler._notes import Notes
from asyncflow.scheduler._versions import Versions

if TYPE_CHECKING:
    from asyncflow.scheduler._live import Live


@attrs.define(eq=False, repr=False)
class Seats:
    """The lanes.

    :param executors: by name
    :param echo: shows what jobs print in other processes
    :param live: does so while they run; None where that is not wanted
    :param tracer: gives the trace that a job continues
    """

    source: Source
    versions: Versions
    notes: Notes
    executors: Mapping[str, Executor]
    limiter: CapacityLimiter
    echo: Echo
    live: Live | None
    group: Group
    tracer: Tracer
    _lanes: set[Lane] = attrs.field(init=False, factory=set)
    """Those that run something."""
    _is_due: bool = attrs.field(init=False, default=False)
    _is_full: bool = attrs.field(init=False, default=False)
    """Whether no seat is known to be free."""

    def fill_soon(self) -> None:
        """Fill them at the end of the event loop's turn."""
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._fill_now)

    def fill(self) -> None:
        """Start lanes while jobs are ready and seats are free."""
        if self._is_full or self.group.is_failing:  # an error of ours ends all
            return

        try:
            self._fill()
        except Exception as error:  # who has a seat then, nobody knows
            self.group.fail(error)
            raise

    def end(self, flight: Flight) -> None:
        """End the load of a job that its executor cannot kill."""
        for lane in self._lanes:
            if lane.has(flight):
                lane.end()

    def _fill(self) -> None:
        while not self._is_full:
            if self.limiter.available_tokens < 1:
                self._is_full = True
                return

            flights = self._next_load()

            if not flights:
                return

            seat = object()
            self.limiter.acquire_on_behalf_of_nowait(seat)
            self.group.start_soon(self._lane, seat, flights, on_error=self.group.fail)

    def resize(self, count: int) -> None:
        """Change how many there are; no job that runs is ended."""
        self.limiter.total_tokens = count
        self._is_full = False
        self.group.start_soon(self._shrink)
        self.fill()

    async def _shrink(self) -> None:
        """Have the processes end that there are no seats for."""
        for executor in self.executors.values():
            await executor.shrink(int(self.limiter.total_tokens))

    def _fill_now(self) -> None:
        self._is_due = False
        self.fill()

    def _next_load(self) -> list[Flight]:
        return self.source.next_load(int(self.limiter.total_tokens))

    async def _lane(self, seat: object, flights: list[Flight]) -> None:
        """Run one load after the other on one seat, until none is ready."""
        lane = Lane(
            self.source,
            self.versions,
            self.notes,
            self.executors,
            self.echo,
            self.live,
            self.group,
            self.tracer,
            self.fill_soon,
        )
        self._lanes.add(lane)

        try:
            while flights:
                await lane.fly(flights)

                if self.limiter.borrowed_tokens > self.limiter.total_tokens:
                    lane.give_back()
                    self.group.start_soon(self._shrink)
                    break  # there are fewer seats now

                flights = lane.next_load() or self._next_load()
                self.fill()
        finally:
            self._lanes.discard(lane)
            lane.close()
            self.limiter.release_on_behalf_of(seat)
            self._is_full = False
