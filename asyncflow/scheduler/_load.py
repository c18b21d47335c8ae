"""A load: jobs that share a seat, and what their executor tells of them."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import attrs
from anyio import to_thread

from asyncflow.abc import Call, Killed, Log, Outcome, Printed, Progress, Watch
from asyncflow.scheduler._flight import Flight
from asyncflow.scheduler._group import Group

_logger = logging.getLogger("asyncflow")


class Tower(Protocol):
    """Who is told what becomes of the jobs of a load."""

    def started(self, flight: Flight, log: Log | None) -> None: ...

    def reported(self, flight: Flight, progress: Progress) -> None: ...

    def ended(self, flight: Flight, outcome: Outcome) -> None: ...

    def all_ended(
        self, flights: Sequence[Flight], outcomes: Sequence[Outcome]
    ) -> None: ...

    def returned(self, flight: Flight) -> None: ...


@attrs.define(eq=False, repr=False)
class Load(Watch):
    """Jobs that travel together.

    What they printed is shown before they end, in their order; a thread does that, as
    printing may block.

    :param echo: whether to show it
    :param late: is called when one has ended whose executor may be done already
    :param may_hold: tells whether those that have ended land when `land` is called
    """

    tower: Tower
    flights: Sequence[Flight]
    echo: bool
    group: Group
    late: Callable[[], None]
    may_hold: Callable[[Sequence[Flight], Sequence[Outcome]], bool]
    held: tuple[Sequence[Flight], Sequence[Outcome]] | None = attrs.field(
        init=False, default=None
    )
    """Those that have ended, and land a little later; see `Lane`."""
    failure: Exception | None = attrs.field(init=False, default=None)
    """What the tower raised: an error of ours, not of the executor's."""
    _by_id: dict[str, Flight] = attrs.field(init=False)
    _waiting: list[tuple[Flight, Outcome]] = attrs.field(init=False, factory=list)
    """Those that have ended, from the first on whose output is not shown yet."""

    def __attrs_post_init__(self) -> None:
        self._by_id = {flight.job_id: flight for flight in self.flights}

    def started(self, call: Call, log: Log | None) -> None:
        self.tower.started(self._by_id[call.job_id], log)

    def reported(self, call: Call, progress: Progress) -> None:
        self.tower.reported(self._by_id[call.job_id], progress)

    def ended(self, call: Call, outcome: Outcome) -> None:
        flight = self._by_id[call.job_id]
        shows = self.echo and call.code is not None and outcome.log is not None

        if not shows and not self._waiting:
            self._end(flight, outcome)
            return

        self._waiting.append((flight, outcome))

        if len(self._waiting) == 1:
            self.group.start_soon(self._show)

    def all_ended(self, calls: Sequence[Call], outcomes: Sequence[Outcome]) -> None:
        if self._waiting or (self.echo and any(one.log for one in outcomes)):
            super().all_ended(calls, outcomes)
            return

        self.held = [self._by_id[call.job_id] for call in calls], outcomes

        if not self.may_hold(*self.held):
            self.land()

    def land(self) -> None:
        """Tell of those that were held; do nothing where that is done."""
        held, self.held = self.held, None

        if held is not None:
            with self._failing():
                self.tower.all_ended(*held)

    def returned(self, calls: Sequence[Call]) -> None:
        for call in reversed(calls):  # each goes before all others
            self.tower.returned(self._by_id[call.job_id])

    def untold(self) -> list[Flight]:
        """Return those of which no end was told."""
        held, _ = self.held or ((), ())
        told = {id(flight) for flight in (*held, *(one for one, _ in self._waiting))}
        return [
            flight
            for flight in self.flights
            if not flight.is_over and id(flight) not in told
        ]

    async def _show(self) -> None:
        while self._waiting:
            flight, outcome = self._waiting[0]

            if outcome.log is not None:
                await to_thread.run_sync(show, _shown(outcome, outcome.log))

            self._end(flight, outcome)
            del self._waiting[0]
            self.late()

    def _end(self, flight: Flight, outcome: Outcome) -> None:
        with self._failing():
            self.tower.ended(flight, outcome)

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """Remember what the tower raises."""
        try:
            yield
        except Exception as error:
            self.failure = error
            raise


def _shown(outcome: Outcome, printed: Printed) -> str:
    """Return what is shown: not the stack of a job that was killed, which is kept."""
    if isinstance(outcome, Killed) and outcome.stack:
        return printed.text.partition(outcome.stack)[0]

    return printed.text


def show(text: str) -> None:
    """Print what a job printed. Blocks."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except (OSError, ValueError) as error:  # closed: nobody is there to read it
        _logger.warning("the output of a job could not be printed: %s", error)
