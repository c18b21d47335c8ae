"""What can be submitted: a scenario, a sequence, a task."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import attrs

from asyncflow.config.checks.values import verbs_name_arguments
from asyncflow.config.dag import Dag
from asyncflow.entities.data_node import DataNode, DataNodeVerbs, data_node_of
from asyncflow.entities.handle import Handle, HandleMap, Labeled
from asyncflow.options import OnFailure, RunOptions
from asyncflow.runs.node import NodeState
from asyncflow.runs.task import TaskState

if TYPE_CHECKING:
    from asyncflow.display.picture import DagPicture, LineagePicture
    from asyncflow.entities.edits import Edit
    from asyncflow.entities.job import Job
    from asyncflow.entities.planned import PlannedJob
    from asyncflow.entities.reasons import Reasons
    from asyncflow.entities.submission import Submission
    from asyncflow.entities.task import Task
    from asyncflow.worker.current import CurrentJob
    from asyncflow.worker.streams import Stream


Subscribed: TypeAlias = tuple[Callable[..., object], list[object]]
"""A function that is called, and what it is given first."""


class SubmittableVerbs(DataNodeVerbs, Protocol):
    """What an entity, and its runs and jobs, ask of the orchestrator that made it."""

    def submit(self, entity: Submittable, options: RunOptions) -> Submission: ...

    def plan(self, entity: Submittable, *, force: bool) -> tuple[PlannedJob, ...]: ...

    def retry_failed(
        self,
        submission: Submission,
        properties: Mapping[str, Any],
        idempotency_key: str | None,
    ) -> Submission: ...

    def cancel(self, what: Submission | Job, *, reason: str | None) -> bool: ...

    async def pause(self, submission: Submission, *, is_paused: bool) -> None: ...

    def subscriptions(self, entity_id: str) -> tuple[Subscribed, ...]: ...

    async def accepted(self, submission: Submission) -> None: ...

    async def flush(self) -> None: ...

    def slot_lent(self, job: CurrentJob) -> AbstractContextManager[None]: ...

    async def is_deletable(self, entity_id: str) -> Reasons: ...

    async def is_submittable(self, entity_id: str) -> Reasons: ...

    async def read_own(self, submission: Submission, name: str) -> Any: ...

    async def edit_own(self, submission: Submission, name: str) -> Edit: ...

    async def output(self, job: Job, stream: Stream | None) -> str: ...

    def follow(self, job: Job) -> AsyncIterator[str]: ...


@verbs_name_arguments
@attrs.define(eq=False, repr=False)
class Submittable(Handle, Labeled, ABC):
    """Something whose tasks can be run."""

    id: str
    """Its id."""
    _verbs: SubmittableVerbs = attrs.field(kw_only=True)

    @property
    def subscriptions(self) -> tuple[Subscribed, ...]:
        """The functions that are subscribed to it alone, with what they are given first."""
        return self._verbs.subscriptions(self.id)

    @property
    @abstractmethod
    def is_deleted(self) -> bool:
        """Whether it was deleted here, and cannot be submitted any more."""

    @property
    @abstractmethod
    def scenario_id(self) -> str:
        """The id of the scenario that it belongs to, or is."""

    @property
    @abstractmethod
    def tasks(self) -> Mapping[str, Task]:
        """The tasks that a run of it has, by config id."""

    @property
    def data_nodes(self) -> Mapping[str, DataNode]:
        """The data nodes that it has, by config id."""
        return HandleMap(self._node_states, self._verbs, data_node_of)

    def dag(self) -> DagPicture:
        """Return a picture of its tasks and data nodes: SVG, Mermaid or text.

        A notebook shows it; ``print`` writes its text; ``save("dag.svg")`` keeps it.
        """
        from asyncflow.display.tasks import picture

        return picture(self._dag.tasks, self.id)

    async def lineage(self) -> LineagePicture:
        """Return a picture of where the values of its data nodes come from.

        It has the current versions, the jobs and people that wrote them, and the versions
        that these jobs read: as far as their runs are kept, whatever scenario they are of.
        On cancel nothing changes.
        """
        from asyncflow.entities.tracing import lineage

        nodes, verbs = self.data_nodes.values(), self._verbs
        return await lineage(nodes, verbs, f"lineage of {self.id}")

    def _shown(self) -> object:
        from asyncflow.entities.rich import Parts

        nodes = tuple(self._node_states.values())
        return Parts(title=repr(self), picture=self.dag(), nodes=nodes)

    @property
    @abstractmethod
    def _dag(self) -> Dag:
        """The graph of these tasks."""

    @property
    @abstractmethod
    def _task_states(self) -> Mapping[str, TaskState]:
        """The states of its tasks, by config id."""

    @property
    @abstractmethod
    def _node_states(self) -> Mapping[str, NodeState]:
        """The states of its data nodes, by config id."""

    def submit(
        self,
        *,
        timeout: float | None = None,
        run_timeout: float | None = None,
        priority: float = 0.0,
        force: bool = False,
        on_failure: OnFailure = "continue",
        idempotency_key: str | None = None,
        callbacks: Iterable[Callable[[Job], object]] = (),
        progress: bool = False,
        inputs: Mapping[Any, Any] | None = None,
        wait_for_data: bool = False,
        properties: Mapping[str, Any] | None = None,
        **keywords: Any,
    ) -> Submission:
        """Start a run of all its tasks; return its handle at once.

        ``await`` the handle to wait for the end. ``submit(my_input=6)`` gives a value to
        this run alone: it reads that, whatever is written, and the data node stays what
        it is. What is changed in the value afterwards it does not see.

        :param timeout: how many seconds ``await`` waits before `TimeoutError`, while
            the jobs go on; None waits as long as it takes
        :param run_timeout: how many seconds the run may take; then its running jobs
            are killed and have ``FAILED``, and the rest is cancelled. None for any time
        :param priority: its ready jobs go before those of runs with a lower one. A job
            that waits gains a step of priority every ten seconds
        :param force: run what could be skipped too
        :param on_failure: ``"continue"`` runs what does not need a failed job,
            ``"stop"`` cancels the rest of the run
        :param idempotency_key: any text; who submits with the same key again, from any
            process that uses the same store, gets the run that there is. What the
            handle says of it is right once `Submission.accepted` has returned
        :param callbacks: functions, sync or async, called as ``callback(job)`` each
            time that the status of a job of this run has changed, as those of
            `Scenario.subscribe` are
        :param progress: show on the terminal how far it has come, while it is awaited:
            bars where rich is installed (``pip install '.[cli]'``), else a line for
            each job; nothing where stderr is no terminal
        :param inputs: values of data nodes that the run reads and does not write, by
            their configs or these' ids. They are kept as long as the submission is
        :param wait_for_data: begin when all that the run reads was written, by whomever: until
            then its jobs are ``BLOCKED``, as long as its `run_timeout` allows. `drain` does
            not wait for it, and leaving the orchestrator cancels it
        :param properties: the user's own values, kept with the submission
        :param keywords: inputs, where a data node has the name, and else properties
        :raises NoData: where an input was never written, and nothing will write it
        :raises NotPicklable: where a function cannot travel to a worker, or a property
            or an input cannot be kept
        :raises ValueInvalid: where a validator refuses an input
        :raises UsageError: where the run writes what it is given, or does not read it
        :raises NotOpen: where the orchestrator is closed
        """
        options = RunOptions(
            timeout=timeout,
            run_timeout=run_timeout,
            priority=priority,
            force=force,
            on_failure=on_failure,
            idempotency_key=idempotency_key,
            callbacks=callbacks,
            progress=progress,
            inputs=inputs,
            wait_for_data=wait_for_data,
            properties=properties or {},
            keywords=keywords,
        )
        return self._verbs.submit(self, options)

    def get_inputs(self) -> set[DataNode]:
        """Return the data nodes that it reads and does not write."""
        return self._nodes(*self._dag.sources)

    def get_outputs(self) -> set[DataNode]:
        """Return the data nodes that it writes and does not read."""
        read, written = self._names()
        return self._nodes(*(written - read))

    def get_intermediate(self) -> set[DataNode]:
        """Return the data nodes that it writes and reads."""
        read, written = self._names()
        return self._nodes(*(written & read))

    def data_nodes_being_edited(self) -> set[DataNode]:
        """Return the data nodes that are locked, or about to be written, as far as is
        known here.
        """
        return {node for node in self.data_nodes.values() if node.edit_in_progress}

    def is_ready_to_run(self) -> bool:
        """Tell whether all that it reads and does not write was written, and nobody is
        about to replace it, as far as is known here.
        """
        return all(
            node.last_edit_date is not None and not node.edit_in_progress
            for node in self.get_inputs()
        )

    def _names(self) -> tuple[set[str], set[str]]:
        """Return the config ids of what its tasks read, and of what they write."""
        tasks = self._task_states.values()
        read = {name for task in tasks for name in task.input}
        return read, {name for task in tasks for name in task.output}

    def _nodes(self, *names: str) -> set[DataNode]:
        return {self.data_nodes[name] for name in names}

    async def is_submittable(self) -> Reasons:
        """Tell whether it can be submitted, as things are now; see
        `Orchestrator.is_submittable`.
        """
        return await self._verbs.is_submittable(self.id)

    def plan(self, *, force: bool = False) -> tuple[PlannedJob, ...]:
        """Say what a run would do with each task, and why, as things are now.

        :param force: as `submit` has it
        :raises NotPicklable: where a function cannot travel to a worker
        """
        return self._verbs.plan(self, force=force)


def verbs_of(entity: Submittable) -> SubmittableVerbs:
    """Return what the handles of an entity, and of its runs, ask."""
    return entity._verbs


def dag_of(entity: Submittable) -> Dag:
    """Return the graph of an entity's tasks. For the engine."""
    return entity._dag


def nodes_of(entity: Submittable) -> Mapping[str, NodeState]:
    """Return the states of an entity's data nodes, by config id. For the engine."""
    return entity._node_states


def tasks_of(entity: Submittable) -> Mapping[str, TaskState]:
    """Return the states of an entity's tasks, by config id. For the engine."""
    return entity._task_states
