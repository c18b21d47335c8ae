"""The blocking handles: each wraps the async one of the same name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypeVar

from asyncflow.abc import Progress, Usage
from asyncflow.config.checks.numbers import check_callbacks_are_many, check_flag
from asyncflow.config.checks.values import verbs_name_arguments
from asyncflow.config.dag import Dag
from asyncflow.config.sections import (
    NOT_GIVEN,
    NotGiven,
    ScenarioConfig,
    TaskConfig,
)
from asyncflow.entities.data_node import DataNode as AsyncDataNode
from asyncflow.entities.data_node import Edit
from asyncflow.entities.job import Job as AsyncJob
from asyncflow.entities.job import Output as AsyncOutput
from asyncflow.entities.planned import PlannedJob
from asyncflow.entities.scenario import Scenario as AsyncScenario
from asyncflow.entities.sequence import Sequence as AsyncSequence
from asyncflow.entities.submission import Submission as AsyncSubmission
from asyncflow.entities.task import Task as AsyncTask
from asyncflow.errors import JobFailed, SubmissionFailed
from asyncflow.events import Event
from asyncflow.log import logger as _logger
from asyncflow.options import OnFailure
from asyncflow.records import AttemptRecord
from asyncflow.status import Status, SubmissionStatus
from asyncflow.sync.callback import Callback
from asyncflow.sync.changes import Properties, merged
from asyncflow.sync.data_node import DataNode
from asyncflow.sync.forwarding import Forwarded, Handle, blocking_remedies, wrap
from asyncflow.sync.loop import Loop, each
from asyncflow.worker.streams import Stream

Submittable = TypeVar("Submittable", AsyncScenario, AsyncSequence, AsyncTask)


@verbs_name_arguments
class Runnable(Handle[Submittable]):
    """What can be submitted."""

    __slots__ = ()

    id: Forwarded[str] = Forwarded()
    scenario_id: Forwarded[str] = Forwarded()
    dag: Forwarded[Dag] = Forwarded()

    def submit(
        self,
        wait: bool = False,
        timeout: float | None = None,
        force: bool = False,
        on_failure: OnFailure = "continue",
        idempotency_key: str | None = None,
        callbacks: Iterable[Callable[[Job], object]] = (),
        run_timeout: float | None = None,
        priority: float = 0.0,
        **properties: Any,
    ) -> Submission:
        """Start a run; return its handle.

        Neither the run's outcome nor the end of the waiting time raises: see the
        handle's ``status`` and ``error()``, or use its ``result()``. With `wait`, a
        failure is logged with its tracebacks.

        :param wait: return when the run has ended; otherwise at once
        :param timeout: with `wait`, how many seconds to wait, while the jobs go on
            afterwards; None waits as long as it takes
        :param force: run what could be skipped too
        :param on_failure: ``"continue"`` runs what does not need a failed job,
            ``"stop"`` cancels the rest of the run
        :param idempotency_key: who submits with the same key again gets the same run
        :param callbacks: what is called, in a thread, as ``callback(job)`` each time
            that the status of a job of this run has changed
        :param run_timeout: how many seconds the run may take until it is ended; None
            for any time
        :param priority: its ready jobs go before those of runs with a lower one
        :param properties: the user's own values, kept with the submission
        :raises UsageError: for what is wrong with the call, as the async verb does
        """
        check_flag("wait", wait, ": callbacks are given as callbacks=[...]")
        check_callbacks_are_many(callbacks)

        async def started() -> AsyncSubmission:
            made = self._inner.submit(
                force=force,
                on_failure=on_failure,
                idempotency_key=idempotency_key,
                callbacks=map(self._callback, callbacks),
                run_timeout=run_timeout,
                priority=priority,
                **properties,
            )
            return await made.wait(timeout) if wait else made

        self._loop.check(self._inner.submit)
        submission = Submission(self._loop.call(started), self._loop)

        if wait:
            _log_failure(submission)

        return submission

    def plan(self, force: bool = False) -> tuple[PlannedJob, ...]:
        """Say what a run would do; see `asyncflow.Scenario.plan`."""
        return self._loop.call(self._inner.plan, force=force)

    def _callback(self, function: Callable[..., object]) -> Callback:
        return Callback(function, self._loop)

    def _nodes(self, nodes: Mapping[str, AsyncDataNode]) -> Mapping[str, DataNode]:
        return {key: DataNode(node, self._loop) for key, node in nodes.items()}

    def _tasks(self, tasks: Mapping[str, AsyncTask]) -> Mapping[str, Task]:
        return {key: Task(task, self._loop) for key, task in tasks.items()}


class Task(Runnable[AsyncTask], of=AsyncTask):
    """A task; see `asyncflow.Task`."""

    __slots__ = ()

    config_id: Forwarded[str] = Forwarded()
    config: Forwarded[TaskConfig] = Forwarded()
    owner_id: Forwarded[str | None] = Forwarded()
    function: Forwarded[Callable[..., object]] = Forwarded()
    skippable: Forwarded[bool] = Forwarded()

    @property
    def input(self) -> Mapping[str, DataNode]:
        """The data nodes that it reads, by config id."""
        return self._nodes(self._inner.input)

    @property
    def output(self) -> Mapping[str, DataNode]:
        """The data nodes that it writes, by config id."""
        return self._nodes(self._inner.output)

    @property
    def data_nodes(self) -> Mapping[str, DataNode]:
        """Its data nodes, by config id."""
        return self._nodes(self._inner.data_nodes)


class Sequence(Runnable[AsyncSequence], of=AsyncSequence):
    """A named part of a scenario's tasks; see `asyncflow.Sequence`."""

    __slots__ = ()

    name: Forwarded[str] = Forwarded()
    owner_id: Forwarded[str] = Forwarded()

    @property
    def tasks(self) -> Mapping[str, Task]:
        """Its tasks, by config id."""
        return self._tasks(self._inner.tasks)

    @property
    def data_nodes(self) -> Mapping[str, DataNode]:
        """The data nodes of its tasks, by config id."""
        return self._nodes(self._inner.data_nodes)


