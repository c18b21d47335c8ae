"""Submissions: executions of a scenario, a sequence or a task."""

from __future__ import annotations

from collections.abc import (
    AsyncIterator,
    Callable,
    Generator,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import nullcontext
from datetime import UTC, datetime
from operator import itemgetter
from types import TracebackType
from typing import Any, Self, TypeAlias

import attrs
from anyio import CancelScope, Event, fail_after, move_on_after
from anyio.lowlevel import checkpoint_if_cancelled

from asyncflow import events
from asyncflow.config.checks.numbers import check_timeout
from asyncflow.config.dag import Dag
from asyncflow.entities.data_node import DataNode
from asyncflow.entities.history import Change, event_of
from asyncflow.entities.job import Job
from asyncflow.entities.output import Output
from asyncflow.entities.progress import ProgressReports
from asyncflow.entities.run import Run
from asyncflow.entities.submittable import Submittable
from asyncflow.entities.task import Task
from asyncflow.entities.verbs import OnFailure, Verbs
from asyncflow.errors import (
    SubmissionCanceled,
    SubmissionFailed,
    SubmissionInterrupted,
)
from asyncflow.log import logger as _logger
from asyncflow.records import JobRecord, SubmissionRecord
from asyncflow.runs.version import Version
from asyncflow.status import DONE, FINAL, Status, SubmissionStatus, status_of
from asyncflow.worker.shortened import REASON, shortened

Held: TypeAlias = dict[str, tuple[DataNode, Version]]


@attrs.define(eq=False, repr=False)
class Submission(Run):
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

    key: str
    entity: Submittable
    """What was submitted."""
    dag: Dag
    """The graph of its jobs' tasks."""
    verbs: Verbs
    timeout: float | None
    """How long ``await`` waits, in seconds; None for as long as it takes."""
    run_timeout: float | None
    """How long the run may take, in seconds; None for as long as it takes."""
    priority: float
    """Its ready jobs go before those of runs with a lower one."""
    properties: Mapping[str, Any]
    """The user's own values, as given to ``submit``."""
    force: bool
    """Whether what could be skipped runs too."""
    on_failure: OnFailure
    """Whether a failed job ends the rest: ``"continue"`` or ``"stop"``."""
    _submitted_at: float
    _first_tasks: Sequence[Task]
    """The tasks of its jobs, in an order in which they can run."""
    id: str = attrs.field(init=False)
    """Its id."""
    orchestrator_id: str = attrs.field(init=False, default="")
    """The id of the orchestrator that runs it, or ran it."""
    is_adopted: bool = attrs.field(init=False, default=False)
    """Whether the orchestrator took it over from one that was killed."""
    crashes: int = attrs.field(init=False, default=0)
    """How many orchestrators of it died since a job of it last ended."""
    watchers: int = attrs.field(init=False, default=0)
    """How many watch it just now, and see how it ends."""
    watched: bool = attrs.field(init=False, default=False)
    """Whether anybody has seen how it ended."""
    pins: dict[str, Version] | None = attrs.field(init=False, default=None)
    """The versions of its sources that it reads though there are newer ones, by the
    ids of the data nodes. For the engine."""
    held: Held | None = attrs.field(init=False, default=None)
    """The versions that are kept for it alone, by the ids of the data nodes. For the
    engine."""
    _cancel_reason: str | None = attrs.field(init=False, default=None)
    _interrupt_reason: str | None = attrs.field(init=False, default=None)
    _failure: Exception | None = attrs.field(init=False, default=None)
    """The error of the engine's that ended it; None for none."""
    _finished_at: float | None = attrs.field(init=False, default=None)
    _done: Event | None = attrs.field(init=False, default=None)
    """Tells that it has ended, to those who wait for it."""
    _callbacks: list[Callable[[], object]] = attrs.field(init=False, factory=list)

    def __attrs_post_init__(self) -> None:
        self.id = f"SUBMISSION_{self.key}"
        self.started(self._first_tasks, self._submitted_at)

    @property
    def _handle(self) -> Submission:
        return self

    @property
    def entity_id(self) -> str:
        """The id of what was submitted."""
        return self.entity.id

    @property
    def status(self) -> SubmissionStatus:
        """Its status: final once every job has ended."""
        return status_of(self._counts, is_finished=self.is_finished)

    @property
    def is_finished(self) -> bool:
        """Whether every job has ended."""
        return self._finished_at is not None

    @property
    def submitted_at(self) -> datetime:
        """When it was submitted, in UTC."""
        return datetime.fromtimestamp(self._submitted_at, UTC)

    @property
    def finished_at(self) -> datetime | None:
        """When its last job ended, in UTC; None before."""
        if self._finished_at is None:
            return None

        return datetime.fromtimestamp(self._finished_at, UTC)

    def __del__(self) -> None:
        # Nobody can watch it any more.
        self.tell_unwatched()

    def tell_unwatched(self) -> None:
        """Log a failure that nobody has seen: no error is passed over in silence."""
        if self._finished_at is None or self.watched:
            return

        self.watched = True

        if self._counts[Status.FAILED] and self._failure is None:
            _logger.later(self._log_failure)  # it may have many errors to load

    def _log_failure(self) -> None:
        error = self.error()
        problem = "nobody awaited a run that failed: %s"
        _logger.inner.error(problem, error, exc_info=error)

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
            await self._ended()
            await self.verbs.flush()
            self.watched = True

        return self

    async def accepted(self) -> Self:
        """Return when the submission is on disk, and so outlives this process.

        From then on it ends, if need be in another process that uses the same store.
        """
        await self.verbs.accepted(self)
        return self

    def cancel(self, reason: str | None = None) -> None:
        """Ask for the end of the run: at once, without waiting for it.

        Running jobs are killed with all that they started. A job is ``CANCELED`` once
        its process is dead. Jobs that have ended stay what they are, so a finished
        submission does not change.

        :param reason: what is said where the cancel shows; None says just that
        """
        self.verbs.cancel(self, reason=reason)

    async def read(self, output: str) -> Any:
        """Read what a job of this run wrote, whatever others have written since.

        Of a job that was skipped it is the value that was there then. It can be read as
        long as the run has not ended and this handle is used, until the orchestrator is
        closed; after that, and where another process has written since, as long as
        ``keep_versions`` says. A data node with a ``default_path`` has one version alone.
        On cancel nothing changes.

        :param output: the id of the data node's config
        :raises NoData: where the run has not written it, naming the job, or where the
            version is not kept any more
        :raises UsageError: where no job of the run writes it
        """
        return await self.verbs.read_own(self, output)

    @property
    def outputs(self) -> Mapping[str, Output]:
        """What its jobs have written so far, by the config ids of the data nodes."""
        return {
            name: Output(data_node=node, job=self.job(place))
            for place, task in enumerate(self.tasks)
            if self.job_status(place) in DONE
            for name, node in task.output.items()
        }

    def retry_failed(self) -> Submission:
        """Start another run, of what has not completed alone; return its handle.

        Those of its jobs that failed, were cancelled or abandoned run again; the values
        that the others have written stay. It is a new run: it reads the values of now.

        :raises UsageError: where the run has not ended, or nothing is left to do
        """
        return self.verbs.retry_failed(self)

    async def __aenter__(self) -> Self:
        self.watchers += 1
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.watchers -= 1

        try:
            if kind is None:
                await self
        finally:
            if not self.is_finished:
                self.cancel("its block was left")

                with CancelScope(shield=True):
                    await self._ended()

    async def __aiter__(self) -> AsyncIterator[events.Event]:
        index = 0
        live = self.watch()
        self.watchers += 1

        try:
            while True:
                known = len(self._history)

                if index < known:
                    await self.verbs.flush()  # no event of what might be forgotten

                for event in self._events(live, index, known):
                    yield event

                index = known

                if known < len(self._history) or live.has_news:
                    continue

                if self.is_finished:
                    self.watched = True
                    return

                await self.next_change()
        finally:
            self.unwatch(live)
            self.watchers -= 1

    def become(self, other: Self) -> None:
        """Turn into a handle on the run of another one, which is used no more.

        For a handle whose idempotency key is that of an earlier run.
        """
        self.entity, self.dag, self.properties = (
            other.entity,
            other.dag,
            other.properties,
        )
        self.force, self.on_failure = other.force, other.on_failure
        self.run_timeout, self.priority = other.run_timeout, other.priority
        self._submitted_at = other._submitted_at
        self.started(other.tasks, self._submitted_at)

    def resume(self, orchestrator_id: str, jobs: Mapping[str, JobRecord]) -> None:
        """Go on in another orchestrator: jobs that have not ended start anew.

        :param jobs: those that have ended, by id
        """
        self.anew()
        self.restore(self.record()._replace(finished=None), jobs)
        self.orchestrator_id = orchestrator_id
        self.is_adopted = True
        self._interrupt_reason = None
        self.watched = False

    def restore(self, record: SubmissionRecord, jobs: Mapping[str, JobRecord]) -> None:
        """Take over what a store has of the run, and tell what is news.

        :param jobs: those that are kept, by id
        """
        self.watched = True  # by who began it
        self.orchestrator_id = record.orchestrator_id
        self._cancel_reason = record.reason or None
        news: list[Change] = []

        for job in self.jobs if jobs else ():
            if kept := jobs.get(job.id):
                news += self._restored(job, kept)

        for change in sorted(news, key=itemgetter(2)):
            self._tell(*change)

        if record.finished is not None and not self.is_finished:
            self.finished(record.finished)

    def finished(self, at: float) -> None:
        """Take note that every job has ended. For the scheduler alone."""
        self._finished_at = at
        self._tell(None, None, at, "")

        if self._done is not None:
            self._done.set()

        if not self.watchers:
            self.tell_unwatched()

        for callback in self._callbacks:
            callback()

        self._callbacks.clear()

    @property
    def cancel_reason(self) -> str | None:
        """Why it is cancelled; None where it is not."""
        return self._cancel_reason

    @property
    def end_reason(self) -> str | None:
        """Why it is to end early, cancelled or interrupted; None where it is not."""
        return self._cancel_reason or self._interrupt_reason

    def lost(self, at: float, reason: str, error: Exception | None = None) -> None:
        """End the handle: nobody can tell what becomes of the run.

        :param error: what ``await`` raises; None for what the jobs' statuses tell
        """
        if error is not None:
            self.failed_for(error)

        self.canceled_for(reason)

        for job in self.jobs:
            if job.status not in FINAL:
                job.move(Status.CANCELED, at, reason)

        self.finished(at)

    def failed_for(self, error: Exception) -> None:
        """Take note of an error that is not a job's; the first stays. For the
        scheduler.
        """
        self._failure = self._failure or error

    @property
    def is_left(self) -> bool:
        """Whether what becomes of it is not told here: it goes on elsewhere, or nobody
        knows.
        """
        return self._interrupt_reason is not None or self._failure is not None

    @property
    def failure(self) -> Exception | None:
        """The error that ended it and is not a job's; None without one."""
        return self._failure

    def canceled_for(self, reason: str) -> None:
        """Take note of why it is cancelled; the first reason stays. For the
        scheduler.
        """
        self._cancel_reason = self._cancel_reason or shortened(reason, REASON)

    def interrupted_for(self, reason: str) -> None:
        """Take note of why it ends here alone; the first reason stays. For the
        scheduler.
        """
        self._interrupt_reason = self._interrupt_reason or shortened(reason, REASON)

    def when_finished(self, callback: Callable[[], object]) -> None:
        """Call a function once the run has ended; at once if it has."""
        if self.is_finished:
            callback()
        else:
            self._callbacks.append(callback)

    async def over(self) -> None:
        """Wait until every job has ended, as one who need not see how."""
        if self.is_finished:
            await checkpoint_if_cancelled()
            return

        if self._done is None:
            self._done = Event()

        await self._done.wait()

    def event(self, index: int) -> events.Event | None:
        """Make the event of a change of its history."""
        return event_of(self, index, self._history[index])

    def job_at(self, index: int) -> Job | None:
        """Return the job of a change, as it was then; None for the submission's own."""
        place, status, at, reason = self._history[index]

        if place is None or status is None:
            return None

        return self.job(place).as_of(status, at, reason)

    def error(self) -> Exception | None:
        """Return the error that ``await`` raises; None for a run that is all right."""
        if self._failure is not None:
            return self._failure

        if self._counts[Status.FAILED]:
            failed = [job for job in self.jobs if job.status is Status.FAILED]
            return SubmissionFailed.of(self.id, [job.error() for job in failed])

        if self.status is not SubmissionStatus.CANCELED:
            return None

        if self._interrupt_reason is not None:
            return SubmissionInterrupted(self.id, self._interrupt_reason)

        return SubmissionCanceled(self.id, self._cancel_reason or "no reason given")

    def record(self) -> SubmissionRecord:
        """Return its facts."""
        return SubmissionRecord(
            self.id,
            self.entity.id,
            self.entity.scenario_id,
            self.orchestrator_id,
            self.status,
            self._submitted_at,
            self._finished_at,
            self._cancel_reason or "",
            self.force,
            self.on_failure,
            self.dag.text,
            self.properties,
            self.priority,
            self.run_timeout,
        )

    async def _ended(self) -> None:
        """Wait until every job has ended."""
        self.watchers += 1

        try:
            await self.over()
        finally:
            self.watchers -= 1

    async def _result(self) -> Self:
        try:
            with nullcontext() if self.timeout is None else fail_after(self.timeout):
                await self.wait()
        except TimeoutError:
            raise TimeoutError(
                f"submission {self.id} has not ended after {self.timeout:g} s; it goes "
                "on: await it again, or cancel it"
            ) from None

        if error := self.error():
            raise error

        return self

    def _events(
        self, live: ProgressReports, first: int, last: int
    ) -> Iterator[events.Event]:
        """Make the events of a part of the history, and the reports among them."""
        for index in range(first, last):
            for report in live.until(index):
                yield report.event()

            if event := self.event(index):
                yield event

        for report in live.until(last):
            yield report.event()

    def __repr__(self) -> str:
        counts = ", ".join(
            f"{count} {status}" for status, count in self.counts().items()
        )
        return f"<{self.id} {self.status} (jobs: {counts or 'none'})>"
