"""A run: how far its jobs have come, and what has happened to them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import attrs
from anyio import Event

from asyncflow import events
from asyncflow.abc import Progress, Usage
from asyncflow.entities.history import Change, History, kind_of
from asyncflow.entities.job import Job
from asyncflow.entities.job_table import JobTable
from asyncflow.entities.progress import ProgressReports, Report
from asyncflow.entities.task import Task
from asyncflow.records import AttemptRecord, JobRecord
from asyncflow.runs.attempts import number_of_next
from asyncflow.status import FINAL, TRANSITIONS, Status

if TYPE_CHECKING:
    from asyncflow.entities.submission import Submission

_STATUSES = tuple(Status)


@attrs.define(eq=False, repr=False)
class Run(ABC):
    """What a submission knows of its jobs."""

    _jobs: JobTable = attrs.field(init=False)
    _counts: dict[Status, int] = attrs.field(init=False)
    publish: Callable[[Submission, int], None] | None = attrs.field(
        init=False, default=None
    )
    """Who is told the place of each change in the history; None where nobody listens."""
    publish_report: Callable[[Submission, Report], None] | None = attrs.field(
        init=False, default=None
    )
    """Who is told how far jobs have come; None where nobody listens."""
    _history: History = attrs.field(init=False, factory=History)
    _progress_reports: tuple[ProgressReports, ...] = attrs.field(init=False, default=())
    """What each watcher is still to be told of the progress of jobs."""
    _next_change: Event | None = attrs.field(init=False, default=None)

    @property
    @abstractmethod
    def _handle(self) -> Submission:
        """The submission whose run it is: itself."""

    @property
    def jobs(self) -> tuple[Job, ...]:
        """Its jobs, in an order in which they can run."""
        return tuple(map(self.job, range(len(self.tasks))))

    @property
    def tasks(self) -> Sequence[Task]:
        """The tasks of its jobs, in their order."""
        return self._jobs.tasks

    def job(self, place: int) -> Job:
        """Return a job by its place among all."""
        return self._jobs.get(place, self._handle)

    def attempt(self, place: int) -> int:
        """Return the number of a job's attempt, by its place among all."""
        jobs = self._jobs

        if place not in jobs.made and jobs.ended is None:  # most are never made
            return 1

        return self.job(place).attempt if self.is_made(place) else 1

    def job_status(self, place: int) -> Status:
        """Return the status of a job, by its place among all."""
        return self._jobs.status[place]

    def is_made(self, place: int) -> bool:
        """Tell whether somebody has asked for a job, by its place among all."""
        jobs = self._jobs
        return place in jobs.made or (jobs.ended is not None and place in jobs.ended)

    def records_under_way(self) -> list[JobRecord]:
        """Return the facts of its jobs that have not ended. None is made for that."""
        run, made = self._handle, self._jobs.made
        return [
            made[place].record()
            if place in made
            else JobRecord(
                f"JOB_{task.config.id}_{run.key}",
                task.id,
                run.id,
                status,
                "",
                None,
                None,
                "",
            )
            for place, (task, status) in enumerate(
                zip(self.tasks, self._jobs.status, strict=True)
            )
            if status not in FINAL
        ]

    def let_jobs_go(self) -> None:
        """Hold its jobs no longer than they are used, if all have ended. For the engine."""
        if sum(self._counts[status] for status in FINAL) == len(self.tasks):
            self._jobs.let_go()

    def ended(self) -> dict[int, Status]:
        """Return the status of each of its jobs that has ended, by place."""
        if not self.ended_counts():
            return {}

        statuses = enumerate(self._jobs.status)
        return {place: status for place, status in statuses if status in FINAL}

    def ended_counts(self) -> dict[Status, int]:
        """Return how many of its jobs have ended, by status."""
        counts = self._counts

        if counts[Status.SUBMITTED] == len(self.tasks):
            return {}

        return {status: counts[status] for status in FINAL if counts[status]}

    def counts(self) -> dict[Status, int]:
        """Return how many of its jobs have each status."""
        return {status: count for status, count in self._counts.items() if count}

    def started(self, tasks: Sequence[Task], at: float) -> None:
        """Take the tasks of the run. For who makes it alone.

        :param at: when it was submitted, in seconds since the epoch
        """
        self._jobs = JobTable(tasks)
        self._counts = dict.fromkeys(_STATUSES, 0)
        self._counts[Status.SUBMITTED] = len(tasks)
        self._history = History()
        self._tell(None, None, at, "")

    def moved(self, job: Job, old: Status, new: Status, at: float, reason: str) -> None:
        """Take note that a job changed its status. For the scheduler alone."""
        self._count(job.place, old, new)

        if new is not Status.BLOCKED or self._tells_all:
            self._tell(job.place, new, at, reason)

    def wait_for(self, status: Status, places: Iterable[int], at: float) -> None:
        """Take note that jobs wait: for others, or for a worker. For the scheduler
        alone.

        :param status: `Status.BLOCKED` or `Status.PENDING`
        :param at: when, in seconds since the epoch
        """
        is_told = status is not Status.BLOCKED or self._tells_all

        for place in places:
            old = self._jobs.status[place]

            if job := self._jobs.made.get(place):
                if old is not status:  # it may be tried again
                    job.move(status, at)
            else:
                self._count(place, old, status)

                if is_told:
                    self._tell(place, status, at, "")

    def completed(self, ended: Sequence[tuple[int, Usage]], at: float) -> None:
        """Take note of the ends of jobs that are not made, and of which nothing was
        told since they were ready. For the scheduler alone.

        :param ended: their places, and what they used
        :param at: when, in seconds since the epoch
        """
        first = len(self._history)
        jobs, counts = self._jobs, self._counts

        for place, usage in ended:
            old = jobs.status[place]
            counts[old] -= 1
            blocked = old is Status.BLOCKED
            self._history.append_end(place, usage[0], at, was_blocked=blocked)
            jobs.completed(place, usage, at)

        counts[Status.COMPLETED] += len(ended)
        self._wake()

        if self.publish is not None:
            for index in range(first, len(self._history)):
                self.publish(self._handle, index)

    def progressed(self, job: Job, progress: Progress, at: float) -> None:
        """Take note of how far a job has come. For the scheduler alone."""
        if not self._progress_reports and self.publish_report is None:
            return

        report = Report(job, job.attempt, progress, at)

        for live in self._progress_reports:
            live.take(report, len(self._history))

        self._wake()

        if self.publish_report is not None:
            self.publish_report(self._handle, report)

    @property
    def _tells_all(self) -> bool:
        """Whether somebody wants to know also what is no event."""
        return self.publish is not None or any(
            progress_report.is_whole for progress_report in self._progress_reports
        )

    def watch(self, *, is_whole: bool = False) -> ProgressReports:
        """Keep for a watcher how far jobs come, until `unwatch`: the newest alone.

        :param is_whole: whether the history is to tell it also what is no event
        """
        live = ProgressReports(is_whole=is_whole)
        self._progress_reports = (*self._progress_reports, live)
        return live

    def unwatch(self, live: ProgressReports) -> None:
        """Keep nothing for a watcher any more."""
        self._progress_reports = tuple(
            progress_report
            for progress_report in self._progress_reports
            if progress_report is not live
        )

    async def next_change(self) -> None:
        """Wait until anything happens."""
        if self._next_change is None:
            self._next_change = Event()

        await self._next_change.wait()

    @property
    def length(self) -> int:
        """How many changes its history has."""
        return len(self._history)

    def change(self, index: int) -> Change:
        """Return a change of its history."""
        return self._history[index]

    def with_status(self, status: Status) -> list[int]:
        """Return the places of the jobs with a status."""
        if not self._counts[status]:
            return []

        return [place for place, one in enumerate(self._jobs.status) if one is status]

    def anew(self) -> None:
        """Take note that jobs which have not ended begin anew, in another process."""
        for place, status in enumerate(self._jobs.status):
            if status not in FINAL and status is not Status.SUBMITTED:
                self._count(place, status, Status.SUBMITTED)

        for job in self._jobs.made.values():
            if job.status not in FINAL:
                job.anew()

    def went(self, place: int, status: Status, at: float, reason: str) -> None:
        """Take over that a job waits or runs, in another process; what is old, or cannot
        be, is left.

        :param at: when, in seconds since the epoch
        """
        job = self.job(place)

        if status in TRANSITIONS[job.status] and not job.has_run_since_then(at):
            job.move(status, at, reason)

    def tried(
        self,
        place: int,
        at: float,
        reason: str,
        number: int,
        attempt: AttemptRecord | None,
    ) -> None:
        """Take over that an attempt at a job failed, in another process.

        :param number: the number of the attempt
        :param attempt: what is known of it; None where that is not kept
        """
        job = self.job(place)

        if job.status is Status.RUNNING and not job.has_run_since_then(at):
            job.tried(number, at, attempt)
            job.move(Status.PENDING, at, reason)

    def came(self, place: int, attempt: int, progress: Progress, at: float) -> None:
        """Take over how far a job has come, in another process.

        :param attempt: the number of its attempt
        :param at: when, in seconds since the epoch
        """
        job = self.job(place)

        if job.status is Status.RUNNING and job.attempt == attempt:
            job.reported(progress, at)

    def ended_as(self, place: int, record: JobRecord) -> None:
        """Take over how a job ended, in another process."""
        for change in self._restored(self.job(place), record):
            self._tell(*change)

    def _restored(self, job: Job, kept: JobRecord) -> list[Change]:
        """Take over what is kept of a job; return what of it is news, in its order.

        Final is final. Of a job that runs, what is older than what is known is left.
        """
        old, known, run_at = job.status, job.attempt, job.run_at_seconds
        now = number_of_next(kept.attempts), kept.started or 0.0

        if old in FINAL or (kept.status not in FINAL and now <= (known, run_at or 0.0)):
            return []

        job.restore(kept)
        self._count(job.place, old, job.status)
        news: list[Change] = []
        place = job.place

        for attempt in kept.attempts:
            if attempt.number >= known:
                if attempt.started is not None and attempt.started != run_at:
                    news.append((place, Status.RUNNING, attempt.started, ""))
                    run_at = attempt.started

                why = attempt.reason or str(attempt.kind)
                news.append((place, Status.PENDING, attempt.ended, why))

        if kept.started is not None and kept.started != run_at:
            news.append((place, Status.RUNNING, kept.started, ""))

        if kept.finished is not None:
            news.append((place, job.status, kept.finished, job.reason))

        return news

    def kind(self, index: int) -> type[events.Event] | None:
        """Tell which event a change of its history is; None for one that is none."""
        return kind_of(index, self._history[index])

    def _count(self, place: int, old: Status, new: Status) -> None:
        """Take note that a job has another status."""
        self._jobs.status[place] = new
        self._counts[old] -= 1
        self._counts[new] += 1

    def _tell(
        self, place: int | None, status: Status | None, at: float, reason: str
    ) -> None:
        self._history.append((place, status, at, reason))
        self._wake()

        if self.publish is not None:
            self.publish(self._handle, len(self._history) - 1)

    def _wake(self) -> None:
        if self._next_change is not None:
            self._next_change.set()
            self._next_change = None
