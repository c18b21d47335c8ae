"""The statuses of jobs and of submissions, and how one follows from another."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Status(StrEnum):
    """The status of a job: equal to its text, and a text to JSON and to `format`."""

    SUBMITTED = "SUBMITTED"
    BLOCKED = "BLOCKED"
    """It waits for a value, or for others that use its data nodes."""
    PENDING = "PENDING"
    """It waits for a worker."""
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    SKIPPED = "SKIPPED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"
    ABANDONED = "ABANDONED"
    """Something that it needs failed or was cancelled."""


# Hashed for each step of each job: by C alone, where `Enum` has a function.
Status.__hash__ = str.__hash__  # type: ignore[method-assign]  # as it is faster

FINAL = frozenset(
    {
        Status.COMPLETED,
        Status.SKIPPED,
        Status.FAILED,
        Status.CANCELED,
        Status.ABANDONED,
    }
)

DONE = frozenset({Status.COMPLETED, Status.SKIPPED})
"""What lets go on those that need the job."""

TRANSITIONS = {
    Status.SUBMITTED: frozenset(
        {
            *(Status.BLOCKED, Status.PENDING, Status.CANCELED, Status.ABANDONED),
            Status.FAILED,  # the time of its run was up before
        }
    ),
    Status.BLOCKED: frozenset(
        {Status.PENDING, Status.CANCELED, Status.ABANDONED, Status.FAILED}
    ),
    Status.PENDING: frozenset(
        {Status.RUNNING, Status.SKIPPED, Status.CANCELED, Status.FAILED}
    ),
    Status.RUNNING: frozenset(
        {Status.PENDING, Status.COMPLETED, Status.FAILED, Status.CANCELED}
    ),
    **{status: frozenset[Status]() for status in FINAL},
}


class SubmissionStatus(StrEnum):
    """The status of a submission: the furthest that its jobs have come."""

    SUBMITTED = "SUBMITTED"
    BLOCKED = "BLOCKED"
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"


SubmissionStatus.__hash__ = str.__hash__  # type: ignore[method-assign]  # the same


def status_of(counts: Mapping[Status, int], *, is_finished: bool) -> SubmissionStatus:
    """Tell the status of a submission.

    :param counts: how many of its jobs have each status
    :param is_finished: whether every job has ended
    """
    if not is_finished:
        for status in (Status.RUNNING, Status.PENDING, Status.BLOCKED):
            if counts[status]:
                return SubmissionStatus(status)

        return SubmissionStatus.SUBMITTED

    for status in (Status.FAILED, Status.CANCELED):
        if counts[status]:
            return SubmissionStatus(status)

    return SubmissionStatus.COMPLETED


class AttemptKind(StrEnum):
    """How an attempt failed: each has a budget, that of ``retry`` or of crashes."""

    RAISED = "RAISED"
    """Its function raised, or its outputs could not be kept."""
    TIMED_OUT = "TIMED_OUT"
    """It was ended for its ``run_timeout``."""
    STALLED = "STALLED"
    """It was ended for its ``stall_timeout``."""
    CRASHED = "CRASHED"
    """Its worker process died, or nobody can tell what came of it."""
    INTERRUPTED = "INTERRUPTED"
    """The process of its orchestrator died while it ran."""
    HOST_LEFT = "HOST_LEFT"
    """Its host left the cluster while it ran: it runs again, whatever its budgets."""


CRASHES = frozenset({AttemptKind.CRASHED, AttemptKind.INTERRUPTED})
"""The kinds of attempts that ``crash_retries`` counts; ``retry`` counts the others."""
