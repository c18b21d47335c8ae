"""Watchers: those who wait for what happens in a run, or for its end.

How far jobs have come is told to them alone: no history keeps it.
"""

# No annotations as texts: each would be compiled again, for a field of a NamedTuple.

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol, TypeVar

from anyio import Event
from anyio.lowlevel import checkpoint_if_cancelled

from asyncflow.abc import Progress
from asyncflow.runs.job import JobState

RunT_contra = TypeVar("RunT_contra", contravariant=True)


class Watchers:
    """Those of one run. Nothing here refers to it.

    There is one for each run, and few have any, so what they have is the class's until
    it is set.
    """

    count: int = 0
    """How many watch it just now, and see how it ends."""
    next: Event | None = None
    """Comes with the next change; None where nobody waits for that."""
    is_over: bool = False
    """Whether every job has ended."""
    _done: Event | None = None
    """Tells that it has ended, to those who wait for it."""
    _callbacks: tuple[Callable[[], object], ...] = ()
    _reports: "tuple[ProgressReports, ...]" = ()
    """What each watcher is still to be told of the progress of jobs."""

    @property
    def want_reports(self) -> bool:
        """Whether somebody wants to know how far jobs come."""
        return bool(self._reports)

    @property
    def want_all(self) -> bool:
        """Whether somebody wants to know also what is no event."""
        return bool(self._reports) and any(report.is_whole for report in self._reports)

    def watch(self, *, is_whole: bool = False) -> "ProgressReports":
        """Keep for a watcher how far jobs come, until `unwatch`: the newest alone.

        :param is_whole: whether the history is to tell it also what is no event
        """
        live = ProgressReports(is_whole=is_whole)
        self._reports = (*self._reports, live)
        return live

    def unwatch(self, live: "ProgressReports") -> None:
        """Keep nothing for a watcher any more."""
        self._reports = tuple(
            reports for reports in self._reports if reports is not live
        )

    def take(self, report: "Report", length: int) -> None:
        """Keep how far a job has come.

        :param length: how long the history is now
        """
        for live in self._reports:
            live.take(report, length)

        self.wake()

    async def next_change(self) -> None:
        """Wait until anything happens. On cancel only the waiting ends."""
        if self.next is None:
            self.next = Event()

        await self.next.wait()

    def wake(self) -> None:
        """Tell those who wait that something has happened."""
        if self.next is not None:
            self.next.set()
            self.next = None

    async def over(self) -> None:
        """Wait until every job has ended, as one who need not see how.

        On cancel only the waiting ends.
        """
        if self.is_over:
            await checkpoint_if_cancelled()
            return

        if self._done is None:
            self._done = Event()

        await self._done.wait()

    def when_finished(self, callback: Callable[[], object]) -> None:
        """Call a function once the run has ended; at once if it has."""
        if self.is_over:
            callback()
        else:
            self._callbacks = (*self._callbacks, callback)

    def tell_end(self) -> None:
        """Tell those who wait for the end that the run has ended."""
        self.is_over = True

        if self._done is not None:
            self._done.set()

        callbacks, self._callbacks = self._callbacks, ()

        for callback in callbacks:
            callback()


class RunWatcher(Protocol[RunT_contra]):
    """Is told of the runs that begin here."""

    def take(self, run: RunT_contra) -> None:
        """Take note of a run that begins."""

    def leave(self, run: RunT_contra) -> None:
        """Let a run go that has ended."""


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


class ProgressReports:
    """The reports that one watcher has not seen: of each attempt the last one.

    Each stands where the first one that was not seen came: before the end of its job.
    """

    def __init__(self, *, is_whole: bool) -> None:
        self.is_whole = is_whole
        """Whether it wants to know of all changes, also those that are no events."""
        self._reports: dict[tuple[JobState, int], tuple[int, Report]] = {}

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
