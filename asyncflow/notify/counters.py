"""Counters: how many jobs have ended, without a count for each of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

from asyncflow.entities.submission import Run
from asyncflow.status import FINAL, Status

if TYPE_CHECKING:
    from asyncflow.entities.statistics import Statistics


class JobCounters:
    """Adds up what runs count anyway: those that have ended once, the others when asked."""

    def __init__(self) -> None:
        self._ended: Counter[Status] = Counter()
        """Of the runs that have ended."""
        self._before: dict[Run, Mapping[Status, int]] = {}
        """For each run that has not, how its jobs had ended before it began here."""

    def take(self, run: Run) -> None:
        """Take a run that begins here."""
        self._before[run] = run.table.counts(FINAL)

    def statistics(
        self,
        runs: Collection[Run],
        *,
        workers: int,
        max_nb_of_workers: int,
        commits: int,
        store_error: str | None,
        store_error_since: datetime | None,
    ) -> Statistics:
        """Say what is going on.

        :param runs: those that have not ended
        """
        from asyncflow.entities.statistics import Statistics

        now: Counter[Status] = Counter()

        for run in runs:
            now.update(run.table.counts())

        finished = self._finished()
        return Statistics(
            workers=workers,
            max_nb_of_workers=max_nb_of_workers,
            queued=now[Status.PENDING],
            running=now[Status.RUNNING],
            waiting=now[Status.BLOCKED] + now[Status.SUBMITTED],
            runs=len(runs),
            commits=commits,
            store_error=store_error,
            store_error_since=store_error_since,
            finished=MappingProxyType(
                {status: finished[status] for status in Status if status in FINAL}
            ),
        )

    def _finished(self) -> Counter[Status]:
        total = self._ended.copy()

        for run, before in self._before.items():
            total.update(run.table.counts())
            total.subtract(before)

        return total

    def leave(self, run: Run) -> None:
        """Add up the jobs of a run that has ended."""
        for status, count in run.table.number.items():
            if count:
                self._ended[status] += count

        if before := self._before.pop(run, None):
            self._ended.subtract(before)
