"""Limits of time: what runs too long, or reports nothing for too long, is ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import attrs

from asyncflow.scheduler._flight import Flight
from asyncflow.status import AttemptKind

LOADING = 30.0
"""How long a function may take to be loaded, with its inputs, where its `stall_timeout` is
shorter: it can report nothing before it is called. In seconds."""

Kill = Callable[[Flight, AttemptKind, str], None]


@attrs.define(eq=False, repr=False)
class Limits:
    """The clocks of the jobs that run; each job has those that its task asks for.

    :param kill: ends a job, given which limit it is over, and what is said of it
    """

    kill: Kill
    _clocks: dict[Flight, list[asyncio.TimerHandle]] = attrs.field(
        init=False, factory=dict
    )

    @property
    def are_set(self) -> bool:
        """Whether any clock runs."""
        return bool(self._clocks)

    def started(self, flight: Flight) -> None:
        """Start the clocks of a job."""
        config = flight.task.config

        if config.run_timeout is None and config.stall_timeout is None:
            return

        clocks = self._clocks[flight] = []

        if (limit := config.run_timeout) is not None:
            why = f"TIMED_OUT: it ran longer than its run_timeout of {limit:g} s"
            kind = AttemptKind.TIMED_OUT
            clocks.append(self._clock(flight, limit, kind, why))

        self._watch_stall(flight, clocks)

    def loading(self, flight: Flight) -> None:
        """Give a job time to load its function: `reported` tells that it has."""
        self._watch_anew(flight, LOADING)

    def reported(self, flight: Flight) -> None:
        """Begin to wait for the next report of a job."""
        self._watch_anew(flight)

    def ended(self, flight: Flight) -> None:
        """Stop the clocks of a job."""
        for clock in self._clocks.pop(flight, ()):
            clock.cancel()

    def _watch_anew(self, flight: Flight, least: float = 0.0) -> None:
        clocks = self._clocks.get(flight)

        if clocks is not None and flight.task.config.stall_timeout is not None:
            clocks.pop().cancel()
            self._watch_stall(flight, clocks, least)

    def _watch_stall(
        self, flight: Flight, clocks: list[asyncio.TimerHandle], least: float = 0.0
    ) -> None:
        if (limit := flight.task.config.stall_timeout) is not None:
            why = (
                f"STALLED: it reported nothing for its stall_timeout of {limit:g} s "
                "(see asyncflow.report)"
                if limit >= least
                else f"STALLED: its function was not loaded within {least:g} s"
            )
            clocks.append(
                self._clock(flight, max(limit, least), AttemptKind.STALLED, why)
            )

    def _clock(
        self, flight: Flight, limit: float, kind: AttemptKind, why: str
    ) -> asyncio.TimerHandle:
        loop = asyncio.get_running_loop()
        return loop.call_later(limit, self.kill, flight, kind, why)
