"""A lane: one seat, and the loads that fly there one after the other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import attrs

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

    def links_after(self, last: Flight, most: int) -> list[Flight]:
        """Give the seat of a job that is under way to the next links of its chain,
        unless somebody else waits for one.
        """

    def broken(self) -> None:
        """Take note that nothing runs any more: an error of ours."""


@attrs.define(eq=False, repr=False)
class Tracer:
    """What travels with each job to where it runs, so that its trace goes on there."""

    carrier: Callable[[Job], str | None] | None = None
    """None where nobody traces."""


@attrs.define(eq=False, repr=False)
class Lane:
    """Runs loads.

    While a load is under way that ends in the middle of a chain, the next one is got
    ready: so the worker waits less between the two.

    :param executors: by name
    :param echo: whether to print what jobs printed in other processes
    :param tracer: gives the trace that a job continues
    :param late: is called when a job has ended whose executor may be done already
    """

    source: Source
    versions: Versions
    notes: Notes
    executors: Mapping[str, Executor]
    echo: bool
    group: Group
    tracer: Tracer
    late: Callable[[], None]
    _ahead: list[Flight] = attrs.field(init=False, factory=list)
    _ready: list[Call] = attrs.field(init=False, factory=list)
    """The calls of those ahead but for the first, whose input was not there yet."""

    @property
    def ahead(self) -> list[Flight]:
        """The load that is got ready: those of it that were not given back since."""
        return [flight for flight in self._ahead if not flight.is_over]

    def give_back(self) -> None:
        """Give the load back that is got ready."""
        for flight in reversed(self.ahead):
            self.source.returned(flight)

    async def fly(self, flights: Sequence[Flight]) -> None:
        """Run jobs that travel together."""
        load = Load(self.source, flights, self.echo, self.group, self.late)

        try:
            await self._prepare(flights)
            left = [flight for flight in flights if not flight.is_over]

            if left:
                await self._run(left, load)
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

    async def _run(self, flights: Sequence[Flight], load: Load) -> None:
        executor = self.executors[flights[0].travel.executor]
        calls = self._calls(flights)
        self._ahead, self._ready = [], []

        for flight, call in zip(flights, calls, strict=True):
            flight.call = call

        if executor.carries == 1 or not flights[0].travel.pace.is_short:
            await executor.run(calls, load)
            return

        loop = asyncio.get_running_loop()
        look = loop.call_soon(self._look_ahead, flights[-1], executor.carries)

        try:
            await executor.run(calls, load)
        finally:
            look.cancel()

    def _look_ahead(self, last: Flight, most: int) -> None:
        """Get the next load ready: what follows the last job of this one."""
        if not last.is_over:
            self._ahead = self.source.links_after(last, most)
            self._ready = self._calls_from(1, self._ahead)

    def _calls(self, flights: Sequence[Flight]) -> list[Call]:
        if self._ahead and flights[0] is self._ahead[0]:
            first = self._calls_from(0, flights[:1])
            return [*first, *self._ready[: len(flights) - 1]]

        return self._calls_from(0, flights)

    def _calls_from(self, start: int, flights: Sequence[Flight]) -> list[Call]:
        """Describe the jobs of a load, from one on."""
        made: dict[str, Made] = {}
        calls = []

        for index, flight in enumerate(flights):
            if index >= start:
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
