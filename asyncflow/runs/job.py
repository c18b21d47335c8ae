"""The state of one job: of those that somebody asks for, or that are not short and well."""

from __future__ import annotations

from contextlib import suppress
from copy import copy
from typing import Any, Protocol
from weakref import ReferenceType

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
from asyncflow.records import AttemptRecord, JobRecord, LogRecord, Record
from asyncflow.status import CRASHES, FINAL, TRANSITIONS, AttemptKind, Status
from asyncflow.worker.outcome import joined
from asyncflow.worker.shortened import REASON, TRACEBACK, shortened
from asyncflow.worker.values import fetch

FIRST = 10
"""How many of the first attempts are kept."""

LAST = 90
"""How many of the last attempts are kept."""

TRACEBACKS = 262_144
"""How many characters the tracebacks of all kept attempts may have. What goes beyond is
cut: that of the first attempt and those of the last ones stay whole for longest."""

SHORT = 1_000
"""How many characters such a traceback has left."""


class JobOwner(Protocol):
    """What a job asks of the run that it is part of, and tells it."""

    @property
    def id(self) -> str:
        """The id of the submission."""

    @property
    def key(self) -> str:
        """What its ids have in common."""

    @property
    def submitted(self) -> float:
        """When it was submitted, in seconds since the epoch."""

    def is_canceling(self, place: int) -> bool:
        """Tell whether the end of a job was asked for."""

    def ready_at(self, place: int) -> float | None:
        """Return when a job was ready to run."""

    def moved(
        self, job: JobState, old: Status, new: Status, at: float, reason: str
    ) -> None:
        """Take note that a job changes its status."""

    def progressed(self, job: JobState, progress: Progress, at: float) -> None:
        """Take note of how far a job has come."""


