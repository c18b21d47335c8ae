"""Submissions: executions of a scenario, a sequence or a task."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Generator, Mapping
from contextlib import nullcontext
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeAlias, overload
from weakref import ref

import attrs
from anyio import CancelScope, fail_after, move_on_after
from anyio.lowlevel import checkpoint_if_cancelled

from asyncflow.config.checks.numbers import check_timeout
from asyncflow.config.checks.values import verbs_name_arguments
from asyncflow.config.sections import DataNodeConfig, T_co
from asyncflow.entities import nested
from asyncflow.entities.data_node import data_node_of
from asyncflow.entities.handle import Labeled, Named, Owned, ReadOnlyHandle
from asyncflow.entities.job import Input, Job, Output
from asyncflow.entities.submittable import Submittable, verbs_of
from asyncflow.entities.task import task_of
from asyncflow.options import OnFailure
from asyncflow.records import as_date
from asyncflow.runs.job import JobState
from asyncflow.runs.run import Run as RunOf
from asyncflow.status import DONE, Status, SubmissionStatus
from asyncflow.worker.current import job_here

if TYPE_CHECKING:
    from pathlib import Path

    from asyncflow.display.picture import DagPicture, GanttPicture
    from asyncflow.entities.reasons import Reasons
    from asyncflow.events import Event

Run: TypeAlias = RunOf[Submittable]
"""The state of a run of what users have submitted, as the engine has it."""

_set = object.__setattr__


@verbs_name_arguments
@attrs.define(eq=False, repr=False, init=False)
class Submission(ReadOnlyHandle, Labeled):
    """A handle on one run. It can be awaited any number of times, from any task.

    ``await submission`` returns the submission when all jobs have ended and all of it is
    durable. It raises `SubmissionFailed` if jobs failed, `SubmissionCanceled` if it was
    cancelled, `SubmissionInterrupted` if it goes on at the next start, `TimeoutError`
    after the ``timeout`` given to ``submit``. Whoever is cancelled while he waits stops
    waiting; the run goes on.

    ``async with scenario.submit() as submission:`` owns the run instead: leaving the
    block waits for the end, leaving it early (error, cancel, timeout) cancels the run
    and waits until its workers are dead.

    ``async for event in submission:`` gives every event from the first, then live, and
    ends with the run. Of a job's progress it gives the newest that was not given yet.
    """

    _run: Run

    def __init__(self, run: Run) -> None:
        _set(self, "_run", run)

    @property
    def id(self) -> str:
        """Its id."""
        return self._run.id

    @property
    def entity(self) -> Submittable:
        """What was submitted."""
        return self._run.entity

    @property
    def waits_for_data(self) -> bool:
        """Whether it has not begun, as what it reads was never written: see the option
        ``wait_for_data`` of `Scenario.submit`.
        """
        return self._run.lacks_data

    @property
    def is_paused(self) -> bool:
        """Whether no job of it is to start; see `pause`."""
        return self._run.is_paused

    @property
    def version(self) -> str | None:
        """The version of the application that its scenario belongs to; None for none."""
        return next((task.label for task in self._run.tasks), None)

    @property
    def entity_id(self) -> str:
        """The id of what was submitted."""
        return self._run.entity.id

    def dag(self) -> DagPicture:
        """Return a picture of its tasks and data nodes, and of how far its jobs are.

        It is drawn as things are now. See `Scenario.dag`.
        """
        from asyncflow.display.tasks import picture

        run = self._run
        title = f"{run.id} {run.status}"
        return picture(run.dag.tasks, title, run.table.status)

    def gantt(self) -> GanttPicture:
        """Return a picture of when its jobs waited and ran, as things are now.

        Waiting, running, and taking over what came of a job are bars of their own;
        attempts that failed are shown; long times in which nothing ran are folded. Of a
        run that the store has it is not known how long outcomes were taken over.
        """
        from asyncflow.entities.charts import gantt

        return gantt(self._run)

    async def report(self, path: str | os.PathLike[str]) -> Path:
        """Write it as one page of HTML, as things are now; return the file.

        The page has the graph, the times, the jobs, and what they printed and raised. It
        loads nothing and runs nothing. A file that is there is replaced as a whole. On
        cancel it is written or not.

        :param path: such as ``"run.html"``
        :raises OSError: where it cannot be written
        :raises NotOpen: where the orchestrator is closed
        """
        from asyncflow.entities.reporting import write

        return await write(self._run, path, [job.output for job in self.jobs])

    @property
    def jobs(self) -> tuple[Job, ...]:
        """Its jobs, in an order in which they can run."""
        return tuple(map(self._handle, self._run.jobs))

    @property
    def outputs(self) -> Mapping[str, Output]:
        """What its jobs have written so far, by the config ids of the data nodes."""
        run, verbs = self._run, verbs_of(self.entity)
        return Named(
            (name, Output(data_node=data_node_of(node, verbs), job=job))
            for place, task in enumerate(run.tasks)
            if run.table.status[place] in DONE
            for job in (self._handle(run.job(place)),)
            for name, node in task.output.items()
        )

    @property
    def inputs(self) -> Mapping[str, Input]:
        """What it reads and does not write, by the config ids of the data nodes."""
        run, data_nodes = self._run, self.entity.data_nodes
        given = run.given or ()
        return Named(
            (name, Input(data_node=node, submission=self, is_given=name in given))
            for name, node in ((name, data_nodes[name]) for name in run.dag.sources)
        )

    @property
    def is_canceling(self) -> bool:
        """Whether its end was asked for, and some of its jobs have not ended yet."""
        return self._run.ending.cancel_reason is not None and not self.is_finished

    @property
    def status(self) -> SubmissionStatus:
        """Its status: final once every job has ended."""
        return self._run.status

    @property
    def is_finished(self) -> bool:
        """Whether every job has ended."""
        return self._run.is_finished

    @property
    def submitted_at(self) -> datetime:
        """When it was submitted, in UTC."""
        return datetime.fromtimestamp(self._run.submitted, UTC)

    @property
    def finished_at(self) -> datetime | None:
        """When its last job ended, in UTC; None before."""
        return as_date(self._run.finished_at)

    @property
    def run_at(self) -> datetime | None:
        """When its first job was given to a worker, in UTC; None before."""
        starts = [job.run_at for job in self._run.jobs if job.run_at is not None]
        return as_date(min(starts, default=None))

    @property
    def execution_duration(self) -> float | None:
        """The seconds from `run_at` to `finished_at`; None until both are known."""
        began, ended = self.run_at, self.finished_at
        return (ended - began).total_seconds() if began and ended else None

    @property
    def timeout(self) -> float | None:
        """How long ``await`` waits, in seconds; None for as long as it takes."""
        return self._run.options.timeout

    @property
    def run_timeout(self) -> float | None:
        """How long the run may take, in seconds; None for as long as it takes."""
        return self._run.options.run_timeout

    @property
    def priority(self) -> float:
        """Its ready jobs go before those of runs with a lower one."""
        return self._run.options.priority

    @property
    def properties(self) -> Mapping[str, Any]:
        """The user's own values, as given to ``submit``."""
        return self._run.options.properties

    @property
    def force(self) -> bool:
        """Whether what could be skipped runs too."""
        return self._run.options.force

    @property
    def on_failure(self) -> OnFailure:
        """Whether a failed job ends the rest: ``"continue"`` or ``"stop"``."""
        return self._run.options.on_failure

    @property
    def orchestrator_id(self) -> str:
        """The id of the orchestrator that runs it, or ran it."""
        return self._run.orchestrator_id

    @property
    def is_adopted(self) -> bool:
        """Whether the orchestrator took it over from one that was killed."""
        return self._run.is_adopted

    def counts(self) -> dict[Status, int]:
        """Return how many of its jobs have each status."""
        return self._run.table.counts()

    def error(self) -> Exception | None:
        """Return the error that ``await`` raises; None for a run that is all right."""
        return self._run.error()

    def __await__(self) -> Generator[Any, Any, Self]:
        return self._result().__await__()

    async def wait(self, timeout: float | None = None) -> Self:
        """Wait for the end; return the submission, however it ended.

        On cancel only the waiting ends.

        :param timeout: how many seconds to wait; then it returns while the run goes on.
            None waits as long as it takes
        :raises ValueError: where it is no number of seconds, at least 0
        """
        check_timeout(timeout)

        with nullcontext() if timeout is None else move_on_after(timeout):
            await self._seen()

        return self

    async def accepted(self) -> Self:
        """Return when the submission is on disk, and so outlives this process.

        From then on it ends, if need be in another process that uses the same store. On
        cancel only the waiting ends.

        :raises StoreFailed: where the store has failed for good
        """
        await verbs_of(self.entity).accepted(self)
        return self

    def cancel(self, reason: str | None = None) -> None:
        """Ask for the end of the run: at once, without waiting for it.

        Running jobs are killed with all that they started. A job is ``CANCELED`` once its
        process is dead. Jobs that have ended stay what they are.

        :param reason: what is said where the cancel shows; None says just that
        """
        verbs_of(self.entity).cancel(self, reason=reason)

    async def pause(self) -> None:
        """Start no job of the run until `resume`: what runs goes on, what is ready waits.

        It holds when this returns, and is on disk: it outlives this process, and leaving
        the orchestrator does not cancel what is paused. Statuses tell nothing of it. Short
        jobs that a worker has got may still begin for some milliseconds. Later runs wait for
        what this one is to write. Its ``run_timeout`` goes on. One that has ended stays so.

        :raises UsageError: where the process that runs it cannot be asked from here
        """
        await verbs_of(self.entity).pause(self, is_paused=True)

    async def resume(self) -> None:
        """Start jobs of the run again; nothing happens where it is not paused."""
        await verbs_of(self.entity).pause(self, is_paused=False)

    @overload
    async def read(self, name: DataNodeConfig[T_co]) -> T_co: ...

    @overload
    async def read(self, name: str) -> Any: ...

    async def read(self, name: str | DataNodeConfig) -> Any:
        """Read what a job of this run wrote, or what the run reads of a data node that it
        does not write, whatever others have written since.

        What it was given is kept as long as it is. Else it reads what was there at its
        submit, or what runs submitted earlier write; of a job that was skipped, the
        value of then. It can be read while the run has not ended and this handle is
        used, until the orchestrator is closed; then, and where another process has
        written since, as long as ``keep_versions`` says. A data node with a
        ``default_path`` has one version alone.
        On cancel nothing changes.

        :param name: the data node's config, or the id of that
        :raises NoData: where the run has not written it, naming the job, or where the
            version is not kept any more
        :raises UsageError: where no job of the run writes it, or reads it
        """
        node = name.id if isinstance(name, DataNodeConfig) else name
        return await verbs_of(self.entity).read_own(self, node)

    async def is_deletable(self) -> Reasons:
        """Tell whether it can be deleted; see `Orchestrator.is_deletable`."""
        return await verbs_of(self.entity).is_deletable(self.id)

    def retry_failed(
        self, *, idempotency_key: str | None = None, **properties: Any
    ) -> Submission:
        """Start another run, of what has not completed alone; return its handle.

        Jobs that failed, were cancelled or abandoned run again; values of others stay. The
        new run is given what this one was. The same key again gives the same run.

        :param properties: what it has besides the properties of this one, or otherwise
        :raises UsageError: where the run has not ended, or nothing is left to do
        """
        return verbs_of(self.entity).retry_failed(self, properties, idempotency_key)

    async def __aenter__(self) -> Self:
        self._run.watchers.count += 1
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                await self
        finally:
            await self._left()

    async def _left(self) -> None:
        """End the run, if it has not ended, as nobody needs it any more."""
        try:
            if not self.is_finished:
                self.cancel("its block was left")

                with CancelScope(shield=True):
                    await self._run.watchers.over()
        finally:
            self._run.watchers.count -= 1

    def __aiter__(self) -> AsyncIterator[Event]:
        from asyncflow.runs.run_events import all_events

        verbs = verbs_of(self.entity)
        return nested.events(verbs, self.id, all_events(self._run, verbs.flush))

    async def _seen(self) -> None:
        """Wait until every job has ended, and all of it is durable; see how."""
        run = self._run

        if run.watchers.is_over and not run.options.progress:  # as most
            await checkpoint_if_cancelled()
        else:
            await self._over()

        await verbs_of(run.entity).flush()
        run.is_seen = True

    async def _over(self) -> None:
        """Wait until every job has ended, as one who sees how."""
        run = self._run
        run.watchers.count += 1

        try:
            if run.options.progress:
                from asyncflow.entities.shown_run import show

                await show(self, run, self.entity.get_simple_label())

            if job_here.get() is None:
                await run.watchers.over()
            else:
                await nested.over(verbs_of(self.entity), self.id, run.watchers)
        finally:
            run.watchers.count -= 1

    async def _result(self) -> Self:
        timeout = self._run.options.timeout
        await (self._seen() if timeout is None else self._seen_within(timeout))

        if error := self._run.error():
            raise error

        return self

    async def _seen_within(self, timeout: float) -> None:
        try:
            with fail_after(timeout):
                await self._seen()
        except TimeoutError:
            raise TimeoutError(
                f"submission {self.id} has not ended after {timeout:g} s; it goes on: "
                "await it again, or cancel it"
            ) from None

    def _handle(self, state: JobState) -> Job:
        handle = state.handle and state.handle()

        if not isinstance(handle, Job):  # as `handle_on`: events make one for each job
            task = task_of(self._run.tasks[state.place], verbs_of(self.entity))
            handle = Job(state, task, self)
            state.handle = ref(handle)

        return handle

    async def _owner(self) -> Owned | None:
        return self.entity

    def _missing(self, name: str) -> str:
        from asyncflow.entities.remedies import unknown

        written = [output for task in self._run.tasks for output in task.output]
        is_output = name in written
        output = name if is_output else next(iter(written), "output")
        return unknown(
            self, name, self._called, output, meant_as="result" if is_output else ""
        )

    def _shown(self) -> object:
        return self._run

    def __repr__(self) -> str:
        return repr(self._run)


def handle_of(run: Run) -> Submission:
    """Return the handle of a run: there is one at a time."""
    handle = run.handle and run.handle()

    if not isinstance(handle, Submission):  # as `handle_on`, for each run
        handle = Submission(run)
        run.handle = ref(handle)

    return handle


def job_handle_of(run: Run, state: JobState) -> Job:
    """Return the handle of a job of a run: there is one at a time."""
    return handle_of(run)._handle(state)


def run_of(submission: Submission) -> Run:
    """Return the state that a handle shows. For the engine."""
    return submission._run
