"""Tasks: a function with its data nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs

from asyncflow.config.dag import Dag
from asyncflow.config.sections import Scope, TaskConfig
from asyncflow.entities.data_node import DataNode, data_node_of
from asyncflow.entities.handle import (
    HandleMap,
    Owned,
    Parents,
    ReadOnlyHandle,
    handle_on,
)
from asyncflow.entities.submittable import Submittable, SubmittableVerbs
from asyncflow.runs.node import NodeState
from asyncflow.runs.task import TaskState


@attrs.frozen(eq=False, repr=False)
class Task(Submittable, ReadOnlyHandle):
    """A function, the data nodes that it reads and the data nodes that it writes.

    A task whose data nodes are all shared is one for all scenarios that share them: each
    has it under the same id, and two such handles are equal.

    Each data node is an attribute too, under the id of its config.
    """

    _state: TaskState

    @property
    def config(self) -> TaskConfig:
        """What it was declared as."""
        return self._state.config

    @property
    def config_id(self) -> str:
        """The id of its config."""
        return self._state.config.id

    @property
    def owner_id(self) -> str | None:
        """The id of its scenario, or of the cycle whose scenarios share it; None where all
        scenarios do.
        """
        return self._state.owner_id

    @property
    def scenario_id(self) -> str:
        """The id of its scenario: of one that is shared, that which it is had from, and
        whose runs it starts.
        """
        return self._state.scenario_id

    @property
    def is_deleted(self) -> bool:
        """Whether it was deleted here, and cannot be submitted any more."""
        return self._state.is_deleted

    @property
    def version(self) -> str | None:
        """The version of the application that its scenario belongs to; None for none."""
        return self._state.label

    @property
    def input(self) -> Mapping[str, DataNode]:
        """The data nodes that it reads, by config id, in the order of the parameters."""
        return HandleMap(self._state.input, self._verbs, data_node_of)

    @property
    def output(self) -> Mapping[str, DataNode]:
        """The data nodes that it writes, by config id, in the order of the results."""
        return HandleMap(self._state.output, self._verbs, data_node_of)

    @property
    def tasks(self) -> Mapping[str, Task]:
        """Itself, by config id."""
        return {self.config_id: self}

    @property
    def _dag(self) -> Dag:
        """The graph of this one task."""
        return Dag.of([self._state.config])

    @property
    def function(self) -> Callable[..., object]:
        """The function that its jobs call."""
        return self._state.config.function

    @property
    def skippable(self) -> bool:
        """Whether it may be skipped when nothing that it depends on has changed."""
        return self._state.config.skippable

    @property
    def scope(self) -> Scope:
        """The narrowest scope of its data nodes."""
        return self._state.config.scope

    @property
    def properties(self) -> Mapping[str, object]:
        """The properties of its config."""
        return self._state.config.properties

    _kinds = ("data_nodes",)

    if TYPE_CHECKING:  # its parts

        def __getattr__(self, name: str) -> Any: ...

    @property
    def _task_states(self) -> Mapping[str, TaskState]:
        return {self._state.config.id: self._state}

    @property
    def _node_states(self) -> Mapping[str, NodeState]:
        return {**self._state.input, **self._state.output}

    async def get_parents(self) -> Parents:
        """Return what it is a part of, by its kind; see `Orchestrator.get_parents`."""
        return await self._verbs.get_parents(self.id)

    async def _owner(self) -> Owned | None:
        owner_id = self.owner_id
        return None if owner_id is None else await self._verbs.get_owner(owner_id)

    def __eq__(self, other: object) -> bool:
        return self.id == other.id if isinstance(other, Task) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.id)

    @property
    def _called(self) -> str:
        return f"scenario.{self.config_id}"

    def __repr__(self) -> str:
        return repr(self._state)


def task_of(state: TaskState, verbs: SubmittableVerbs) -> Task:
    """Return the handle of a task: there is one at a time."""
    return handle_on(state, Task, partial(Task, state.id, state, verbs=verbs))