@verbs_name_arguments
class Scenario(Runnable[AsyncScenario], of=AsyncScenario):
    """A scenario; see `asyncflow.Scenario`. Its parts are attributes here too."""

    __slots__ = ()

    config_id: Forwarded[str] = Forwarded()
    config: Forwarded[ScenarioConfig] = Forwarded()
    creation_date: Forwarded[datetime] = Forwarded()

    @property
    def name(self) -> str | None:
        """What people call it; setting it changes it, as ``update(name=...)`` does."""
        return self._inner.name

    @name.setter
    def name(self, name: str | None) -> None:
        self.update(name=name)

    @property
    def properties(self) -> Properties:
        """The user's own values; setting one changes it, as `update` does."""
        return Properties(lambda: self._inner.properties, self.update)

    @property
    def tags(self) -> frozenset[str]:
        """Its tags; setting them changes them, as ``update(tags=...)`` does."""
        return self._inner.tags

    @tags.setter
    def tags(self, tags: Iterable[str]) -> None:
        self.update(tags=tags)

    def update(
        self,
        *,
        name: str | NotGiven | None = NOT_GIVEN,
        properties: Mapping[str, Any] | None = None,
        without: Iterable[str] = (),
        tags: Iterable[str] | None = None,
    ) -> None:
        """Change attributes; see `asyncflow.Scenario.update`."""
        self._loop.call(
            self._inner.update,
            name=name,
            properties=properties,
            without=without,
            tags=tags,
        )

    def add_tag(self, tag: str) -> None:
        """Give it a tag; see `asyncflow.Scenario.add_tag`."""
        self._loop.call(self._inner.add_tag, tag)

    def remove_tag(self, tag: str) -> None:
        """Take a tag away; see `asyncflow.Scenario.remove_tag`."""
        self._loop.call(self._inner.remove_tag, tag)

    def has_tag(self, tag: str) -> bool:
        """Tell whether it has a tag; see `asyncflow.Scenario.has_tag`."""
        return self._inner.has_tag(tag)

    def __enter__(self) -> Scenario:
        """Return it as one whose name, properties and tags can be set together.

        They are changed when the block is left, with one ``update``; not at all where it
        is left by an error.
        """
        return _open_block(self)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        changes = _blocks[self._inner].pop().changes

        if not _blocks[self._inner]:
            del _blocks[self._inner]

        if error is None and changes:
            self.update(**changes)

    @property
    def tasks(self) -> Mapping[str, Task]:
        """Its tasks, by config id."""
        return self._tasks(self._inner.tasks)

    @property
    def data_nodes(self) -> Mapping[str, DataNode]:
        """Its data nodes, by config id."""
        return self._nodes(self._inner.data_nodes)

    @property
    def additional_data_nodes(self) -> Mapping[str, DataNode]:
        """The data nodes that no task uses, by config id."""
        return self._nodes(self._inner.additional_data_nodes)

    @property
    def sequences(self) -> Mapping[str, Sequence]:
        """Its sequences, by name."""
        parts = self._inner.sequences
        return {name: Sequence(part, self._loop) for name, part in parts.items()}

    def read(self, *names: str) -> tuple[Any, ...]:
        """Read several data nodes at one moment; see `asyncflow.Scenario.read`."""
        return self._loop.call(self._inner.read, *names)

    def subscribe(
        self, callback: Callable[..., object], params: Iterable[object] | None = None
    ) -> None:
        """Have a function called, in a thread; see `asyncflow.Scenario.subscribe`."""
        self._loop.call(self._inner.subscribe, self._callback(callback), params)

    def unsubscribe(
        self, callback: Callable[..., object], params: Iterable[object] | None = None
    ) -> None:
        """End a subscription; see `asyncflow.Scenario.unsubscribe`."""
        self._loop.call(self._inner.unsubscribe, self._callback(callback), params)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)

        with blocking_remedies():
            return wrap(getattr(self._inner, name), self._loop)

    if not TYPE_CHECKING:  # or each name would be one that can be set

        def __setattr__(self, name: str, value: object) -> None:
            if name in ("name", "properties", "tags"):
                object.__setattr__(self, name, value)
                return

            with blocking_remedies():
                setattr(self._inner, name, value)

    def __getitem__(self, name: str) -> Any:
        """Return a sequence, a task or a data node, whatever it is called; see
        `asyncflow.Scenario`.
        """
        return wrap(self._inner[name], self._loop)

    def __dir__(self) -> list[str]:
        parts = (self._inner.sequences, self._inner.tasks, self._inner.data_nodes)
        return [*super().__dir__(), *(name for part in parts for name in part)]


