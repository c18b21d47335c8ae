"""A lane: one seat, and the loads that fly there one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Protocol

import attrs
from anyio import CancelScope

from asyncflow.abc import Call, Crashed, Executor, Kept, Made, Outcome, Returned
from asyncflow.entities.job import Job
from asyncflow.log import logger as _logger
from asyncflow.scheduler._echo import Echo
from asyncflow.scheduler._flight import Flight, call_of, read_by
from asyncflow.scheduler._group import Group, is_canceled
from asyncflow.scheduler._insist import insist
from asyncflow.scheduler._load import Load, Tower
from asyncflow.scheduler._notes import Notes
from asyncflow.scheduler._versions import Versions

if TYPE_CHECKING:
    from asyncflow.scheduler._live import Live


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


@attrs.define(eq=False, repr=False)
class Tracer:
    """What travels with each job to where it runs, so that its trace goes on there."""

    carrier: Callable[[Job], str | None] | None = None
    """None where nobody traces."""


@attrs.define(eq=False, repr=False)
class Lane:
    """Runs loads.

    While a load is under way that ends in the middle of a chain, the next one is got
    ready. It is sent before the jobs of the first one land, so that the worker hardly
    waits.

    :param executors: by name
    :param echo: shows what jobs print in other processes
    :param live: does so while they run; None where that is not wanted
    :param tracer: gives the trace that a job continues
    :param late: is called when a job has ended whose executor may be done already
    """

    source: Source
    versions: Versions
    notes: Notes
    executors: Mapping[str, Executor]
    echo: Echo
    live: Live | None
    group: Group
    tracer: Tracer
    late: Callable[[], None]
    _ahead: list[Flight] = attrs.field(init=False, factory=list)
    _ready: list[Call] = attrs.field(init=False, factory=list)
    """The calls of those ahead but for the first, whose input was not there yet."""
    _load: Load | None = attrs.field(init=False, default=None)
    """The last load: some of it may be held."""
    _scope: CancelScope | None = attrs.field(init=False, default=None)
    """What ends the executor's work on it; None while it does none."""

    def next_load(self) -> list[Flight]:
        """Return the load that is got ready: those of it that were not given back since;
        none where what they need has not ended.
        """
        ahead = self._still_ahead()

        if ahead and not (self._load and self._load.held) and not self._has_landed():
            self.give_back()
            return []

        return ahead

    def give_back(self) -> None:
        """Give the load back that is got ready."""
        self._land(self._load)

        if self._load is not None:
            for flight in reversed(self._still_ahead()):
                self._load.give_back(flight)

    def close(self) -> None:
        """Have what is held land, and forget the last load.

        Lane and load know each other: together they would keep the code and the values
        that travelled until the next garbage collection.
        """
        self._land(self._load)
        self._load = None

    def has(self, flight: Flight) -> bool:
        """Tell whether a job is in the load that is under way."""
        return self._load is not None and flight in self._load.flights

    def end(self) -> None:
        """End the load that is under way: its executor is cancelled."""
        if self._scope is not None:
            self._scope.cancel()

    async def fly(self, flights: Sequence[Flight]) -> None:
        """Run jobs that travel together."""
        before = self._load
        load = self._load = Load(
            self.source,
            flights,
            self.echo,
            self.live,
            self.group,
            self.late,
            self._may_hold,
        )

        try:
            await self._fly(flights, load, before)
        except (Exception, SystemExit) as error:
            self._land(before)
            self._crash(load, f"its executor raised {error!r}", error)
        except asyncio.CancelledError as error:
            if is_canceled():
                raise

            self._land(before)
            self._crash(load, f"its executor raised {error!r}", error)
        finally:
            self._land(before)

            for flight in reversed(load.untold()):
                load.give_back(flight)

    async def _fly(
        self, flights: Sequence[Flight], load: Load, before: Load | None
    ) -> None:
        try:
            await self._prepare(flights)
        except Exception as error:
            self._land(before)
            self._crash(load, f"it could not be started: {error!r}", error)
            return

        left = [flight for flight in flights if not flight.is_over]

        if left:
            with CancelScope() as self._scope:
                await self._run(left, load, before)

            self._check_told(left, load)

    def _crash(self, load: Load, why: str, error: BaseException | None = None) -> None:
        """Have the first job crash of which no end was told; the others run again."""
        for flight in load.untold()[:1]:
            if error is not None:
                _logger.error("%s: %s", flight.job_id, why, exc_info=error)

            load.end(flight, Crashed(None, why))

    async def _prepare(self, flights: Sequence[Flight]) -> None:
        if self.versions.is_shared:
            for flight in flights:
                nodes = flight.task.input.values()
                await insist(partial(self.versions.refresh_shared, nodes))

        first = flights[0]

        if first.submission.crashes:  # it ran when we die soon: not if we wait for this
            await self.executors[first.travel.executor].warm(1)

        if first.is_fragile and not first.is_over:
            self.source.started(first, None)
            await self.notes.note_fragile(flights)

        if self.versions.cache.has_evicted:  # last: it may be evicted again
            pairs = [pair for flight in flights for pair in read_by(flight)]
            await insist(partial(self.versions.load, pairs))

    async def _run(
        self, flights: Sequence[Flight], load: Load, before: Load | None
    ) -> None:
        executor = self.executors[flights[0].travel.executor]
        calls = self._calls(flights, before)
        self._ahead, self._ready = [], []

        for flight, call in zip(flights, calls, strict=True):
            flight.call = call

        if executor.carries == 1 or not flights[0].travel.pace.is_short:
            await executor.run(calls, load)
            return

        loop = asyncio.get_running_loop()
        # Both are done as soon as the calls are sent.
        loop.call_soon(self._land, before)
        look = loop.call_soon(self._look_ahead, flights[-1], executor.carries)

        try:
            await executor.run(calls, load)
        finally:
            look.cancel()

    def _look_ahead(self, last: Flight, most: int) -> None:
        """Get the next load ready: what follows the last job of this one."""
        if last.is_over or self.versions.cache.has_evicted:
            return

        ahead = self.source.links_after(last, most)

        try:
            self._ready = self._calls_from(1, ahead)
        except Exception as error:
            self.source.failed(ahead, error)
        else:
            self._ahead = ahead

    def _still_ahead(self) -> list[Flight]:
        return [flight for flight in self._ahead if not flight.is_over]

    def _has_landed(self) -> bool:
        """Tell whether the last job of the last load has landed."""
        return self._load is not None and self._load.flights[-1].is_over

    def _may_hold(self, flights: Sequence[Flight], outcomes: Sequence[Outcome]) -> bool:
        """Tell whether jobs may land when the next load is sent: that is ready."""
        last = outcomes[-1] if outcomes else None
        return (
            bool(self._ahead)
            and not self._ahead[0].is_over
            and flights[-1].follower is self._ahead[0]
            and isinstance(last, Returned)
            and {*map(type, last.kept)} == {bytes}
            and {*map(type, outcomes)} == {Returned}
        )

    def _land(self, load: Load | None) -> None:
        """Have jobs land that are held."""
        if load is not None:
            load.land()

    def _calls(self, flights: Sequence[Flight], before: Load | None) -> list[Call]:
        if self._ahead and flights[0] is self._ahead[0]:
            first = self._calls_from(0, flights[:1], _made(before))
            return [*first, *self._ready[: len(flights) - 1]]

        return self._calls_from(0, flights)

    def _calls_from(
        self, start: int, flights: Sequence[Flight], values: Mapping[str, Kept] = {}
    ) -> list[Call]:
        """Describe the jobs of a load, from one on.

        :param values: of data nodes whose jobs have not landed yet
        """
        made: dict[str, Kept | Made] = dict(values)
        calls = []

        for index, flight in enumerate(flights):
            if index >= start:
                carrier = self.tracer.carrier and self._carrier(flight.job)
                calls.append(call_of(flight, self.versions, made, carrier))

            if flight.follower is not None:
                for place, node in enumerate(flight.task.output.values()):
                    made[node.id] = index, place

        return calls

    def _carrier(self, job: Job) -> str | None:
        try:
            return self.tracer.carrier and self.tracer.carrier(job)
        except Exception as error:
            _logger.error("the trace of %s is not continued", job.id, exc_info=error)
            return None

    def _check_told(self, flights: Sequence[Flight], load: Load) -> None:
        """Have a job fail rather than run again and again where nothing was told."""
        if load.nonsense:
            self._crash(load, f"its executor told {load.nonsense}")
        elif len(load.untold()) == len(flights) and not any(
            one.verdict for one in flights
        ):
            self._crash(load, "its executor told no outcome")


def _made(load: Load | None) -> Mapping[str, Kept]:
    """Return what the last job of a load has made, by data node, where it is held."""
    if load is None or load.held is None:
        return {}

    flights, outcomes = load.held
    last = outcomes[-1]
    nodes = flights[-1].task.output.values()
    assert isinstance(last, Returned)
    return {node.id: kept for node, kept in zip(nodes, last.kept, strict=True)}