@attrs.define(eq=False, repr=False)
class JobState:
    """What is known of a job; `Job` is the handle that shows it. Final is final.

    :param run: the run that it is part of
    :param place: its place among the jobs of the run
    :param id: its id
    :param task_id: the id of its task
    :param name: the id of the config of its task
    """

    run: JobOwner
    place: int
    id: str
    task_id: str
    name: str
    status: Status = attrs.field(init=False, default=Status.SUBMITTED)
    reason: str = attrs.field(init=False, default="")
    attempts: tuple[AttemptRecord, ...] = attrs.field(init=False, default=())
    """The attempts that failed and were followed by another one."""
    _numbers: dict[float, int] | None = attrs.field(init=False, default=None)
    """The numbers of the attempts that failed here, by when they did."""
    progress: Progress | None = attrs.field(init=False, default=None)
    usage: Usage | None = attrs.field(init=False, default=None)
    worker: str | None = attrs.field(init=False, default=None)
    """The process that it runs in, or has run in last; see `worker_name`."""
    failure: Raised | Crashed | None = attrs.field(init=False, default=None)
    log: Log | None = attrs.field(init=False, default=None)
    """Where what it prints can be read while it runs."""
    ended_log: tuple[int, Log] | None = attrs.field(init=False, default=None)
    """The number of its last attempt that ended, and where that has printed; None where
    nobody knows."""
    _printed: Printed | None = attrs.field(init=False, default=None)
    """What its attempts have printed; only until it ends."""
    run_at: float | None = attrs.field(init=False, default=None)
    """When it was given to a worker, in seconds since the epoch."""
    finished_at: float | None = attrs.field(init=False, default=None)
    """When it ended, in seconds since the epoch."""
    handle: ReferenceType[object] | None = attrs.field(init=False, default=None)
    """The handle that users have; None, or dead, where nobody has one."""

    @property
    def attempt(self) -> int:
        """The number of its attempt, from 1."""
        return number_of_next(self.attempts)

    @property
    def execution_duration(self) -> float | None:
        """The seconds that it took; None until they are known."""
        if self.run_at is None or self.finished_at is None:
            return None

        return self.finished_at - self.run_at

    @property
    def is_finished(self) -> bool:
        """Whether its status is final."""
        return self.status in FINAL

    @property
    def stacktrace(self) -> str:
        """The traceback of its failure, from the worker; ``""`` without one."""
        return self.failure.traceback if isinstance(self.failure, Raised) else ""

    def error(self) -> JobFailed:
        """Make the error that says how it failed, chained to the user's own."""
        failed = JobFailed(self.id, self.name, self.reason)
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
        self.run.moved(self, self.status, status, at, reason)
        self.status = status
        self.reason = reason

        if status is Status.RUNNING:
            self.run_at = at

            if self.progress is not None:  # it reported before this was known
                self.run.progressed(self, self.progress, at)
        elif status in FINAL:
            self.finished_at = at
            self._printed = self.log = None

    def took(self, outcome: Outcome) -> None:
        """Take over what an executor tells of an attempt."""
        self.usage = outcome.usage
        self.worker = _worker(outcome) or self.worker
        self.failure = _failure(outcome)

        self._end_log(outcome.log)

        if outcome.log is not None:
            self._printed = joined(self._printed, outcome.log, self.attempt)

    def _end_log(self, printed: Printed | None) -> None:
        """Take note of where an attempt has ended in its log."""
        size = 0 if printed is None else printed.size

        if self.log is not None and size is not None:
            log = self.log._replace(end=self.log.start + size)
            self.ended_log = self.attempt, log

    def try_again(self, at: float, kind: AttemptKind, reason: str) -> None:
        """Wait for another attempt.

        :param at: when the last one failed, in seconds since the epoch
        :param kind: how
        :param reason: why
        """
        facts = self.attempt, self.run_at, at, reason, self.stacktrace
        last = AttemptRecord(*facts, kind)
        self.attempts = added(self.attempts, last)
        self._numbers = self._numbers or {}
        self._numbers[at] = last.number
        self.failure = self.progress = self.log = None
        self.move(Status.PENDING, at, reason)

    def move_back(self, at: float, reason: str) -> None:
        """Wait again, without another attempt.

        :param at: when, in seconds since the epoch
        """
        self.progress = self.log = None
        self.move(Status.PENDING, at, reason)

    def interrupted(self, at: float, reason: str) -> None:
        """Count an attempt whose orchestrator has died.

        :param at: when that was noticed, in seconds since the epoch
        """
        kind = AttemptKind.INTERRUPTED
        last = AttemptRecord(self.attempt, self.run_at, at, reason, "", kind)
        self.attempts = added(self.attempts, last)

    def reported(self, progress: Progress, at: float) -> None:
        """Take note of how far it has come."""
        self.progress = progress

        if self.status is Status.RUNNING:
            self.run.progressed(self, progress, at)

    def restore_output(self, record: LogRecord) -> None:
        """Take over what earlier attempts have printed."""
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

    def as_of(self, status: Status, at: float, reason: str) -> JobState:
        """Return a copy that stays as the job was when it went to a status.

        :param at: when, in seconds since the epoch
        """
        then = copy(self)
        then.status, then.reason, then.handle = status, reason, None

        if status not in FINAL:
            then.attempts = tuple(
                attempt for attempt in self.attempts if attempt.ended <= at
            )
            then.run_at = at if status is Status.RUNNING else None
            then.finished_at = then.failure = then.log = None

        return then

    def attempt_that_failed(self, at: float) -> int:
        """Return the number of the attempt that failed then: seconds since the epoch.

        Where none is known, as of another run that had its id, it is that of the last one
        before.
        """
        if self._numbers is not None and at in self._numbers:
            return self._numbers[at]

        known = (attempt.number for attempt in self.attempts if attempt.ended <= at)
        return max(known, default=1)

    def restore_end(self, usage: Usage, at: float) -> None:
        """Take over how it completed, before it was made.

        :param at: when, in seconds since the epoch
        """
        self.usage, self.worker = usage, usage.worker
        self.run_at, self.finished_at = usage.started, at

    def has_run_since(self, at: float) -> bool:
        """Tell whether it was given to a worker by then: seconds since the epoch."""
        return self.run_at is not None and self.run_at <= at

    def has_run_since_then(self, at: float) -> bool:
        """Tell whether its last start is later than this: seconds since the epoch."""
        return self.run_at is not None and self.run_at > at

    def anew(self) -> None:
        """Forget an attempt whose orchestrator is gone."""
        self.status = Status.SUBMITTED
        self.progress = self.run_at = None

    def tried(self, number: int, at: float, attempt: AttemptRecord | None) -> None:
        """Take over an attempt that failed in another process.

        :param at: when, in seconds since the epoch
        :param attempt: what is known of it; None where that is not kept
        """
        if attempt is not None and number >= self.attempt:
            self.attempts = added(self.attempts, attempt)

        self._numbers = self._numbers or {}
        self._numbers[at] = number
        self.progress = None

    def restore(self, record: JobRecord) -> None:
        """Take over what was kept of it."""
        self.status = Status(record.status)
        self.reason = record.reason
        self.run_at = record.started
        self.finished_at = record.finished
        self.attempts = record.attempts
        self.worker = record.worker

        if record.cpu_seconds is not None and self.execution_duration is not None:
            self.usage = Usage(
                record.started or 0.0,
                self.execution_duration,
                record.cpu_seconds,
                record.peak_rss,
                record.worker,
            )

        if self.status is Status.FAILED:
            self.failure = Raised(record.reason, record.traceback, None)

    def record(self) -> JobRecord:
        """Return its facts."""
        return JobRecord(
            self.id,
            self.task_id,
            self.run.id,
            self.status,
            self.reason,
            self.run_at,
            self.finished_at,
            self.stacktrace,
            self.attempts,
            self.usage and self.usage.cpu,
            self.usage and self.usage.peak_rss,
            self.worker,
        )

    def __repr__(self) -> str:
        why = f": {self.reason}" if self.reason else ""
        return f"<Job {self.name} {self.status}{why}>"


