"""Limits of time: what runs too long, or reports nothing for too long, is ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import attrs

from asyncflow.dispatch.attempt import Attempt
from asyncflow.status import AttemptKind

LOADING = 30.0
"""How long a function may take to be loaded, with its inputs, where its `stall_timeout` is
shorter: it can report nothing before it is called. In seconds."""

OnTimeout = Callable[[Attempt, AttemptKind, str], None]


@attrs.define(eq=False, repr=False)
class Timeouts:
    """The clocks of the jobs that run; each job has those that its task asks for.

    :param kill: ends a job, given which limit it is over, and what is said of it
    """

    kill: OnTimeout
    running: dict[Attempt, list[asyncio.TimerHandle]] = attrs.field(
        init=False, factory=dict
    )
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
        return loop.call_later(limit, self.kill, attempt, kind, why)
