"""Running marks: the store is told which jobs run, where somebody may have to know."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Iterable

from asyncflow.abc import Store
from asyncflow.dispatch.attempt import Attempt
from asyncflow.log import logger as _logger
from asyncflow.status import Status

LONG = 1.0
"""How many seconds a job runs before the store is told that it does."""


class RunningMarks:
    """Saves records of jobs that have not ended: short ones need none."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._clock: asyncio.TimerHandle | None = None

    def watch(self, attempts: Collection[Attempt]) -> None:
        """See to it that those that run for long are marked.

        :param attempts: all that are in flight, now and later
        """
        if self._clock is None:
            loop = asyncio.get_running_loop()
            self._clock = loop.call_later(LONG, self._mark_long, attempts)

    async def mark_not_rerunnable(self, attempts: Iterable[Attempt]) -> None:
        """Have it known, before they start, that jobs run that must not run twice, or
        may be why their program dies.
        """
        fragile = [attempt for attempt in attempts if attempt.must_be_marked]

        for attempt in fragile:
            self._mark(attempt)

        if fragile:
            await self.store.flush()

    def stop(self) -> None:
        """Mark nothing any more."""
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _mark_long(self, attempts: Collection[Attempt]) -> None:
        self._clock = None
        since = time.time() - LONG

        if not attempts:
            return

        self.watch(attempts)

        for attempt in attempts:
            if (
                attempt.status is Status.RUNNING
                and not attempt.is_marked_running
                and attempt.job.has_run_since(since)
            ):
                self._try_to_mark(attempt)

    def _try_to_mark(self, attempt: Attempt) -> None:
        """Mark a job that goes on, whether that is kept or not."""
        try:
            self._mark(attempt)
        except Exception as error:
            _logger.error("that %s runs was not kept", attempt.job.id, exc_info=error)

    def _mark(self, attempt: Attempt) -> None:
        attempt.is_marked_running = True
        self.store.save(attempt.job.record(), attempt.run.record())
