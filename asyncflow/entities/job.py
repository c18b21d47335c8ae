"""Jobs: one execution of one task."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from copy import copy
from datetime import datetime
from typing import TYPE_CHECKING, Any

import attrs

from asyncflow.abc import (
    Crashed,
    Killed,
    Log,
    Outcome,
    Printed,
    Progress,
    Raised,
    Usage,
)
from asyncflow.errors import JobFailed, RemoteTraceback
from asyncflow.records import AttemptRecord, JobRecord, LogRecord, Record, as_date
from asyncflow.runs.attempts import added, number_of_next
from asyncflow.status import FINAL, TRANSITIONS, AttemptKind, Status
from asyncflow.worker.outcome import cut
from asyncflow.worker.shortened import REASON, TRACEBACK, shortened
from asyncflow.worker.values import fetch

if TYPE_CHECKING:
    from asyncflow.entities.submission import Submission
    from asyncflow.entities.task import Task
    from asyncflow.worker.streams import Stream


EARLIER = 1_048_576
"""How many characters are kept of what earlier attempts have printed."""


@attrs.define(eq=False, repr=False)
class Job:
    """One execution of one task. Its attributes are live; final is final."""

    task: Task
    submission: Submission
    place: int
    """Its place among the jobs of its submission."""
    status: Status = attrs.field(init=False, default=Status.SUBMITTED)
    reason: str = attrs.field(init=False, default="")
    """Why it failed, was cancelled, abandoned or skipped, or why it ran where it could
    have been skipped; ``""`` otherwise."""
    attempts: tuple[AttemptRecord, ...] = attrs.field(init=False, default=())
    """The attempts that failed and were followed by another one. Of many, the first 10
    and the last 90."""
    _numbers: dict[float, int] | None = attrs.field(init=False, default=None)
    """The numbers of the attempts that failed here, by when they did."""
    progress: Progress | None = attrs.field(init=False, default=None)
    """How far its attempt has come, as its function reported it last; None before. See
    `asyncflow.report`."""
    usage: Usage | None = attrs.field(init=False, default=None)
    """What its last attempt used: seconds of time and of CPU, the peak of memory in
    bytes. None until that has ended, and where it is not known."""
    failure: Raised | Crashed | None = attrs.field(init=False, default=None)
    log: Log | None = attrs.field(init=False, default=None)
    """Where what it prints can be read while it runs."""
    ended_log: tuple[int, Log] | None = attrs.field(init=False, default=None)
    """The number of its last attempt that ended, and where that has printed; None where
    nobody knows."""
    _printed: Printed | None = attrs.field(init=False, default=None)
    """What its attempts have printed; only until it ends."""
    _id: str = attrs.field(init=False, default="")
    _run_at: float | None = attrs.field(init=False, default=None)
    _finished_at: float | None = attrs.field(init=False, default=None)

    @property
    def id(self) -> str:
        """Its id."""
        if not self._id:
            self._id = f"JOB_{self.task.config.id}_{self.submission.key}"

        return self._id

    @property
    def name(self) -> str:
        """The name of its task: `config_id`."""
        return self.task.config.id

    @property
    def config_id(self) -> str:
        """The id that its task was declared with."""
        return self.task.config.id

    @property
    def attempt(self) -> int:
        """The number of its attempt: 1 unless it was tried again."""
        return number_of_next(self.attempts)

    @property
    def submitted_at(self) -> datetime:
        """When it was submitted, in UTC."""
        return self.submission.submitted_at

    @property
    def run_at(self) -> datetime | None:
        """When it was given to a worker, in UTC; None before."""
        return as_date(self._run_at)

    @property
    def finished_at(self) -> datetime | None:
        """When it ended, in UTC; None before."""
        return as_date(self._finished_at)

    @property
    def execution_duration(self) -> float | None:
        """The seconds from `run_at` to `finished_at`; None until both are known."""
        if self._run_at is None or self._finished_at is None:
            return None

        return self._finished_at - self._run_at

    @property
    def duration(self) -> float | None:
        """The same as `execution_duration`."""
        return self.execution_duration

    @property
    def is_finished(self) -> bool:
        """Whether its status is final."""
        return self.status in FINAL

    @property
    def stacktrace(self) -> str:
        """The traceback of its failure, from the worker; ``""`` without one."""
        return self.failure.traceback if isinstance(self.failure, Raised) else ""

    async def output(self, stream: Stream | None = None) -> str:
        """Return what it has printed to stdout and stderr, also from C and children, and
        its log records, one a line; in their order.

        What C and children write to stderr comes before what Python prints next, so it
        may stand behind what they wrote to stdout at the same time. Where the job runs in
        this process (development mode, threads, ``async def``) what C and children print
        goes where this process prints, and is not kept.

        It is kept with the job. Of much output the beginning and the end are kept, see
        ``max_log_size``; of earlier attempts too.

        :param stream: ``"stdout"``, ``"stderr"`` or ``"log"``: only that; None for all
        :raises NotOpen: once the orchestrator is closed
        :raises ValueError: for another name of a stream
        """
        if stream not in (None, "stdout", "stderr", "log"):
            raise ValueError(
                f"stream={stream!r} is none: give 'stdout', 'stderr', 'log', or None for all"
            )

        return await self.submission.verbs.output(self, stream)

    def follow(self) -> AsyncIterator[str]:
        """Give the lines that it prints, from the first, then as they come.

        Ends with the job. The lines end as they did; the last one may not. Where another
        process runs the job, they come when it has ended. Whoever stops iterating stops
        watching.
        """
        return self.submission.verbs.follow(self)

    def cancel(self, reason: str | None = None) -> None:
        """Ask for the end of this job: at once, without waiting for it.

        It is ``CANCELED`` once its process is dead, and what needs it is ``ABANDONED``.
        One that has ended stays what it is.

        :param reason: what is said where the cancel shows; None says just that
        """
        self.submission.verbs.cancel(self, reason=reason)

    def error(self) -> JobFailed:
        """Make the error that says how it failed, chained to the user's own."""
        failed = JobFailed(self.id, self.task.config_id, self.reason)
        failed.__cause__ = _cause(self.failure)
        return failed

    def move(self, status: Status, at: float, reason: str = "") -> None:
        """Go to another status.

        :param at: when, in seconds since the epoch
        :raises ValueError: where the table has no such transition
        """
        if status not in TRANSITIONS[self.status]:
            raise ValueError(f"{self!r} cannot become {status}")

        reason = shortened(reason, REASON)
        self.submission.moved(self, self.status, status, at, reason)
        self.status = status
        self.reason = reason

        if status is Status.RUNNING:
            self._run_at = at

            if self.progress is not None:  # it reported before this was known
                self.submission.progressed(self, self.progress, at)
        elif status in FINAL:
            self._finished_at = at
            self._printed = self.log = None

    def took(self, outcome: Outcome) -> None:
        """Take over what an executor tells of an attempt. For the scheduler alone."""
        self.usage = outcome.usage
        self.failure = _failure(outcome)

        self._end_log(outcome.log)

        if outcome.log is not None:
            self._printed = _joined(self._printed, outcome.log, self.attempt)

    def _end_log(self, printed: Printed | None) -> None:
        """Take note of where an attempt has ended in its log."""
        size = 0 if printed is None else printed.size

        if self.log is not None and size is not None:
            log = self.log._replace(end=self.log.start + size)
            self.ended_log = self.attempt, log

    def try_again(self, at: float, kind: AttemptKind, reason: str) -> None:
        """Wait for another attempt. For the scheduler alone.

        :param at: when the last one failed, in seconds since the epoch
        :param kind: how
        :param reason: why
        """
        facts = self.attempt, self._run_at, at, reason, self.stacktrace
        last = AttemptRecord(*facts, kind)
        self.attempts = added(self.attempts, last)
        self._numbers = self._numbers or {}
        self._numbers[at] = last.number
        self.failure = self.progress = self.log = None
        self.move(Status.PENDING, at, reason)

    def move_back(self, at: float, reason: str) -> None:
        """Wait again, without another attempt. For the scheduler alone.

        :param at: when, in seconds since the epoch
        """
        self.progress = self.log = None
        self.move(Status.PENDING, at, reason)

    def interrupted(self, at: float, reason: str) -> None:
        """Count an attempt whose orchestrator has died. For recovery alone.

        :param at: when that was noticed, in seconds since the epoch
        """
        kind = AttemptKind.INTERRUPTED
        last = AttemptRecord(self.attempt, self._run_at, at, reason, "", kind)
        self.attempts = added(self.attempts, last)

    def reported(self, progress: Progress, at: float) -> None:
        """Take note of how far it has come. For the scheduler alone."""
        self.progress = progress

        if self.status is Status.RUNNING:
            self.submission.progressed(self, progress, at)

    def restore_output(self, record: LogRecord) -> None:
        """Take over what earlier attempts have printed. For recovery alone."""
        self._printed = Printed(record.text, record.left_out)

    def records_of_output(self) -> list[Record]:
        """Return what is to be saved of what it printed."""
        if self._printed is None:
            return []

        return [LogRecord(self.id, self._printed.text, self._printed.left_out)]

    def facts(self) -> tuple[Any, ...]:
        """Return what is known of it, beside what it is."""
        return tuple([getattr(self, name) for name in _FACTS])

    def restore_facts(self, facts: tuple[Any, ...]) -> None:
        """Take over what was known of it when nobody used it."""
        for name, fact in zip(_FACTS, facts, strict=True):
            setattr(self, name, fact)

    def as_of(self, status: Status, at: float, reason: str) -> Job:
        """Return a copy that stays as the job was when it went to a status.

        :param at: when, in seconds since the epoch
        """
        then = copy(self)
        then.status, then.reason = status, reason

        if status not in FINAL:
            then.attempts = tuple(
                attempt for attempt in self.attempts if attempt.ended <= at
            )
            then._run_at = at if status is Status.RUNNING else None
            then._finished_at = then.failure = then.log = None

        return then

    def attempt_that_failed(self, at: float) -> int:
        """Return the number of the attempt that failed then: seconds since the epoch.

        :raises StopIteration: where none did
        """
        if self._numbers is not None and at in self._numbers:
            return self._numbers[at]

        return next(attempt.number for attempt in self.attempts if attempt.ended == at)

    def restore_end(self, usage: Usage, at: float) -> None:
        """Take over how it completed, before it was made. For `JobTable` alone.

        :param at: when, in seconds since the epoch
        """
        self.usage = usage
        self._run_at, self._finished_at = usage.started, at

    def has_run_since(self, at: float) -> bool:
        """Tell whether it was given to a worker by then: seconds since the epoch."""
        return self._run_at is not None and self._run_at <= at

    @property
    def run_at_seconds(self) -> float | None:
        """`run_at`, in seconds since the epoch."""
        return self._run_at

    def has_run_since_then(self, at: float) -> bool:
        """Tell whether its last start is later than this: seconds since the epoch."""
        return self._run_at is not None and self._run_at > at

    def anew(self) -> None:
        """Forget an attempt whose orchestrator is gone. For `Run` alone."""
        self.status = Status.SUBMITTED
        self.progress = self._run_at = None

    def tried(self, number: int, at: float, attempt: AttemptRecord | None) -> None:
        """Take over an attempt that failed in another process. For `Run` alone.

        :param at: when, in seconds since the epoch
        :param attempt: what is known of it; None where that is not kept
        """
        if attempt is not None and number >= self.attempt:
            self.attempts = added(self.attempts, attempt)

        self._numbers = self._numbers or {}
        self._numbers[at] = number
        self.progress = None

    def restore(self, record: JobRecord) -> None:
        """Take over what was kept of it. For `Submission.restore` alone."""
        self.status = Status(record.status)
        self.reason = record.reason
        self._run_at = record.started
        self._finished_at = record.finished
        self.attempts = record.attempts

        if record.cpu_seconds is not None and self.execution_duration is not None:
            self.usage = Usage(
                record.started or 0.0,
                self.execution_duration,
                record.cpu_seconds,
                record.peak_rss,
            )

        if self.status is Status.FAILED:
            self.failure = Raised(record.reason, record.traceback, None)

    def record(self) -> JobRecord:
        """Return its facts."""
        return JobRecord(
            self.id,
            self.task.id,
            self.submission.id,
            self.status,
            self.reason,
            self._run_at,
            self._finished_at,
            self.stacktrace,
            self.attempts,
            self.usage and self.usage.cpu,
            self.usage and self.usage.peak_rss,
        )

    def __repr__(self) -> str:
        why = f": {self.reason}" if self.reason else ""
        return f"<Job {self.task.config_id} {self.status}{why}>"


