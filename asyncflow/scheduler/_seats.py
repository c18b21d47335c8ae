"""The seats: who runs at a time.

Seats are the tokens of one limiter. While jobs are ready and seats are free, a lane is
started in the task group: it holds one seat and runs one load after the other until
nothing is ready. So there are never more tasks than seats, however many jobs wait.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import attrs
from anyio import CapacityLimiter

from asyncflow.abc import Call, Crashed, Executor, Made
from asyncflow.entities.job import Job
from asyncflow.scheduler._flight import Flight, call_of
from asyncflow.scheduler._group import Group
from asyncflow.scheduler._load import Load, Tower
from asyncflow.scheduler._notes import Notes
from asyncflow.scheduler._versions import Versions

_logger = logging.getLogger("asyncflow")


class Source(Tower, Protocol):
    """Where jobs come from."""

    def next_load(self, seats: int) -> list[Flight]:
        """Give a seat to the jobs whose turn it is; there may be none.

        :param seats: how many seats there are in all
        """

    def broken(self) -> None:
        """Take note that nothing runs any more: an error of ours."""


@attrs.define(eq=False, repr=False)
class Tracer:
    """What travels with each job to where it runs, so that its trace goes on there."""

    carrier: Callable[[Job], str | None] | None = None
    """None where nobody traces."""


@attrs.define(eq=False, repr=False)
class Seats:
    """The lanes.

    :param executors: by name
    :param echo: whether to print what jobs printed in other processes
    :param tracer: gives the trace that a job continues
    """

    source: Source
    versions: Versions
    notes: Notes
    executors: Mapping[str, Executor]
    limiter: CapacityLimiter
    echo: bool
    group: Group
    tracer: Tracer
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

        while not self._is_full:
            if self.limiter.available_tokens < 1:
                self._is_full = True
                return

            flights = self._next_load()

            if not flights:
                return

            seat = object()
            self.limiter.acquire_on_behalf_of_nowait(seat)
            self.group.start_soon(self._lane, seat, flights)

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
        try:
            while flights:
                await self._fly(flights)

                if self.limiter.borrowed_tokens > self.limiter.total_tokens:
                    self.group.start_soon(self._shrink)
                    break  # there are fewer seats now

                flights = self._next_load()
                self.fill()
        except Exception:
            self.source.broken()
            raise
        finally:
            self.limiter.release_on_behalf_of(seat)
            self._is_full = False

    async def _fly(self, flights: Sequence[Flight]) -> None:
        """Run jobs that travel together."""
        load = Load(self.source, flights, self.echo, self.group, self.fill_soon)

        try:
            await self._prepare(flights)
            left = [flight for flight in flights if not flight.is_over]

            if left:
                executor = self.executors[left[0].travel.executor]
                await executor.run(self._calls(left), load)
                self._check_told(left, load)
        except Exception as error:
            if load.failure is not None:
                raise

            _logger.exception("the executor of %s failed", flights[0].job_id)

            for flight in load.untold()[:1]:
                why = f"its executor raised {error!r}"
                self.source.ended(flight, Crashed(None, why))
        finally:
            if load.failure is None:
                for flight in reversed(load.untold()):
                    self.source.returned(flight)

    async def _prepare(self, flights: Sequence[Flight]) -> None:
        if self.versions.is_shared:
            for flight in flights:
                await self.versions.refresh_shared(flight.task.input.values())

        first = flights[0]

        if first.task.config.on_restart == "fail" and not first.is_over:
            self.source.started(first, None)
            await self.notes.note_fragile(flights)

    def _calls(self, flights: Sequence[Flight]) -> list[Call]:
        made: dict[str, Made] = {}
        calls = []

        for index, flight in enumerate(flights):
            carrier = self.tracer.carrier and self.tracer.carrier(flight.job)
            calls.append(call_of(flight, self.versions, made, carrier))

            if flight.follower is not None:
                for place, node in enumerate(flight.task.output.values()):
                    made[node.id] = index, place

        return calls

    def _check_told(self, flights: Sequence[Flight], load: Load) -> None:
        """Have a job fail rather than run again and again where nothing was told."""
        untold = load.untold()

        if len(untold) == len(flights) and not any(one.verdict for one in flights):
            self.source.ended(flights[0], Crashed(None, "its executor told no outcome"))
