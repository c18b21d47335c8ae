"""The time that whole runs may take: their ``run_timeout``."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

import attrs


class RunEnder(Protocol):
    """Ends runs."""

    def time_out(self, run: int) -> None:
        """End a run that has taken too long, by its number."""


@attrs.define(eq=False, repr=False)
class RunTimeouts:
    """Has runs ended that have taken too long."""

    ender: RunEnder
    _clocks: dict[int, asyncio.TimerHandle] = attrs.field(init=False, factory=dict)

    def __len__(self) -> int:
        return len(self._clocks)

    def watch(self, run: int, submitted: float, limit: float) -> None:
        """Watch the time of a run.

        :param submitted: when it was submitted, in seconds since the epoch
        :param limit: how long it may take from then on, in seconds
        """
        left = max(0.0, submitted + limit - time.time())
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