_FACTS = tuple(
    field.name
    for field in attrs.fields(JobState)
    if not (field.init or field.name == "handle")
)


def _worker(outcome: Outcome) -> str | None:
    """Return the name of the process that an attempt has run in."""
    if isinstance(outcome, Crashed | Killed) and outcome.worker is not None:
        return outcome.worker

    return outcome.usage and outcome.usage.worker


def _failure(outcome: Outcome) -> Raised | Crashed | None:
    """Return how an attempt failed; None where it did not, or was canceled."""
    if isinstance(outcome, Killed):
        stack = shortened(outcome.stack, TRACEBACK)
        return Raised("", stack, None) if stack else None

    if isinstance(outcome, Raised):  # a worker has done it, an executor of others not
        return outcome._replace(traceback=shortened(outcome.traceback, TRACEBACK))

    return outcome if isinstance(outcome, Crashed) else None


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


def added(
    attempts: tuple[AttemptRecord, ...], last: AttemptRecord
) -> tuple[AttemptRecord, ...]:
    """Return what is kept once another attempt has failed."""
    crashes = crashes_of(attempts) + (last.kind in CRASHES)
    kept = [*attempts, last._replace(crashes=crashes)]

    if len(kept) > FIRST + LAST:
        del kept[FIRST:-LAST]

    if sum(len(attempt.traceback) for attempt in kept) > TRACEBACKS:
        _shorten(kept)

    return tuple(kept)


def number_of_next(attempts: tuple[AttemptRecord, ...]) -> int:
    """Return the number of the attempt after those that have failed."""
    return attempts[-1].number + 1 if attempts else 1


def crashes_of(attempts: tuple[AttemptRecord, ...]) -> int:
    """Return how many attempts have crashed, also of those that are not kept."""
    return attempts[-1].crashes if attempts else 0


def _shorten(kept: list[AttemptRecord]) -> None:
    """Shorten tracebacks until their sum is bounded."""
    left = TRACEBACKS

    for place in (0, *range(len(kept) - 1, 0, -1)):
        attempt = kept[place]
        left -= len(attempt.traceback)

        if left < 0:
            kept[place] = attempt._replace(
                traceback=shortened(attempt.traceback, SHORT)
            )
