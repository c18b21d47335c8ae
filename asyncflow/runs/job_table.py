"""The jobs of a run: each is made when somebody asks for it.

What has to be known of every job lies in lists, by its place in the run. So a job that
ends well, and that nobody looks at, costs no object of its own. Nor does anything here
refer to the run before that, or after `JobTable.let_go`: it goes as soon as its
last user lets it go.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from asyncflow import ids
from asyncflow.abc import Usage
from asyncflow.runs.job import JobOwner, JobState
from asyncflow.status import FINAL, Status

if TYPE_CHECKING:
    from asyncflow.runs.task import TaskState


_NONE_YET = dict.fromkeys(Status, 0)


class JobTable:
    """The jobs of a run.

    :param tasks: for each job its task, in an order in which they can run
    """

    def __init__(self, tasks: Sequence[TaskState]) -> None:
        self.tasks = tasks
        self.made: dict[int, JobState] = {}
        """Those that somebody has asked for, by place."""
        self.released: dict[int, tuple[Any, ...]] | None = None
        """What is known of jobs that were made, once they live no longer than their users."""
        self._used: WeakValueDictionary[int, JobState]
        """Those of them that are used."""

        count = len(self.tasks)
        self.status: list[Status] = [Status.SUBMITTED] * count
        """For each job."""
        self.number: dict[Status, int] = _NONE_YET.copy()
        """For each status, how many jobs have it."""
        self.number[Status.SUBMITTED] = count
        self._usage: list[tuple[Any, ...] | None] = [None] * count
        """What those have used that completed before they were made."""
        self._finished_at: list[float | None] = [None] * count
        """When they ended."""

    def __len__(self) -> int:
        return len(self.tasks)

    def get(self, place: int, run: JobOwner) -> JobState:
        """Return a job of a run, whose jobs these are."""
        job = self.made.get(place)

        if job is None and self.released is not None:
            job = self._used.get(place)

        return self._make(place, run) if job is None else job

    def names(self, place: int, run: JobOwner) -> tuple[str, str]:
        """Return the id of a job and that of its task's config; none is made for it."""
        config_id = self.tasks[place].config.id
        return ids.of_job(config_id, run.key), config_id

    def is_made(self, place: int) -> bool:
        """Tell whether somebody has asked for a job."""
        return place in self.made or (
            self.released is not None and place in self.released
        )

    def with_status(self, status: Status) -> list[int]:
        """Return the places of the jobs with a status."""
        if not self.number[status]:
            return []

        return [place for place, other in enumerate(self.status) if other is status]

    def ended(self) -> dict[int, Status]:
        """Return the status of each job that has ended, by place."""
        if self.number[Status.SUBMITTED] == len(self.tasks):
            return {}

        statuses = enumerate(self.status)
        return {place: status for place, status in statuses if status in FINAL}

    def counts(self, among: Collection[Status] = _NONE_YET) -> dict[Status, int]:
        """Return how many jobs have each status, of those that some have.

        :param among: the statuses that are of interest
        """
        submitted = Status.SUBMITTED

        if submitted not in among and self.number[submitted] == len(self.tasks):
            return {}  # as each run begins

        return {
            status: count
            for status, count in self.number.items()
            if count and status in among
        }

    def recount(self, place: int, old: Status, new: Status) -> None:
        """Take note that a job has another status."""
        self.status[place] = new
        self.number[old] -= 1
        self.number[new] += 1

    def let_go(self) -> None:
        """Let the jobs live as long as they are used, if all have ended and change no
        more.

        As they refer to their run, it would live until the garbage collector comes.
        """
        if sum(self.number[status] for status in FINAL) != len(self.tasks):
            return

        if self.released is None:
            self.released, self._used = {}, WeakValueDictionary()

        for place, job in self.made.items():
            self.released[place] = job.facts()
            self._used[place] = job

        self.made.clear()

    def complete(self, ended: Sequence[tuple[int, Usage]], at: float) -> None:
        """Take note of the ends of jobs that are not made.

        :param ended: their places, and what they used
        :param at: when, in seconds since the epoch
        """
        statuses, counts, completed = self.status, self.number, Status.COMPLETED
        usages, ends = self._usage, self._finished_at

        for place, usage in ended:
            counts[statuses[place]] -= 1
            statuses[place] = completed
            usages[place] = (*usage,)
            ends[place] = at

        counts[completed] += len(ended)

    def _make(self, place: int, run: JobOwner) -> JobState:
        job_id, config_id = self.names(place, run)
        job = JobState(run, place, job_id, self.tasks[place].id, config_id)
        job.status = self.status[place]

        if self.released is not None:
            self._used[place] = job

            if place in self.released:
                job.restore_facts(self.released[place])
                return job

        usage, finished_at = self._usage[place], self._finished_at[place]

        if usage is not None and finished_at is not None:
            job.restore_end(Usage._make(usage), finished_at)

        if self.released is None:
            self._usage[place] = self._finished_at[place] = None
            self.made[place] = job

        return job