class ScenarioBlock(Scenario):
    """A scenario in a ``with`` block, which collects what is set of it."""

    __slots__ = ("changes",)
    changes: dict[str, Any]

    @property
    def name(self) -> str | None:
        """What people call it."""
        name: str | None = self.changes.get("name", self._inner.name)
        return name

    @name.setter
    def name(self, name: str | None) -> None:
        self.update(name=name)

    @property
    def properties(self) -> Properties:
        """The user's own values."""
        return Properties(self._values, self.update)

    @property
    def tags(self) -> frozenset[str]:
        """Its tags."""
        return frozenset(self.changes.get("tags", self._inner.tags))

    @tags.setter
    def tags(self, tags: Iterable[str]) -> None:
        self.update(tags=tags)

    def update(self, **changes: Any) -> None:
        """Have attributes changed when the block is left."""
        merged(self.changes, changes)

    def add_tag(self, tag: str) -> None:
        """Have a tag given when the block is left."""
        self.update(tags=self.tags | {tag})

    def remove_tag(self, tag: str) -> None:
        """Have a tag taken away when the block is left."""
        self.update(tags=self.tags - {tag})

    def has_tag(self, tag: str) -> bool:
        """Tell whether it has a tag, or is about to."""
        return tag in self.tags

    def _values(self) -> Mapping[str, Any]:
        without = self.changes.get("without", ())
        found = {**self._inner.properties, **self.changes.get("properties", {})}
        return {name: value for name, value in found.items() if name not in without}


