"""The blocking handles: each wraps the async one of the same name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

from asyncflow.config.checks.numbers import check_callbacks_are_many, check_flag
from asyncflow.config.checks.values import verbs_name_arguments
from asyncflow.config.sections import DataNodeConfig, Scope, T, TaskConfig
from asyncflow.entities.data_node import DataNode as AsyncDataNode
from asyncflow.entities.edits import Edit
from asyncflow.entities.handle import Named
from asyncflow.entities.job import Input as AsyncInput
from asyncflow.entities.job import Job as AsyncJob
from asyncflow.entities.job import Output as AsyncOutput
from asyncflow.entities.planned import PlannedJob
from asyncflow.entities.reasons import Reasons
from asyncflow.entities.scenario import Scenario as AsyncScenario
from asyncflow.entities.sequence import Sequence as AsyncSequence
from asyncflow.entities.submission import Submission as AsyncSubmission
from asyncflow.entities.submittable import Subscribed, verbs_of
from asyncflow.entities.task import Task as AsyncTask
from asyncflow.errors import JobFailed, SubmissionFailed
from asyncflow.events import Event
from asyncflow.log import logger as _logger
from asyncflow.options import OnFailure, RunOptions
from asyncflow.status import Status
from asyncflow.sync.callback import Callback
from asyncflow.sync.data_node import DataNode
from asyncflow.sync.forwarding import Forwarded, Handle, Labeled, Part, wrap
from asyncflow.sync.loop import Loop, each
from asyncflow.sync.run_facts import JobFacts, SubmissionFacts
from asyncflow.sync.run_here import run_here
from asyncflow.worker.streams import Stream

if TYPE_CHECKING:
    from asyncflow.display.picture import DagPicture, LineagePicture

Submittable = TypeVar("Submittable", AsyncScenario, AsyncSequence, AsyncTask)


@verbs_name_arguments
class Runnable(Labeled[Submittable]):
    """What can be submitted."""

    __slots__ = ()

    id: Forwarded[str] = Forwarded()
    scenario_id: Forwarded[str] = Forwarded()

    def dag(self) -> DagPicture:
        """Return a picture of its tasks and data nodes; see the async handle."""
        return self._inner.dag()

    def lineage(self) -> LineagePicture:
        """Picture where its values come from; see `asyncflow.Scenario.lineage`."""
        return self._loop.call(self._inner.lineage)

    def submit(
        self,
        callbacks: Iterable[Callable[[Job], object]] | None = (),
        force: bool = False,
        wait: bool = False,
        timeout: float | None = None,
        *,
        on_failure: OnFailure = "continue",
        idempotency_key: str | None = None,
        run_timeout: float | None = None,
        priority: float = 0.0,
        progress: bool = False,
        inputs: Mapping[Any, Any] | None = None,
        wait_for_data: bool = False,
        properties: Mapping[str, Any] | None = None,
        **keywords: Any,
    ) -> Submission:
        """Start a run; return its handle.

        In development mode its jobs run in this thread, one after the other, and it has
        ended when this returns: `wait` and `timeout` have no effect. Ctrl-C cancels it.

        Neither the run's outcome nor the end of the waiting time raises: see the
        handle's ``status`` and ``error()``, or use its ``result()``. With `wait`, a
        failure is logged with its tracebacks. Nor does it raise where an input was never
        written: that is a warning, and the jobs that read it fail with `NoData`.

        :param callbacks: what is called, in a thread, as ``callback(job)`` each time
            that the status of a job of this run has changed; None for none
        :param force: run what could be skipped too
        :param wait: return when the run has ended; otherwise at once
        :param timeout: with `wait`, how many seconds to wait; the jobs go on. None: any
        :param on_failure: ``"continue"`` runs what does not need a failed job,
            ``"stop"`` cancels the rest of the run
        :param idempotency_key: who submits with the same key again gets the same run
        :param run_timeout: how many seconds the run may take; None for any time
        :param priority: its ready jobs go before those of runs with a lower one
        :param progress: with `wait`, show on the terminal how far it has come
        :param inputs: values of data nodes for this run alone
        :param wait_for_data: begin when all that the run reads was written; in development
            mode this returns at once, and the jobs run in the orchestrator's thread
        :param properties: the user's own values, kept with the submission
        :param keywords: inputs, where a data node has the name, and else properties
        :raises UsageError: for what is wrong with the call, as the async verb does
        """
        callbacks = () if callbacks is None else callbacks
        check_callbacks_are_many(callbacks)
        check_flag("force", force)
        check_flag("wait", wait)

        options = RunOptions(
            force=force,
            on_failure=on_failure,
            idempotency_key=idempotency_key,
            callbacks=[Callback(function, self._loop) for function in callbacks],
            run_timeout=run_timeout,
            priority=priority,
            progress=progress,
            inputs=inputs,
            wait_for_data=wait_for_data,
            properties=properties or {},
            keywords=keywords,
            lets_fail=True,
        )
        self._loop.check(self._inner.submit)

        if timeout is not None:
            self._loop.tell_of_timeout()

        submit = partial(verbs_of(self._inner).submit, self._inner, options)
        return _submitted(self._loop, submit, wait=wait, timeout=timeout)

    @property
    def subscriptions(self) -> tuple[Subscribed, ...]:
        """The functions that are subscribed to it; see the async handle."""
        found = self._loop.call(getattr, self._inner, "subscriptions")
        return tuple((getattr(call, "function", call), more) for call, more in found)

    def is_submittable(self) -> Reasons:
        """Tell whether it can be submitted; see the async verb."""
        return self._loop.call(self._inner.is_submittable)

    def plan(self, force: bool = False) -> tuple[PlannedJob, ...]:
        """Say what a run would do; see `asyncflow.Scenario.plan`."""
        return self._loop.call(self._inner.plan, force=force)

    def get_inputs(self) -> set[DataNode]:
        """Return the data nodes that it reads and does not write."""
        return self._set(self._inner.get_inputs())

    def get_outputs(self) -> set[DataNode]:
        """Return the data nodes that it writes and does not read."""
        return self._set(self._inner.get_outputs())

    def get_intermediate(self) -> set[DataNode]:
        """Return the data nodes that it writes and reads."""
        return self._set(self._inner.get_intermediate())

    def data_nodes_being_edited(self) -> set[DataNode]:
        """Return the data nodes that are locked, or about to be written."""
        return self._set(self._inner.data_nodes_being_edited())

    def is_ready_to_run(self) -> bool:
        """Tell whether all that it reads is there; see the async verb."""
        return self._inner.is_ready_to_run()

    def _set(self, nodes: Iterable[AsyncDataNode]) -> set[DataNode]:
        return {DataNode(node, self._loop) for node in nodes}

    def _nodes(self, nodes: Mapping[str, AsyncDataNode]) -> Mapping[str, DataNode]:
        return {key: DataNode(node, self._loop) for key, node in nodes.items()}

    def _tasks(self, tasks: Mapping[str, AsyncTask]) -> Mapping[str, Task]:
        return {key: Task(task, self._loop) for key, task in tasks.items()}


Observed = TypeVar("Observed", AsyncScenario, AsyncSequence)


@verbs_name_arguments
class Observable(Handle[Observed]):
    """What others can subscribe to."""

    __slots__ = ()

    def subscribe(
        self, callback: Callable[..., object], params: Iterable[object] | None = None
    ) -> None:
        """Have a function called, in a thread; see the async handle."""
        self._loop.call(self._inner.subscribe, Callback(callback, self._loop), params)

    def unsubscribe(
        self, callback: Callable[..., object], params: Iterable[object] | None = None
    ) -> None:
        """End a subscription; see the async handle."""
        self._loop.call(self._inner.unsubscribe, Callback(callback, self._loop), params)


class Task(Runnable[AsyncTask], Part[AsyncTask], of=AsyncTask):
    """A task; see `asyncflow.Task`. Its data nodes are attributes here too."""

    __slots__ = ()

    config_id: Forwarded[str] = Forwarded()
    config: Forwarded[TaskConfig] = Forwarded()
    owner_id: Forwarded[str | None] = Forwarded()
    function: Forwarded[Callable[..., object]] = Forwarded()
    skippable: Forwarded[bool] = Forwarded()
    version: Forwarded[str | None] = Forwarded()
    scope: Forwarded[Scope] = Forwarded()
    properties: Forwarded[Mapping[str, object]] = Forwarded()

    if TYPE_CHECKING:  # its parts

        def __getattr__(self, name: str) -> Any: ...

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


class Sequence(
    Runnable[AsyncSequence],
    Observable[AsyncSequence],
    Part[AsyncSequence],
    of=AsyncSequence,
):
    """A named part of a scenario's tasks; see `asyncflow.Sequence`. These, and their data
    nodes, are attributes here too.
    """

    __slots__ = ()

    name: Forwarded[str] = Forwarded()
    owner_id: Forwarded[str] = Forwarded()
    version: Forwarded[str | None] = Forwarded()
    properties: Forwarded[Mapping[str, Any]] = Forwarded()

    if TYPE_CHECKING:  # its parts

        def __getattr__(self, name: str) -> Any: ...

    @property
    def tasks(self) -> Mapping[str, Task]:
        """Its tasks, by config id."""
        return self._tasks(self._inner.tasks)

    @property
    def data_nodes(self) -> Mapping[str, DataNode]:
        """The data nodes of its tasks, by config id."""
        return self._nodes(self._inner.data_nodes)


@verbs_name_arguments
class Job(JobFacts, of=AsyncJob):
    """A job; see `asyncflow.Job`."""

    __slots__ = ()

    @property
    def task(self) -> Task:
        """What it executes."""
        return Task(self._inner.task, self._loop)

    @property
    def submission(self) -> Submission:
        """The run that it is part of."""
        return Submission(self._inner.submission, self._loop)

    @property
    def submit_entity(self) -> Runnable[Any]:
        """What was submitted."""
        return self.submission.entity

    def __contains__(self, task: object) -> bool:
        """Tell whether a task is what it executes."""
        return isinstance(task, Task) and self.task == task

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


class Input(Handle[AsyncInput]):
    """What a run reads of a data node that it does not write; see `asyncflow.Input`."""

    __slots__ = ()

    is_given: Forwarded[bool] = Forwarded()

    @property
    def data_node(self) -> DataNode:
        """Where: a read of it gives the value of now."""
        return DataNode(self._inner.data_node, self._loop)

    @property
    def submission(self) -> Submission:
        """The run."""
        return Submission(self._inner.submission, self._loop)

    def read(self) -> Any:
        """Read the value that the run reads; see `asyncflow.Input.read`."""
        return self._loop.call(self._inner.read)


@verbs_name_arguments
class Submission(SubmissionFacts, of=AsyncSubmission):
    """A handle on one run; see `asyncflow.Submission`."""

    __slots__ = ()

    @property
    def entity(self) -> Runnable[Any]:
        """What was submitted."""
        entity: Runnable[Any] = wrap(self._inner.entity, self._loop)
        return entity

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
        outputs = self._inner.outputs.items()
        return Named((name, Output(output, self._loop)) for name, output in outputs)

    @property
    def inputs(self) -> Mapping[str, Input]:
        """What it reads and does not write; see `asyncflow.Submission.inputs`."""
        inputs = self._inner.inputs.items()
        return Named((name, Input(made, self._loop)) for name, made in inputs)

    @overload
    def read(self, name: DataNodeConfig[T]) -> T: ...

    @overload
    def read(self, name: str) -> Any: ...

    def read(self, name: str | DataNodeConfig) -> Any:
        """Read what this run wrote, or reads; see `asyncflow.Submission.read`."""
        return self._loop.call(self._inner.read, name)

    def retry_failed(
        self, *, idempotency_key: str | None = None, **properties: Any
    ) -> Submission:
        """Run again what has not completed; see `asyncflow.Submission.retry_failed`."""
        self._loop.check(self._inner.retry_failed)
        properties["idempotency_key"] = idempotency_key
        again = partial(self._inner.retry_failed, **properties)
        return _submitted(self._loop, again)

    def events(self) -> Iterator[Event]:
        """Give every event from the first, then live; ends with the run."""
        return each(aiter(self._inner), self._loop)


def _submitted(
    loop: Loop,
    submit: Callable[[], AsyncSubmission],
    *,
    wait: bool = False,
    timeout: float | None = None,
) -> Submission:
    """Start a run; in development mode, run its jobs here.

    :param wait: whether to wait for its end, `timeout` seconds
    """

    async def started() -> AsyncSubmission:
        made = submit()
        return await made.wait(timeout) if wait else made

    if loop.runs_here:
        submission = Submission(run_here(loop, submit), loop)
    else:
        submission = Submission(loop.call(started), loop)

    if wait or loop.runs_here:
        _log_failure(submission)

    return submission


def _log_failure(submission: Submission) -> None:
    """Log the errors of a run that failed: its caller may look at nothing."""
    if submission.is_finished and isinstance(
        error := submission.error(), SubmissionFailed
    ):
        _logger.error("%s failed", submission.id, exc_info=error)
