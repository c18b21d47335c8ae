"""News that no history keeps: how far the jobs of a run have come."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

import attrs

from asyncflow.abc import Progress
from asyncflow.events import JobProgressed
from asyncflow.runs.job import JobState


class Report(NamedTuple):
    """How far a job has come."""

    job: JobState
    attempt: int
    progress: Progress
    at: float
    """When, in seconds since the epoch."""

    @property
    def key(self) -> tuple[JobState, int]:
        """What it has in common with those that it makes old news."""
        return self.job, self.attempt

    def event(self) -> JobProgressed:
        """Make the event that it is."""
        done, total, message = self.progress
        return JobProgressed(
            submission_id=self.job.run.id,
            at=datetime.fromtimestamp(self.at, UTC),
            job_id=self.job.id,
            task=self.job.name,
            attempt=self.attempt,
            done=done,
            total=total,
            message=message,
        )


@attrs.define(eq=False, repr=False)
class ProgressReports:
    """The reports that one watcher has not seen: of each attempt the last one.

    Each stands where the first one that was not seen came: before the end of its job.
    """

    is_whole: bool = attrs.field(kw_only=True)
    """Whether it wants to know of all changes, also those that are no events."""
    _reports: dict[tuple[JobState, int], tuple[int, Report]] = attrs.field(
        init=False, factory=dict
    )

    @property
    def has_news(self) -> bool:
        """Whether there is any."""
        return bool(self._reports)

    def take(self, report: Report, place: int) -> None:
        """Keep a report.

        :param place: how long the history was when it came
        """
        first, _ = self._reports.get(report.key, (place, report))
        self._reports[report.key] = first, report

    def until(self, place: int) -> Iterator[Report]:
        """Give the reports that come before a place in the history, each once."""
        while self._reports:
            key, (first, report) = next(iter(self._reports.items()))

            if first > place:
                return

            del self._reports[key]
            yield report
