"""The status of a submission, which follows from those of its jobs."""

from __future__ import annotations

import enum
from collections.abc import Mapping

from asyncflow.entities.job import Status


class SubmissionStatus(enum.Enum):
    """The status of a submission: the furthest that its jobs have come."""

    SUBMITTED = "SUBMITTED"
    BLOCKED = "BLOCKED"
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"


def status_of(counts: Mapping[Status, int], *, is_finished: bool) -> SubmissionStatus:
    """Tell the status of a submission.

    :param counts: how many of its jobs have each status
    :param is_finished: whether every job has ended
    """
    if not is_finished:
        for status in (Status.RUNNING, Status.PENDING, Status.BLOCKED):
            if counts[status]:
                return SubmissionStatus(status.value)

        return SubmissionStatus.SUBMITTED

    for status in (Status.FAILED, Status.CANCELED):
        if counts[status]:
            return SubmissionStatus(status.value)

    return SubmissionStatus.COMPLETED
