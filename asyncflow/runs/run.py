"""A run: its state, which the engine writes. `Submission` is the handle that shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar
from weakref import ReferenceType

import attrs
from anyio import Event
from anyio.lowlevel import checkpoint_if_cancelled

from asyncflow import events, ids
from asyncflow.abc import Progress, Usage
from asyncflow.errors import (
    SubmissionCanceled,
    SubmissionFailed,
    SubmissionInterrupted,
)
from asyncflow.log import logger as _logger
from asyncflow.options import RunOptions
from asyncflow.records import JobRecord, SubmissionRecord
from asyncflow.runs.history import Change, History, kind_of
from asyncflow.runs.job import JobState
from asyncflow.runs.job_table import JobTable
from asyncflow.runs.progress import ProgressReports, Report
from asyncflow.runs.version import Version
from asyncflow.status import FINAL, Status, SubmissionStatus, status_of
from asyncflow.worker.shortened import REASON, shortened

if TYPE_CHECKING:
    from asyncflow.config.dag import Dag
    from asyncflow.runs.subject import RunEntity
    from asyncflow.runs.task import TaskState

_NONE_YET = dict.fromkeys(Status, 0)

EntityT_co = TypeVar("EntityT_co", bound="RunEntity", covariant=True)
AnyRun: TypeAlias = "Run[RunEntity]"


@attrs.define(eq=False, repr=False)
class Run(Generic[EntityT_co]):
    """One execution of a scenario, a sequence or a task.

    :param key: what its ids have in common
    :param entity: what was submitted
    :param dag: the graph of its jobs' tasks
    :param options: what it was submitted with
    :param submitted: when it was submitted, in seconds since the epoch
    :param first_tasks: the tasks of its jobs, in an order in which they can run
    """

    key: str
    entity: EntityT_co
    dag: Dag
    options: RunOptions
    submitted: float
    _first_tasks: Sequence[TaskState]
    id: str = attrs.field(init=False)
    handle: ReferenceType[object] | None = attrs.field(init=False, default=None)
    """The handle that users have; None, or dead, where nobody has one."""
    orchestrator_id: str = attrs.field(init=False, default="")
    """The id of the orchestrator that drives it, or did."""
    is_adopted: bool = attrs.field(init=False, default=False)
    """Whether the orchestrator took it over from one that was killed."""
    crashes: int = attrs.field(init=False, default=0)
    """How many orchestrators of it died since a job of it last ended."""
    watchers: int = attrs.field(init=False, default=0)
    """How many watch it just now, and see how it ends."""
    is_seen: bool = attrs.field(init=False, default=False)
    """Whether anybody has seen how it ended."""
    pins: dict[str, Version] | None = attrs.field(init=False, default=None)
    """The versions of its sources that it reads though there are newer ones, by the
    ids of the data nodes."""
    held: dict[str, Version] | None = attrs.field(init=False, default=None)
    """The versions that are kept for it alone, by the ids of the data nodes."""
    cancel_reason: str | None = attrs.field(init=False, default=None)
    """Why it is cancelled; None where it is not."""
    interrupt_reason: str | None = attrs.field(init=False, default=None)
    """Why it ends here alone; None where it does not."""
    failure: Exception | None = attrs.field(init=False, default=None)
    """The error of the engine's that ended it; None for none."""
    finished_at: float | None = attrs.field(init=False, default=None)
    """When its last job ended, in seconds since the epoch; None before."""
    publish: Callable[[Run[EntityT_co], int], None] | None = attrs.field(
        init=False, default=None
    )
    """Who is told the place of each change in the history; None where nobody listens."""
    publish_report: Callable[[Run[EntityT_co], Report], None] | None = attrs.field(
        init=False, default=None
    )
    """Who is told how far jobs have come; None where nobody listens."""
    tasks: Sequence[TaskState] = attrs.field(init=False)
    """The tasks of its jobs, in their order."""
    table: JobTable = attrs.field(init=False)
    _counts: dict[Status, int] = attrs.field(init=False)
    _history: History = attrs.field(init=False)
    _progress_reports: tuple[ProgressReports, ...] = attrs.field(init=False, default=())
    """What each watcher is still to be told of the progress of jobs."""
    _next_change: Event | None = attrs.field(init=False, default=None)
    _done: Event | None = attrs.field(init=False, default=None)
    """Tells that it has ended, to those who wait for it."""
    _callbacks: list[Callable[[], object]] = attrs.field(init=False, factory=list)

    def __attrs_post_init__(self) -> None:
        self.id = ids.of_submission(self.key)
        self._start(self._first_tasks)

    def _start(self, tasks: Sequence[TaskState]) -> None:
        self.tasks = tasks
        self.table = JobTable(tasks)
        self._counts = _NONE_YET.copy()
        self._counts[Status.SUBMITTED] = len(tasks)
        self._history = History((None, None, self.submitted, ""))

    def become(self, other: Run[Any]) -> None:
        """Turn into another run, whose object is used no more.

        For one whose idempotency key is that of an earlier run.
        """
        self.entity, self.dag = other.entity, other.dag
        self.options = attrs.evolve(other.options, timeout=self.options.timeout)
        self.submitted = other.submitted
        self._start(other.tasks)
        self._wake()

    @property
    def jobs(self) -> tuple[JobState, ...]:
        """Its jobs, in an order in which they can run."""
        return tuple(map(self.job, range(len(self.tasks))))

    def job(self, place: int) -> JobState:
        """Return a job by its place among all."""
        return self.table.get(place, self)

    def attempt(self, place: int) -> int:
        """Return the number of a job's attempt, by its place among all."""
        table = self.table

        if place not in table.made and table.ended is None:  # most are never made
            return 1

        return self.job(place).attempt if self.is_made(place) else 1

    def job_status(self, place: int) -> Status:
        """Return the status of a job, by its place among all."""
        return self.table.status[place]

    def is_made(self, place: int) -> bool:
        """Tell whether somebody has asked for a job, by its place among all."""
        table = self.table
        return place in table.made or (table.ended is not None and place in table.ended)

    def with_status(self, status: Status) -> list[int]:
        """Return the places of the jobs with a status."""
        if not self._counts[status]:
            return []

        return [place for place, one in enumerate(self.table.status) if one is status]

    def ended(self) -> dict[int, Status]:
        """Return the status of each of its jobs that has ended, by place."""
        if self._counts[Status.SUBMITTED] == len(self.tasks):
            return {}

        statuses = enumerate(self.table.status)
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

    def records_under_way(self) -> list[JobRecord]:
        """Return the facts of its jobs that have not ended. None is made for that."""
        made = self.table.made
        return [
            made[place].record()
            if place in made
            else JobRecord(
                ids.of_job(task.config.id, self.key),
                task.id,
                self.id,
                status,
                "",
                None,
                None,
                "",
            )
            for place, (task, status) in enumerate(
                zip(self.tasks, self.table.status, strict=True)
            )
            if status not in FINAL
        ]

    def let_jobs_go(self) -> None:
        """Hold its jobs no longer than they are used, if all have ended."""
        if sum(self._counts[status] for status in FINAL) == len(self.tasks):
            self.table.let_go()

    def moved(
        self, job: JobState, old: Status, new: Status, at: float, reason: str
    ) -> None:
        """Take note that a job changes its status."""
        self.recount(job.place, old, new)

        if new is not Status.BLOCKED or self._tells_all:
            self.tell((job.place, new, at, reason))

    def wait_for(self, status: Status, places: Iterable[int], at: float) -> None:
        """Take note that jobs wait: for others, or for a worker.

        :param status: `Status.BLOCKED` or `Status.PENDING`
        :param at: when, in seconds since the epoch
        """
        is_told = status is not Status.BLOCKED or self._tells_all
        statuses, made, counts = self.table.status, self.table.made, self._counts

        for place in places:
            old = statuses[place]

            if job := made.get(place):
                if old is not status:  # it may be tried again
                    job.move(status, at)

                continue

            statuses[place] = status
            counts[old] -= 1
            counts[status] += 1

            if is_told:
                self.tell((place, status, at, ""))

    def completed(self, ended: Sequence[tuple[int, Usage]], at: float) -> None:
        """Take note of the ends of jobs that are not made, and of which nothing was
        told since they were ready.

        :param ended: their places, and what they used
        :param at: when, in seconds since the epoch
        """
        first = len(self._history)
        table, counts = self.table, self._counts

        for place, usage in ended:
            old = table.status[place]
            counts[old] -= 1
            blocked = old is Status.BLOCKED
            self._history.append_end(place, usage[0], at, was_blocked=blocked)
            table.completed(place, usage, at)

        counts[Status.COMPLETED] += len(ended)

        if self._next_change is not None:
            self._wake()

        if self.publish is not None:
            for index in range(first, len(self._history)):
                self.publish(self, index)

    def progressed(self, job: JobState, progress: Progress, at: float) -> None:
        """Take note of how far a job has come."""
        if not self._progress_reports and self.publish_report is None:
            return

        report = Report(job, job.attempt, progress, at)

        for live in self._progress_reports:
            live.take(report, len(self._history))

        self._wake()

        if self.publish_report is not None:
            self.publish_report(self, report)

    def recount(self, place: int, old: Status, new: Status) -> None:
        """Take note that a job has another status."""
        self.table.status[place] = new
        self._counts[old] -= 1
        self._counts[new] += 1

    @property
    def length(self) -> int:
        """How many changes its history has."""
        return len(self._history)

    def change(self, index: int) -> Change:
        """Return a change of its history."""
        return self._history[index]

    def kind(self, index: int) -> type[events.Event] | None:
        """Tell which event a change of its history is; None for one that is none."""
        return kind_of(index, self._history[index])

    def job_at(self, index: int) -> JobState | None:
        """Return the job of a change, as it was then; None for the run's own."""
        place, status, at, reason = self._history[index]

        if place is None or status is None:
            return None

        return self.job(place).as_of(status, at, reason)

    def event(self, index: int) -> events.Event | None:
        """Make the event of a change: nobody pays for one that nobody reads."""
        place, status, at, reason = change = self._history[index]
        job = None if place is None else self.job(place)
        kind = kind_of(index, change)
        facts: dict[str, Any] = {
            "submission_id": self.id,
            "at": datetime.fromtimestamp(at, UTC),
        }

        if kind is None:
            return None

        if kind is events.SubmissionStarted:
            facts["entity_id"] = self.entity.id
        elif kind is events.SubmissionFinished:
            facts["status"] = self.status

        if job is not None:
            facts |= {"job_id": job.id, "task": job.name}

        if kind is events.JobFinished and status is not None:
            facts |= {"status": status, "reason": reason}

        if kind is events.JobAttemptFailed and job is not None:
            facts |= {"attempt": job.attempt_that_failed(at), "reason": reason}

        return kind(**facts)

    def tell(self, change: Change) -> None:
        """Add a change to the history."""
        self._history.append(change)

        if self._next_change is not None:
            self._wake()

        if self.publish is not None:
            self.publish(self, len(self._history) - 1)

    @property
    def _tells_all(self) -> bool:
        """Whether somebody wants to know also what is no event."""
        return self.publish is not None or (
            bool(self._progress_reports)
            and any(one.is_whole for one in self._progress_reports)
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

    def _wake(self) -> None:
        if self._next_change is not None:
            self._next_change.set()
            self._next_change = None

    @property
    def status(self) -> SubmissionStatus:
        """Its status: final once every job has ended."""
        if self.finished_at is None and (
            self._counts[Status.SUBMITTED] == len(self.tasks)
        ):
            return SubmissionStatus.SUBMITTED

        return status_of(self._counts, is_finished=self.finished_at is not None)

    @property
    def is_finished(self) -> bool:
        """Whether every job has ended."""
        return self.finished_at is not None

    @property
    def end_reason(self) -> str | None:
        """Why it is to end early, cancelled or interrupted; None where it is not."""
        return self.cancel_reason or self.interrupt_reason

    @property
    def is_left(self) -> bool:
        """Whether what becomes of it is not told here: it goes on elsewhere, or nobody
        knows.
        """
        return self.interrupt_reason is not None or self.failure is not None

    def canceled_for(self, reason: str) -> None:
        """Take note of why it is cancelled; the first reason stays."""
        self.cancel_reason = self.cancel_reason or shortened(reason, REASON)

    def interrupted_for(self, reason: str) -> None:
        """Take note of why it ends here alone; the first reason stays."""
        self.interrupt_reason = self.interrupt_reason or shortened(reason, REASON)

    def failed_for(self, error: Exception) -> None:
        """Take note of an error that is not a job's; the first stays."""
        self.failure = self.failure or error

    def lost(self, at: float, reason: str, error: Exception | None = None) -> None:
        """End it here: nobody can tell what becomes of the run.

        :param error: what ``await`` raises; None for what the jobs' statuses tell
        """
        if error is not None:
            self.failed_for(error)

        self.canceled_for(reason)

        for job in self.jobs:
            if job.status not in FINAL:
                job.move(Status.CANCELED, at, reason)

        self.finished(at)

    def finished(self, at: float) -> None:
        """Take note that every job has ended."""
        self.finished_at = at
        self.tell((None, None, at, ""))

        if self._done is not None:
            self._done.set()

        if not self.watchers:
            self.tell_unwatched()

        for callback in self._callbacks:
            callback()

        self._callbacks.clear()

    def when_finished(self, callback: Callable[[], object]) -> None:
        """Call a function once the run has ended; at once if it has."""
        if self.finished_at is not None:
            callback()
        else:
            self._callbacks.append(callback)

    async def over(self) -> None:
        """Wait until every job has ended, as one who need not see how."""
        if self.finished_at is not None:
            await checkpoint_if_cancelled()
            return

        if self._done is None:
            self._done = Event()

        await self._done.wait()

    def error(self) -> Exception | None:
        """Return the error that ``await`` raises; None for a run that is all right."""
        if self.failure is not None:
            return self.failure

        if self._counts[Status.FAILED]:
            failed = [job for job in self.jobs if job.status is Status.FAILED]
            return SubmissionFailed.of(self.id, [job.error() for job in failed])

        if self.finished_at is None or not self._counts[Status.CANCELED]:
            return None

        if self.interrupt_reason is not None:
            return SubmissionInterrupted(self.id, self.interrupt_reason)

        return SubmissionCanceled(self.id, self.cancel_reason or "no reason given")

    def __del__(self) -> None:
        if not self.is_seen:  # nor can anybody see it any more
            self.tell_unwatched()

    def tell_unwatched(self) -> None:
        """Log a failure that nobody has seen: no error is passed over in silence."""
        if self.finished_at is None or self.is_seen:
            return

        self.is_seen = True

        if self._counts[Status.FAILED] and self.failure is None:
            _logger.later(self._log_failure)  # it may have many errors to load

    def _log_failure(self) -> None:
        error = self.error()
        problem = "nobody awaited a run that failed: %s"
        _logger.inner.error(problem, error, exc_info=error)

    def record(self) -> SubmissionRecord:
        """Return its facts."""
        return SubmissionRecord(
            self.id,
            self.entity.id,
            self.entity.scenario_id,
            self.orchestrator_id,
            self.status,
            self.submitted,
            self.finished_at,
            self.cancel_reason or "",
            self.options.force,
            self.options.on_failure,
            self.dag.text,
            self.options.properties,
            self.options.priority,
            self.options.run_timeout,
        )

    def __repr__(self) -> str:
        counts = ", ".join(
            f"{count} {status}" for status, count in self.counts().items()
        )
        return f"<{self.id} {self.status} (jobs: {counts or 'none'})>"
