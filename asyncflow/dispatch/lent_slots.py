"""Slots that others have while the jobs in them wait for other runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from anyio import CapacityLimiter


class AllSlots(Protocol):
    """All slots."""

    limiter: CapacityLimiter

    def set_total(self, count: float) -> None:
        """Have so many."""


class LentSlots:
    """Has one slot more for each job that waits for another run in its own."""

    def __init__(self, slots: AllSlots) -> None:
        self.slots = slots
        self.waiting: Counter[str] = Counter()
        """The ids of these jobs, each with the number of runs that it waits for."""

    @contextmanager
    def lend(self, job_id: str) -> Iterator[None]:
        """Have one more as long as this is entered by a job."""
        self.waiting[job_id] += 1

        if self.waiting[job_id] == 1:
            self.slots.set_total(self.slots.limiter.total_tokens + 1)

        try:
            yield
        finally:
            self.waiting[job_id] -= 1

            if not self.waiting[job_id]:
                del self.waiting[job_id]
                self.slots.set_total(self.slots.limiter.total_tokens - 1)
