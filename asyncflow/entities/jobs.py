"""The jobs of a submission: each is made when somebody asks for it.

What has to be known of every job lies in lists, by its place in the run. So a job that
ends well, and that nobody looks at, costs no object of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs

from asyncflow.abc import Usage
from asyncflow.entities.job import Job, Status

if TYPE_CHECKING:
    from asyncflow.entities.submission import Submission
    from asyncflow.entities.task import Task


@attrs.define(eq=False, repr=False)
class Jobs:
    """The jobs of a submission.

    :param tasks: for each job its task, in an order in which they can run
    """

    submission: Submission
    tasks: Sequence[Task]
    status: list[Status] = attrs.field(init=False)
    """For each job."""
    made: dict[int, Job] = attrs.field(init=False, factory=dict)
    """Those that somebody has asked for, by place."""
    _usage: list[tuple[float, float, float | None, int | None] | None] = attrs.field(
        init=False
    )
    """What those have used that completed before they were made."""
    _finished_at: list[float | None] = attrs.field(init=False)
    """When they ended."""

    def __attrs_post_init__(self) -> None:
        count = len(self.tasks)
        self.status = [Status.SUBMITTED] * count
        self._usage = [None] * count
        self._finished_at = [None] * count

    def __len__(self) -> int:
        return len(self.tasks)

    def __getitem__(self, place: int) -> Job:
        job = self.made.get(place)
        return self._make(place) if job is None else job

    def all(self) -> tuple[Job, ...]:
        """Make those that are not made yet, and return all."""
        return tuple(map(self.__getitem__, range(len(self.tasks))))

    def completed(self, place: int, usage: Usage, at: float) -> None:
        """Take note of the end of a job that is not made.

        :param at: when, in seconds since the epoch
        """
        self.status[place] = Status.COMPLETED
        self._usage[place] = (*usage,)
        self._finished_at[place] = at

    def _make(self, place: int) -> Job:
        job = Job(self.tasks[place], self.submission, place)
        job.status = self.status[place]
        usage, finished_at = self._usage[place], self._finished_at[place]

        if usage is not None and finished_at is not None:
            job.restore_end(Usage._make(usage), finished_at)
            self._usage[place] = self._finished_at[place] = None

        self.made[place] = job
        return job
