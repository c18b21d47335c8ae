"""Limits of time: jobs, and whole runs, that take too long are ended, as are jobs that
report nothing for too long.
"""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

from asyncflow.dispatch.attempt import Attempt
from asyncflow.status import AttemptKind

LOADING = 30.0
"""How long a function may take to be loaded, with its inputs, where its `stall_timeout` is
shorter: it can report nothing before it is called. In seconds."""


class JobEnder(Protocol):
    """Ends jobs."""

    def timed_out(self, attempt: Attempt, limit: AttemptKind, reason: str) -> None:
        """End a job that is over a limit of time.

        :param reason: what is said of it
        """


class Timeouts:
    """The clocks of the jobs that run; each job has those that its task asks for."""

    def __init__(self, ender: JobEnder) -> None:
        self.ender = ender
        self.running: dict[Attempt, list[asyncio.TimerHandle]] = {}
        """The clocks that run."""

    def started(self, attempt: Attempt) -> None:
        """Start the clocks of a job."""
        config = attempt.task.config

        if config.run_timeout is None and config.stall_timeout is None:
            return

        clocks = self.running[attempt] = []

        if (limit := config.run_timeout) is not None:
            why = f"TIMED_OUT: it ran longer than its run_timeout of {limit:g} s"
            kind = AttemptKind.TIMED_OUT
            clocks.append(self._clock(attempt, limit, kind, why))

        self._watch_stall(attempt, clocks)

    def loading(self, attempt: Attempt) -> None:
        """Give a job time to load its function: `reported` tells that it has."""
        self._watch_anew(attempt, LOADING)

    def reported(self, attempt: Attempt) -> None:
        """Begin to wait for the next report of a job."""
        self._watch_anew(attempt)

    def ended(self, attempt: Attempt) -> None:
        """Stop the clocks of a job."""
        for clock in self.running.pop(attempt, ()):
            clock.cancel()

    def _watch_anew(self, attempt: Attempt, least: float = 0.0) -> None:
        clocks = self.running.get(attempt)

        if clocks is not None and attempt.task.config.stall_timeout is not None:
            clocks.pop().cancel()
            self._watch_stall(attempt, clocks, least)

    def _watch_stall(
        self, attempt: Attempt, clocks: list[asyncio.TimerHandle], least: float = 0.0
    ) -> None:
        if (limit := attempt.task.config.stall_timeout) is not None:
            why = (
                f"STALLED: it reported nothing for its stall_timeout of {limit:g} s "
                "(see asyncflow.report)"
                if limit >= least
                else f"STALLED: its function was not loaded within {least:g} s"
            )
            clocks.append(
                self._clock(attempt, max(limit, least), AttemptKind.STALLED, why)
            )

    def _clock(
        self, attempt: Attempt, limit: float, kind: AttemptKind, why: str
    ) -> asyncio.TimerHandle:
        loop = asyncio.get_running_loop()
        return loop.call_later(limit, self.ender.timed_out, attempt, kind, why)


class RunEnder(Protocol):
    """Ends runs."""

    def time_out(self, run: int) -> None:
        """End a run that has taken too long, by its number."""


class RunTimeouts:
    """Has runs ended that have taken too long."""

    def __init__(self, ender: RunEnder) -> None:
        self.ender = ender
        self._clocks: dict[int, asyncio.TimerHandle] = {}

    def __len__(self) -> int:
        return len(self._clocks)

    def watch(self, run: int, submitted: float, limit: float) -> None:
        """Watch the time of a run.

        :param submitted: when it was submitted, in seconds since the epoch
        :param limit: how long it may take from then on, in seconds
        """
        left = max(0.0, min(limit, submitted + limit - time.time()))
        loop = asyncio.get_running_loop()
        self._clocks[run] = loop.call_later(left, self._time_out, run)

    def stop(self, run: int) -> None:
        """Watch a run no more."""
        if clock := self._clocks.pop(run, None):
            clock.cancel()

    def stop_all(self) -> None:
        """Watch no run any more."""
        for run in list(self._clocks):
            self.stop(run)

    def _time_out(self, run: int) -> None:
        del self._clocks[run]
        self.ender.time_out(run)
