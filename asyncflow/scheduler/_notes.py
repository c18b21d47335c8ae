"""Notes: the store is told which jobs run, where somebody may have to know."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Iterable

import attrs

from asyncflow.abc import Store
from asyncflow.entities.job import Status
from asyncflow.scheduler._flight import Flight

LONG = 1.0
"""How many seconds a job runs before the store is told that it does."""


@attrs.define(eq=False, repr=False)
class Notes:
    """Saves records of jobs that have not ended: short ones need none."""

    store: Store
    _clock: asyncio.TimerHandle | None = attrs.field(init=False, default=None)

    def watch(self, flights: Collection[Flight]) -> None:
        """See to it that those that fly for long are noted.

        :param flights: all that fly, now and later
        """
        if self._clock is None:
            loop = asyncio.get_running_loop()
            self._clock = loop.call_later(LONG, self._note_long, flights)

    async def note_fragile(self, flights: Iterable[Flight]) -> None:
        """Have it known, before they start, that jobs run that must not run twice, or
        may be why their program dies.
        """
        fragile = [one for one in flights if one.is_fragile]

        if fragile:
            self._note(fragile)
            await self.store.flush()

    def stop(self) -> None:
        """Note nothing any more."""
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _note_long(self, flights: Collection[Flight]) -> None:
        self._clock = None
        since = time.time() - LONG

        if flights:
            self.watch(flights)
            self._note(
                one
                for one in flights
                if one.status is Status.RUNNING
                and not one.is_noted
                and one.job.has_run_since(since)
            )

    def _note(self, flights: Iterable[Flight]) -> None:
        for flight in flights:
            flight.is_noted = True
            self.store.save(flight.job.record(), flight.submission.record())
