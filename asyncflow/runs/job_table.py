"""The jobs of a run: each is made when somebody asks for it.

What has to be known of every job lies in lists, by its place in the run. So a job that
ends well, and that nobody looks at, costs no object of its own. Nor does anything here
refer to the run before that, or after `JobTable.let_go`: it goes as soon as its
last user lets it go.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import attrs

from asyncflow import ids
from asyncflow.abc import Usage
from asyncflow.runs.job import JobOwner, JobState
from asyncflow.status import Status

if TYPE_CHECKING:
    from asyncflow.runs.task import TaskState


@attrs.define(eq=False, repr=False)
class JobTable:
    """The jobs of a run.

    :param tasks: for each job its task, in an order in which they can run
    """

    tasks: Sequence[TaskState]
    status: list[Status] = attrs.field(init=False)
    """For each job."""
    made: dict[int, JobState] = attrs.field(init=False, factory=dict)
    """Those that somebody has asked for, by place."""
    ended: dict[int, tuple[Any, ...]] | None = attrs.field(init=False, default=None)
    """What is known of jobs that were made, once they live no longer than their users."""
    _used: WeakValueDictionary[int, JobState] = attrs.field(init=False)
    """Those of them that are used."""
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

    def get(self, place: int, run: JobOwner) -> JobState:
        """Return a job of a run, whose jobs these are."""
        job = self.made.get(place)

        if job is None and self.ended is not None:
            job = self._used.get(place)

        return self._make(place, run) if job is None else job

    def let_go(self) -> None:
        """Let the jobs live as long as they are used: all have ended, and change no more.

        As they refer to their run, it would live until the garbage collector comes.
        """
        if self.ended is None:
            self.ended, self._used = {}, WeakValueDictionary()

        for place, job in self.made.items():
            self.ended[place] = job.facts()
            self._used[place] = job

        self.made.clear()

    def completed(self, place: int, usage: Usage, at: float) -> None:
        """Take note of the end of a job that is not made.

        :param at: when, in seconds since the epoch
        """
        self.status[place] = Status.COMPLETED
        self._usage[place] = (*usage,)
        self._finished_at[place] = at

    def _make(self, place: int, run: JobOwner) -> JobState:
        task = self.tasks[place]
        config_id = task.config.id
        job_id = ids.of_job(config_id, run.key)
        job = JobState(run, place, job_id, task.id, config_id)
        job.status = self.status[place]

        if self.ended is not None:
            self._used[place] = job

            if place in self.ended:
                job.restore_facts(self.ended[place])
                return job

        usage, finished_at = self._usage[place], self._finished_at[place]

        if usage is not None and finished_at is not None:
            job.restore_end(Usage._make(usage), finished_at)

        if self.ended is None:
            self._usage[place] = self._finished_at[place] = None
            self.made[place] = job

        return job
