"""The history of a submission: its changes, and the events that they are."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from asyncflow import events
from asyncflow.entities.job import FINAL, Job, Status

if TYPE_CHECKING:
    from asyncflow.entities.submission import Submission

Change: TypeAlias = tuple[Job | None, Status | None, float, str]
"""The job (None: the submission itself), its new status, when, and why."""

_KINDS: dict[Status, type[events.JobEvent]] = {
    Status.PENDING: events.JobPending,
    Status.RUNNING: events.JobStarted,
    **dict.fromkeys(FINAL, events.JobFinished),
}


def kind_of(index: int, change: Change) -> type[events.Event] | None:
    """Tell which event a change is; None for one that is no event.

    :param index: its place in the history
    """
    job, status = change[:2]

    if job is None or status is None:
        return events.SubmissionFinished if index else events.SubmissionStarted

    return _KINDS.get(status)


def event_of(submission: Submission, index: int, change: Change) -> events.Event | None:
    """Make the event of a change: nobody pays for one that nobody reads."""
    job, status, at, reason = change
    kind = kind_of(index, change)
    facts: dict[str, Any] = {
        "submission_id": submission.id,
        "at": datetime.fromtimestamp(at, UTC),
    }

    if kind is None:
        return None

    if kind is events.SubmissionStarted:
        facts["entity_id"] = submission.entity.id
    elif kind is events.SubmissionFinished:
        facts["status"] = submission.status.value

    if job is not None:
        facts |= {"job_id": job.id, "task": job.task.config_id}

    if kind is events.JobFinished and status is not None:
        facts |= {"status": status.value, "reason": reason}

    return kind(**facts)