_FACTS = tuple(field.name for field in attrs.fields(Job) if not field.init)


def _failure(outcome: Outcome) -> Raised | Crashed | None:
    """Return how an attempt failed; None where it did not, or was canceled."""
    if isinstance(outcome, Killed):
        stack = shortened(outcome.stack, TRACEBACK)
        return Raised("", stack, None) if stack else None

    if isinstance(outcome, Raised):  # a worker has done it, an executor of others not
        return outcome._replace(traceback=shortened(outcome.traceback, TRACEBACK))

    return outcome if isinstance(outcome, Crashed) else None


def separator(attempt: int) -> str:
    """Return what stands between the outputs of two attempts."""
    return f"\n--- attempt {attempt} ---\n"


def _joined(earlier: Printed | None, last: Printed, attempt: int) -> Printed:
    """Join what the attempts at a job have printed; of much output of earlier ones the
    beginning and the end are kept.
    """
    if earlier is None:
        return last

    kept = cut(earlier.text, EARLIER) or earlier
    text = f"{kept.text}{separator(attempt)}{last.text}"
    left_out = earlier.left_out + (kept.left_out if kept is not earlier else 0)
    return Printed(text, left_out + last.left_out)


def _cause(failure: Raised | Crashed | None) -> BaseException | None:
    """Return the user's error with its remote traceback, as far as it got here."""
    if not isinstance(failure, Raised):
        return None

    if isinstance(failure.error, BaseException):
        return failure.error

    remote = RemoteTraceback(failure.traceback)

    if failure.error is not None:
        # Its class cannot be loaded here, or ends the program: the text is left.
        with suppress(Exception, SystemExit):
            error = fetch(failure.error)

            if isinstance(error, BaseException):
                error.__cause__ = remote
                return error

    return remote
