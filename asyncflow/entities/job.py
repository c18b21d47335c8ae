"""Jobs: one execution of one task; what it has written, and what its run reads."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

import attrs

from asyncflow.abc import Progress, Usage
from asyncflow.config.checks.values import verbs_name_arguments
from asyncflow.entities.handle import Handle, Labeled, Owned, ReadOnlyHandle
from asyncflow.entities.submittable import verbs_of
from asyncflow.entities.task import Task
from asyncflow.errors import JobFailed
from asyncflow.facts import Facts
from asyncflow.records import AttemptRecord, as_date
from asyncflow.runs.job import JobState
from asyncflow.status import DONE, FINAL, Status

if TYPE_CHECKING:
    from asyncflow.entities.data_node import DataNode
    from asyncflow.entities.edits import Edit
    from asyncflow.entities.reasons import Reasons
    from asyncflow.entities.submission import Submission
    from asyncflow.worker.streams import Stream


@verbs_name_arguments
@attrs.frozen(eq=False, repr=False)
class Job(ReadOnlyHandle, Labeled):
    """One execution of one task. Its attributes are live; final is final."""

    _state: JobState
    task: Task
    """What it executes."""
    submission: Submission
    """The run that it is part of."""

    @property
    def id(self) -> str:
        """Its id."""
        return self._state.id

    @property
    def name(self) -> str:
        """The name of its task: `config_id`."""
        return self._state.name

    @property
    def config_id(self) -> str:
        """The id that its task was declared with."""
        return self._state.name

    @property
    def version(self) -> str | None:
        """The version of the application that its scenario belongs to; None for none."""
        return self.submission.version

    @property
    def status(self) -> Status:
        """Its status."""
        return self._state.status

    @property
    def reason(self) -> str:
        """Why it failed, was cancelled, abandoned or skipped, or why it ran where it
        could have been skipped; ``""`` otherwise.
        """
        return self._state.reason

    @property
    def attempt(self) -> int:
        """The number of its attempt: 1 unless it was tried again."""
        return self._state.attempt

    @property
    def attempts(self) -> tuple[AttemptRecord, ...]:
        """The attempts that failed and were followed by another one. Of many, the first
        10 and the last 90.
        """
        return self._state.attempts

    @property
    def progress(self) -> Progress | None:
        """How far its attempt has come, as its function reported it last; None before.
        See `asyncflow.report`.
        """
        return self._state.progress

    @property
    def usage(self) -> Usage | None:
        """What its last attempt used: seconds of time and of CPU, the peak of memory in
        bytes. None until that has ended, and where it is not known.
        """
        return self._state.usage

    @property
    def worker(self) -> str | None:
        """The host and the id of the process that its attempt runs in, or its last one has
        run in: ``node7:4312``. None before that is known: of a job in a batch of short
        ones, when it has ended.
        """
        return self._state.worker

    @property
    def submitted_at(self) -> datetime:
        """When it was submitted, in UTC."""
        return self.submission.submitted_at

    @property
    def run_at(self) -> datetime | None:
        """When it was given to a worker, in UTC; None before."""
        return as_date(self._state.run_at)

    @property
    def finished_at(self) -> datetime | None:
        """When it ended, in UTC; None before."""
        return as_date(self._state.finished_at)

    @property
    def execution_duration(self) -> float | None:
        """The seconds from `run_at` to `finished_at`; None until both are known."""
        return self._state.execution_duration

    @property
    def blocked_duration(self) -> float | None:
        """The seconds that it waited for values, or for others that use its data nodes:
        up to now, where it still does; None where that is not known.
        """
        state = self._state
        end = state.run.ready_at(state.place)

        if end is None:
            is_waiting = state.status in (Status.SUBMITTED, Status.BLOCKED)
            end = time.time() if is_waiting else None

        return None if end is None else max(0.0, end - state.run.submitted)

    @property
    def pending_duration(self) -> float | None:
        """The seconds that it waited for a worker: up to now, where it still does; None
        where it never did, or that is not known.
        """
        state = self._state
        since = state.run.ready_at(state.place)

        if since is None:
            return None

        first = state.attempts[0].started if state.attempts else None
        end = first or state.run_at or state.finished_at or time.time()
        return max(0.0, end - since)

    @property
    def duration(self) -> float | None:
        """The same as `execution_duration`."""
        return self._state.execution_duration

    @property
    def is_finished(self) -> bool:
        """Whether its status is final."""
        return self._state.is_finished

    @property
    def is_canceling(self) -> bool:
        """Whether its end was asked for, and its process is not dead yet."""
        state = self._state
        return not state.is_finished and state.run.is_canceling(state.place)

    @property
    def stacktrace(self) -> str:
        """The traceback of its failure, from the worker; ``""`` without one."""
        return self._state.stacktrace

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

        return await verbs_of(self.task).output(self, stream)

    def follow(self) -> AsyncIterator[str]:
        """Give the lines that it prints, from the first, then as they come.

        Ends with the job. The lines end as they did; the last one may not. Where another
        process runs the job, that tells them; where it cannot be reached, they come when
        the job has ended. Whoever stops iterating stops watching.
        """
        return verbs_of(self.task).follow(self)

    def cancel(self, reason: str | None = None) -> None:
        """Ask for the end of this job: at once, without waiting for it.

        It is ``CANCELED`` once its process is dead, and what needs it is ``ABANDONED``.
        One that has ended stays what it is.

        :param reason: what is said where the cancel shows; None says just that
        """
        verbs_of(self.task).cancel(self, reason=reason)

    async def is_deletable(self) -> Reasons:
        """Tell whether it can be deleted, as things are now; see
        `Orchestrator.is_deletable`.
        """
        return await verbs_of(self.task).is_deletable(self.id)

    def error(self) -> JobFailed | None:
        """Make the error that says how it failed, chained to the user's own.

        None where it did not fail, was not cancelled, and did not lack what has failed.
        """
        return self._state.error() if self.status in FINAL - DONE else None

    async def _owner(self) -> Owned | None:
        return self.task

    def _missing(self, name: str) -> str:
        from asyncflow.entities.remedies import unknown

        output = next(iter(self.task.output), "output")
        return unknown(self, name, self._called, output)

    def _shown(self) -> object:
        return self._state

    def __repr__(self) -> str:
        return repr(self._state)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Output(Facts, Handle):
    """What a job of a run has written, whatever others have written since."""

    data_node: DataNode
    """Where: a read of it gives the value of now."""
    job: Job
    """The job that has written it, or was skipped as it is as good as new."""

    async def read(self) -> Any:
        """Read the value that the run has written; see `Submission.read`."""
        return await self.job.submission.read(self.data_node.config_id)

    async def edit(self) -> Edit:
        """Return the write: the number of its version, and whether that is kept.

        :raises NoData: where nothing is known of it any more
        """
        submission = self.job.submission
        return await verbs_of(submission.entity).edit_own(
            submission, self.data_node.config_id
        )

    def __repr__(self) -> str:
        return f"<Output {self.data_node.config_id} of {self.job.id}>"


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Input(Facts, Handle):
    """What a run reads of a data node that it does not write, whatever others write."""

    data_node: DataNode
    """Where: a read of it gives the value of now."""
    submission: Submission
    """The run."""
    is_given: bool
    """Whether ``submit`` was given the value."""

    async def read(self) -> Any:
        """Read the value that the run reads; see `Submission.read`."""
        return await self.submission.read(self.data_node.config_id)

    def __repr__(self) -> str:
        return f"<Input {self.data_node.config_id} of {self.submission.id}>"


def state_of(job: Job) -> JobState:
    """Return the state that a handle shows. For the engine."""
    return job._state
