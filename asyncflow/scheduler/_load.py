"""A load: jobs that share a seat, and what their executor tells of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

import attrs

from asyncflow.abc import Call, Killed, Log, Outcome, Printed, Progress, Watch
from asyncflow.log import logger as _logger
from asyncflow.scheduler._echo import Echo, Piece, printed
from asyncflow.scheduler._flight import Flight
from asyncflow.scheduler._group import Group
from asyncflow.scheduler._logged import logged
from asyncflow.worker.streams import parts

if TYPE_CHECKING:
    from asyncflow.scheduler._live import Live


class Tower(Protocol):
    """Who is told what becomes of the jobs of a load."""

    def started(self, flight: Flight, log: Log | None) -> None: ...

    def loading(self, flight: Flight) -> None: ...

    def called(self, flight: Flight) -> None: ...

    def reported(self, flight: Flight, progress: Progress) -> None: ...

    def ended(self, flight: Flight, outcome: Outcome) -> None: ...

    def all_ended(
        self, flights: Sequence[Flight], outcomes: Sequence[Outcome]
    ) -> None: ...

    def returned(self, flight: Flight) -> None: ...

    def failed(self, flights: Sequence[Flight], error: Exception) -> None:
        """End jobs with an error of ours: what was told of them could not be taken."""


@attrs.define(eq=False, repr=False)
class Load(Watch):
    """Jobs that travel together.

    What they printed is shown before they end, in their order, unless that takes too
    long. Nothing is raised here into the executor: what makes no sense is remembered,
    and what the tower raises ends the jobs that it concerns.

    :param echo: shows what they print
    :param live: does so while they run; None where that is not wanted
    :param late: is called when one has ended whose executor may be done already
    :param may_hold: tells whether those that have ended land when `land` is called
    """

    tower: Tower
    flights: Sequence[Flight]
    echo: Echo
    live: Live | None
    group: Group
    late: Callable[[], None]
    may_hold: Callable[[Sequence[Flight], Sequence[Outcome]], bool]
    held: tuple[Sequence[Flight], Sequence[Outcome]] | None = attrs.field(
        init=False, default=None
    )
    """Those that have ended, and land a little later; see `Lane`."""
    nonsense: str = attrs.field(init=False, default="")
    """What the executor told that makes no sense; ``""`` where all did."""
    _by_id: dict[str, Flight] = attrs.field(init=False)
    _waiting: list[tuple[Flight, Outcome]] = attrs.field(init=False, factory=list)
    """Those that have ended, from the first on whose output is not shown yet."""

    def __attrs_post_init__(self) -> None:
        self._by_id = {flight.job_id: flight for flight in self.flights}

    def started(self, call: Call, log: Log | None) -> None:
        if flight := self._flight(call):
            if log is not None and self.live is not None:
                self.live.begin(flight, log)

            try:
                self.tower.started(flight, log)
            except Exception as error:
                self._log("the start of %s could not be taken", flight, error)

    def loading(self, call: Call) -> None:
        if flight := self._flight(call):
            self.tower.loading(flight)

    def called(self, call: Call) -> None:
        if flight := self._flight(call):
            self.tower.called(flight)

    def reported(self, call: Call, progress: Progress) -> None:
        if flight := self._flight(call):
            try:
                self.tower.reported(flight, progress)
            except Exception as error:
                self._log("a report of %s could not be taken", flight, error)

    def logged(self, call: Call, records: Sequence[bytes]) -> None:
        if flight := self._flight(call):
            for record in records:
                self.echo.put(logged(record, flight))

    def ended(self, call: Call, outcome: Outcome) -> None:
        told: object = outcome

        if not isinstance(told, Outcome):
            self._note(f"an outcome that is none: {told!r:.200}")
        elif flight := self._flight(call):
            self._ended(flight, outcome, shows=call.code is not None)

    def all_ended(self, calls: Sequence[Call], outcomes: Sequence[Outcome]) -> None:
        if len(calls) != len(outcomes):
            self._note(f"{len(outcomes)} outcomes of {len(calls)} jobs")
            return

        try:
            if self._waiting or self.live is not None or self._shows_any(outcomes):
                super().all_ended(calls, outcomes)
                return

            held = [self._by_id[call.job_id] for call in calls], outcomes
            is_held = self.may_hold(*held)
        except (LookupError, AttributeError, TypeError) as error:
            self._note(repr(error))
            return

        self.held = held

        if not is_held:
            self.land()

    def land(self) -> None:
        """Tell of those that were held; do nothing where that is done."""
        held, self.held = self.held, None

        if held is not None:
            try:
                self.tower.all_ended(*held)
            except Exception as error:
                self.tower.failed(held[0], error)

    def returned(self, calls: Sequence[Call]) -> None:
        for call in reversed(calls):  # each goes before all others
            if flight := self._flight(call):
                self.give_back(flight)

    def give_back(self, flight: Flight) -> None:
        """Give a job back that has not run."""
        try:
            self.tower.returned(flight)
        except Exception as error:
            self.tower.failed([flight], error)

    def end(self, flight: Flight, outcome: Outcome) -> None:
        """Tell of one that has ended."""
        try:
            self.tower.ended(flight, outcome)
        except Exception as error:
            self.tower.failed([flight], error)

    def untold(self) -> list[Flight]:
        """Return those of which no end was told."""
        held, _ = self.held or ((), ())
        told = {id(flight) for flight in (*held, *(one for one, _ in self._waiting))}
        return [
            flight
            for flight in self.flights
            if not flight.is_over and id(flight) not in told
        ]

    def _flight(self, call: Call) -> Flight | None:
        """Return the job of a call; None for one that was not given to it."""
        flight = self._by_id.get(call.job_id)

        if flight is None:
            self._note(f"something of {call.job_id}, which it was not given")

        return flight

    def _ended(self, flight: Flight, outcome: Outcome, *, shows: bool) -> None:
        if self.live is not None:
            self.live.ended(flight, outcome)

        if not self._waiting and not (shows and self._is_shown(outcome)):
            if self.live is not None:
                self.live.drop(flight)

            self.end(flight, outcome)
            return

        self._waiting.append((flight, outcome))

        if len(self._waiting) == 1:
            self.group.start_soon(self._show, on_error=self._not_shown)

    async def _show(self) -> None:
        while self._waiting:
            flight, outcome = self._waiting[0]

            if self._is_shown(outcome):
                pieces = [*self._pieces(flight, outcome)]

                if self.live is not None:
                    pieces = [*await self.live.finish(flight, outcome), *pieces]

                await self.echo.show(pieces)

            self.end(flight, outcome)
            del self._waiting[0]
            self.late()

    def _shows_any(self, outcomes: Sequence[Outcome]) -> bool:
        """Tell whether anything of jobs is to be shown; also where one has no outcome,
        which is found where they are told one by one.
        """
        try:
            have_logs = any(one.log is not None for one in outcomes)
        except AttributeError:
            return True

        return have_logs and any(map(self._is_shown, outcomes))

    def _is_shown(self, outcome: Outcome) -> bool:
        """Tell whether anything of a job is to be shown at its end, or is not yet."""
        log = outcome.log
        return log is not None and (
            self.echo.mode is not False or bool(log.records) or self.echo.is_busy
        )

    def _pieces(self, flight: Flight, outcome: Outcome) -> Iterator[Piece]:
        """Give what is shown of a job: its last records have their places in its log."""
        if (log := outcome.log) is None:
            return

        found = parts(_shown(outcome, log))
        records = deque(log.records)
        handled = sum(stream == "log" for stream, _ in found) - len(records)

        for stream, text in found:
            if stream != "log":
                if self.echo.mode is True:
                    yield printed(stream, text)
            elif handled > 0:
                handled -= 1
            elif records:
                yield logged(records.popleft(), flight)

        for record in records:
            yield logged(record, flight)

    def _not_shown(self, error: Exception) -> None:
        flights = [flight for flight, _ in self._waiting]
        self._waiting.clear()
        self.tower.failed(flights, error)
        self.late()

    def _note(self, what: str) -> None:
        """Take note of nonsense: `Lane` has a job end for it."""
        if not self.nonsense:
            _logger.error("the executor of %s told %s", self.flights[0].job_id, what)

        self.nonsense = self.nonsense or what

    def _log(self, problem: str, flight: Flight, error: Exception) -> None:
        _logger.error(problem, flight.job_id, exc_info=error)


def _shown(outcome: Outcome, printed: Printed) -> str:
    """Return what is shown: not the stack of a job that was killed, which is kept."""
    if isinstance(outcome, Killed) and outcome.stack:
        return printed.text.partition(outcome.stack)[0]

    return printed.text