_blocks: dict[AsyncScenario, list[ScenarioBlock]] = {}
"""The blocks that scenarios are in, the inner ones last."""


def _open_block(scenario: Scenario) -> ScenarioBlock:
    block = ScenarioBlock(scenario._inner, scenario._loop)  # pyright: ignore[reportPrivateUsage]  # its part
    object.__setattr__(block, "changes", {})
    _blocks.setdefault(scenario._inner, []).append(block)  # pyright: ignore[reportPrivateUsage]  # its part
    return block


@verbs_name_arguments
class Job(Handle[AsyncJob], of=AsyncJob):
    """A job; see `asyncflow.Job`."""

    __slots__ = ()

    id: Forwarded[str] = Forwarded()
    name: Forwarded[str] = Forwarded()
    config_id: Forwarded[str] = Forwarded()
    status: Forwarded[Status] = Forwarded()
    reason: Forwarded[str] = Forwarded()
    stacktrace: Forwarded[str] = Forwarded()
    is_finished: Forwarded[bool] = Forwarded()
    submitted_at: Forwarded[datetime] = Forwarded()
    run_at: Forwarded[datetime | None] = Forwarded()
    finished_at: Forwarded[datetime | None] = Forwarded()
    execution_duration: Forwarded[float | None] = Forwarded()
    duration: Forwarded[float | None] = Forwarded()
    attempt: Forwarded[int] = Forwarded()
    attempts: Forwarded[tuple[AttemptRecord, ...]] = Forwarded()
    progress: Forwarded[Progress | None] = Forwarded()
    usage: Forwarded[Usage | None] = Forwarded()

    @property
    def task(self) -> Task:
        """What it executes."""
        return Task(self._inner.task, self._loop)

    @property
    def submission(self) -> Submission:
        """The run that it is part of."""
        return Submission(self._inner.submission, self._loop)

    def output(self, stream: Stream | None = None) -> str:
        """Return what it printed; see `asyncflow.Job.output`."""
        return self._loop.call(self._inner.output, stream)

    def follow(self) -> Iterator[str]:
        """Give the lines that it prints, live; see `asyncflow.Job.follow`."""
        return each(self._loop.call(self._inner.follow), self._loop)

    def cancel(self, reason: str | None = None) -> None:
        """Ask for its end, without waiting for it; see `asyncflow.Job.cancel`."""
        self._loop.call(self._inner.cancel, reason)

    def error(self) -> JobFailed | None:
        """Make the error that says how it failed; see `asyncflow.Job.error`."""
        return self._inner.error()


class Output(Handle[AsyncOutput], of=AsyncOutput):
    """What a job of a run has written; see `asyncflow.Output`."""

    __slots__ = ()

    @property
    def data_node(self) -> DataNode:
        """Where: a read of it gives the value of now."""
        return DataNode(self._inner.data_node, self._loop)

    @property
    def job(self) -> Job:
        """The job that has written it, or was skipped as it is as good as new."""
        return Job(self._inner.job, self._loop)

    def read(self) -> Any:
        """Read the value that the run has written; see `asyncflow.Output.read`."""
        return self._loop.call(self._inner.read)

    def edit(self) -> Edit:
        """Return the write; see `asyncflow.Output.edit`."""
        return self._loop.call(self._inner.edit)


