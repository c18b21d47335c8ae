"""A run: its state and its history, which the engine writes. `Submission` is the handle
that shows it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeAlias, TypeVar
from weakref import ReferenceType

import attrs

from asyncflow import ids
from asyncflow.abc import Progress, Usage
from asyncflow.errors import (
    SubmissionCanceled,
    SubmissionFailed,
    SubmissionInterrupted,
)
from asyncflow.log import Entry
from asyncflow.log import logger as _logger
from asyncflow.options import RunOptions
from asyncflow.records import SubmissionRecord
from asyncflow.runs.job import JobState
from asyncflow.runs.job_table import JobTable
from asyncflow.runs.node import Given, Version
from asyncflow.runs.watchers import Report, RunWatcher, Watchers
from asyncflow.status import Status, SubmissionStatus, status_of
from asyncflow.worker.shortened import REASON, shortened

if TYPE_CHECKING:
    from asyncflow.config.dag import Dag
    from asyncflow.runs.task import TaskState


EntityT_co = TypeVar("EntityT_co", bound="RunEntity", covariant=True)
AnyRun: TypeAlias = "Run[RunEntity]"

_new = tuple.__new__


class RunEntity(Protocol):
    """What was submitted."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def scenario_id(self) -> str:
        """The id of the scenario that it belongs to, or is."""


class Ending:
    """What ends a run early, as far as anything does. What comes first stays."""

    cancel_reason: str | None = None
    """Why it is cancelled; None where it is not."""
    interrupt_reason: str | None = None
    """Why it ends here alone; None where it does not."""
    failure: Exception | None = None
    """The error of the engine's that ended it; None for none."""
    jobs: frozenset[int] = frozenset()
    """The places of jobs that are cancelled by themselves."""

    @property
    def reason(self) -> str | None:
        """Why it is to end early, cancelled or interrupted; None where it is not."""
        return self.cancel_reason or self.interrupt_reason

    @property
    def is_left(self) -> bool:
        """Whether what becomes of it is not told here: it goes on elsewhere, or nobody
        knows.
        """
        return self.interrupt_reason is not None or self.failure is not None

    def cancel(self, reason: str) -> None:
        """Take note of why it is cancelled."""
        self.cancel_reason = self.cancel_reason or shortened(reason, REASON)

    def cancel_job(self, place: int) -> None:
        """Take note that a job is cancelled."""
        self.jobs |= {place}

    def interrupt(self, reason: str) -> None:
        """Take note of why it ends here alone."""
        self.interrupt_reason = self.interrupt_reason or shortened(reason, REASON)

    def fail(self, error: Exception) -> None:
        """Take note of an error that is not a job's."""
        self.failure = self.failure or error


Change: TypeAlias = tuple[int | None, Status | None, float, str]
"""The place of the job (None: the run itself), its new status, when, and why."""