@verbs_name_arguments
class Submission(Handle[AsyncSubmission], of=AsyncSubmission):
    """A handle on one run; see `asyncflow.Submission`."""

    __slots__ = ()

    id: Forwarded[str] = Forwarded()
    entity_id: Forwarded[str] = Forwarded()
    status: Forwarded[SubmissionStatus] = Forwarded()
    is_finished: Forwarded[bool] = Forwarded()
    submitted_at: Forwarded[datetime] = Forwarded()
    finished_at: Forwarded[datetime | None] = Forwarded()
    properties: Forwarded[Mapping[str, Any]] = Forwarded()
    orchestrator_id: Forwarded[str] = Forwarded()
    is_adopted: Forwarded[bool] = Forwarded()
    dag: Forwarded[Dag] = Forwarded()
    run_timeout: Forwarded[float | None] = Forwarded()
    priority: Forwarded[float] = Forwarded()
    force: Forwarded[bool] = Forwarded()
    on_failure: Forwarded[OnFailure] = Forwarded()

    @property
    def entity(self) -> Entity:
        """What was submitted."""
        entity: Any = self._inner.entity  # one of three kinds
        return handle(entity, self._loop)

    @property
    def jobs(self) -> tuple[Job, ...]:
        """Its jobs, in an order in which they can run."""
        return tuple(Job(job, self._loop) for job in self._inner.jobs)

    def counts(self) -> dict[Status, int]:
        """Return how many of its jobs have each status."""
        return self._inner.counts()

    def error(self) -> Exception | None:
        """Return the error that ``result()`` raises; None for a run that is all right."""
        return self._inner.error()

    def wait(self, timeout: float | None = None) -> Self:
        """Wait for the end; return the submission, however it ended.

        :param timeout: how many seconds to wait; then it returns while the run goes on.
            None waits as long as it takes
        """
        self._loop.call(self._inner.wait, timeout)
        return self

    def result(self, timeout: float | None = None) -> Self:
        """Wait for the end; return the submission, or raise what went wrong.

        :param timeout: how many seconds to wait; None waits as long as it takes
        :raises SubmissionFailed: if jobs failed
        :raises SubmissionCanceled: if it was cancelled
        :raises TimeoutError: when the time is up; the run goes on
        """
        if not self.wait(timeout).is_finished:
            raise TimeoutError(f"{self!r} has not ended within {timeout} s; it goes on")

        if error := self.error():
            raise error

        return self

    def cancel(self, reason: str | None = None) -> None:
        """Ask for the end of the run, without waiting for it; see the async verb."""
        self._loop.call(self._inner.cancel, reason)

    def accepted(self) -> Self:
        """Return when it is on disk; see `asyncflow.Submission.accepted`."""
        self._loop.call(self._inner.accepted)
        return self

    @property
    def outputs(self) -> Mapping[str, Output]:
        """What its jobs have written so far; see `asyncflow.Submission.outputs`."""
        outputs = self._inner.outputs
        return {name: Output(output, self._loop) for name, output in outputs.items()}

    def read(self, output: str) -> Any:
        """Read what this run wrote; see `asyncflow.Submission.read`."""
        return self._loop.call(self._inner.read, output)

    def retry_failed(self) -> Submission:
        """Run again what has not completed; see `asyncflow.Submission.retry_failed`."""
        return Submission(self._loop.call(self._inner.retry_failed), self._loop)

    def events(self) -> Iterator[Event]:
        """Give every event from the first, then live; ends with the run."""
        return each(aiter(self._inner), self._loop)


Entity: TypeAlias = Scenario | Sequence | Task | DataNode | Submission | Job


def _log_failure(submission: Submission) -> None:
    """Log the errors of a run that failed: its caller may look at nothing."""
    if submission.is_finished and isinstance(
        error := submission.error(), SubmissionFailed
    ):
        _logger.error("%s failed", submission.id, exc_info=error)


def handle(
    entity: AsyncScenario
    | AsyncSequence
    | AsyncTask
    | AsyncDataNode
    | AsyncSubmission
    | AsyncJob,
    loop: Loop,
) -> Entity:
    """Wrap an async handle."""
    wrapped: Entity = wrap(entity, loop)
    return wrapped