class History:
    """The changes of a run, in their order.

    Their parts lie in one list: the garbage collector has fewer objects to look at.
    """

    __slots__ = ("_parts",)

    def __init__(self, first: Change | tuple[()] = ()) -> None:
        self._parts: list[Any] = [*first]

    def append(self, change: Change) -> None:
        """Add a change."""
        self._parts += change

    def append_ends(
        self, ended: Sequence[tuple[int, Usage]], at: float, before: Sequence[Status]
    ) -> None:
        """Add all changes of jobs that are known to have completed.

        :param ended: their places, and what they used
        :param before: the status of each job of the run: of those that are blocked it
            was not even known that they are ready
        """
        parts, running, completed = self._parts, Status.RUNNING, Status.COMPLETED
        blocked = Status.BLOCKED

        for place, usage in ended:
            began = usage[0]

            if before[place] is blocked:
                parts += place, Status.PENDING, began, ""

            parts += place, running, began, "", place, completed, at, ""

    def __len__(self) -> int:
        return len(self._parts) // 4

    def __getitem__(self, index: int) -> Change:
        place, status, at, reason = self._parts[4 * index : 4 * index + 4]
        return place, status, at, reason


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
    scenario_id: str = attrs.field(init=False)
    """The id of the scenario that its entity belongs to, or is."""
    handle: ReferenceType[object] | None = attrs.field(init=False, default=None)
    """The handle that users have; None, or dead, where nobody has one."""
    orchestrator_id: str = attrs.field(init=False, default="")
    """The id of the orchestrator that drives it, or did."""
    is_adopted: bool = attrs.field(init=False, default=False)
    """Whether the orchestrator took it over from one that was killed."""
    crashes: int = attrs.field(init=False, default=0)
    """How many orchestrators of it died since a job of it last ended."""
    watchers: Watchers = attrs.field(init=False, factory=Watchers)
    watched_by: Sequence[RunWatcher[Run[EntityT_co]]] = attrs.field(
        init=False, default=()
    )
    """Those who watch all runs here."""
    is_seen: bool = attrs.field(init=False, default=False)
    """Whether anybody has seen how it ended."""
    pins: dict[str, Version] | None = attrs.field(init=False, default=None)
    """The versions of its sources that it reads though there are newer ones, by the
    ids of the data nodes."""
    given: Mapping[str, Given] | None = attrs.field(init=False, default=None)
    """What it was given, by the config ids of the data nodes; None for nothing."""
    held: dict[str, Version] | None = attrs.field(init=False, default=None)
    """The versions that are kept for it alone, by the ids of the data nodes."""
    is_paused: bool = attrs.field(init=False, default=False)
    """Whether no job of it is to start."""
    lacks_data: bool = attrs.field(init=False, default=False)
    """Whether it has not begun, as what it reads was never written."""
    ending: Ending = attrs.field(init=False, factory=Ending)
    finished_at: float | None = attrs.field(init=False, default=None)
    """When its last job ended, in seconds since the epoch; None before."""
    publish: Callable[[Run[EntityT_co], int, int], None] | None = attrs.field(
        init=False, default=None
    )
    """Who is told of the changes in the history from a place on, up to another; None
    where nobody listens."""
    publish_report: Callable[[Run[EntityT_co], Report], None] | None = attrs.field(
        init=False, default=None
    )
    """Who is told how far jobs have come; None where nobody listens."""
    tasks: Sequence[TaskState] = attrs.field(init=False)
    """The tasks of its jobs, in their order."""
    table: JobTable = attrs.field(init=False)
    history: History = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.id = ids.of_submission(self.key)
        self.scenario_id = self.entity.scenario_id
        self.begin(self._first_tasks)

    def begin(self, tasks: Sequence[TaskState]) -> None:
        """Have jobs, of which nothing has happened but that they were submitted."""
        self.tasks = tasks
        self.table = JobTable(tasks)
        self.history = History((None, None, self.submitted, ""))

    @property
    def jobs(self) -> tuple[JobState, ...]:
        """Its jobs, in an order in which they can run."""
        return tuple(map(self.job, range(len(self.tasks))))

    def job(self, place: int) -> JobState:
        """Return a job by its place among all."""
        return self.table.get(place, self)

    def moved(
        self, job: JobState, old: Status, new: Status, at: float, reason: str
    ) -> None:
        """Take note that a job changes its status."""
        self.table.recount(job.place, old, new)

        if new is not Status.BLOCKED or self._wants_all:
            self.tell((job.place, new, at, reason))

    def wait_for(self, status: Status, places: Iterable[int], at: float) -> None:
        """Take note that jobs wait: for others, or for a worker.

        :param status: `Status.BLOCKED` or `Status.PENDING`
        :param at: when, in seconds since the epoch
        """
        is_told = status is not Status.BLOCKED or self._wants_all
        table = self.table
        statuses, made, counts = table.status, table.made, table.number
        tell = self.history.append if self.publish is None else self.tell

        for place in places:
            old = statuses[place]

            if made and (job := made.get(place)):
                if old is not status:  # it may be tried again
                    job.move(status, at)

                continue

            statuses[place] = status
            counts[old] -= 1
            counts[status] += 1

            if is_told:
                tell((place, status, at, ""))

        if self.watchers.next is not None:
            self.watchers.wake()

    def completed(self, ended: Sequence[tuple[int, Usage]], at: float) -> None:
        """Take note of the ends of jobs that are not made, and of which nothing was
        told since they were ready.

        :param ended: their places, and what they used
        :param at: when, in seconds since the epoch
        """
        first = len(self.history) if self.publish is not None else 0
        self.history.append_ends(ended, at, self.table.status)
        self.table.complete(ended, at)

        if self.watchers.next is not None:
            self.watchers.wake()

        if self.publish is not None:
            self.publish(self, first, len(self.history))

    def progressed(self, job: JobState, progress: Progress, at: float) -> None:
        """Take note of how far a job has come."""
        if not self.watchers.want_reports and self.publish_report is None:
            return

        report = Report(job, job.attempt, progress, at)
        self.watchers.take(report, len(self.history))

        if self.publish_report is not None:
            self.publish_report(self, report)

    def is_canceling(self, place: int) -> bool:
        """Tell whether the end of a job was asked for."""
        ending = self.ending
        return ending.cancel_reason is not None or place in ending.jobs

    def ready_at(self, place: int) -> float | None:
        """Return when a job was ready to run, in seconds since the epoch; None where that
        is not known, or has not come.
        """
        for index in range(1, len(self.history)):
            other, status, at, _ = self.history[index]

            if other == place and status is Status.PENDING:
                return at

        return None

    def tell(self, change: Change) -> None:
        """Add a change to the history."""
        self.history.append(change)

        if self.watchers.next is not None:
            self.watchers.wake()

        if self.publish is not None:
            last = len(self.history)
            self.publish(self, last - 1, last)

    @property
    def _wants_all(self) -> bool:
        """Whether somebody wants to know also what is no event."""
        return self.publish is not None or self.watchers.want_all

    @property
    def status(self) -> SubmissionStatus:
        """Its status: final once every job has ended."""
        if self.finished_at is None and (
            self.table.number[Status.SUBMITTED] == len(self.tasks)
        ):
            return SubmissionStatus.SUBMITTED

        return status_of(self.table.number, is_finished=self.finished_at is not None)

    @property
    def is_finished(self) -> bool:
        """Whether every job has ended."""
        return self.finished_at is not None

    def finished(self, at: float) -> None:
        """Take note that every job has ended."""
        self.finished_at = at
        self.tell((None, None, at, ""))

        if not self.watchers.count:
            self.tell_unwatched()

        watched_by, self.watched_by = self.watched_by, ()

        for watcher in watched_by:
            watcher.leave(self)

        self.watchers.tell_end()

    def error(self) -> Exception | None:
        """Return the error that ``await`` raises; None for a run that is all right."""
        if self.ending.failure is not None:
            return self.ending.failure

        if self.table.number[Status.FAILED]:
            failed = [job for job in self.jobs if job.status is Status.FAILED]
            return SubmissionFailed.of(self.id, [job.error() for job in failed])

        if self.finished_at is None or not self.table.number[Status.CANCELED]:
            return None

        if self.ending.interrupt_reason is not None:
            return SubmissionInterrupted(self.id, self.ending.interrupt_reason)

        return SubmissionCanceled(self.id, self._why_canceled())

    def _why_canceled(self) -> str:
        """Return why it was cancelled, or else why its jobs were, each reason once."""
        if self.ending.cancel_reason:
            return self.ending.cancel_reason

        canceled = [job for job in self.jobs if job.status is Status.CANCELED]
        reasons = dict.fromkeys(job.reason for job in canceled if job.reason)
        return shortened("; ".join(reasons), REASON) or "no reason given"

    def __del__(self) -> None:
        if not self.is_seen:  # nor can anybody see it any more
            self.tell_unwatched()

    def tell_unwatched(self) -> None:
        """Log a failure that nobody has seen: no error is passed over in silence."""
        if self.finished_at is None or self.is_seen:
            return

        self.is_seen = True

        if self.table.number[Status.FAILED] and self.ending.failure is None:
            _logger.later(self._failure_entry)  # it may have many errors to load

    def _failure_entry(self) -> Entry:
        error = self.error()
        problem = "nobody awaited a run that failed: %s"
        return logging.ERROR, problem, (error,), error

    def record(self) -> SubmissionRecord:
        """Return its facts."""
        options = self.options
        facts = (
            self.id,
            self.entity.id,
            self.scenario_id,
            self.orchestrator_id,
            self.status,
            self.submitted,
            self.finished_at,
            self.ending.cancel_reason or "",
            options.force,
            options.on_failure,
            self.dag.text,
            options.properties,
            options.priority,
            options.run_timeout,
            options.wait_for_data,
            self.is_paused,
        )
        return _new(SubmissionRecord, facts)  # without a call, for each run

    def __repr__(self) -> str:
        counts = ", ".join(
            f"{count} {status}" for status, count in self.table.counts().items()
        )
        return f"<{self.id} {self.status} (jobs: {counts or 'none'})>"
