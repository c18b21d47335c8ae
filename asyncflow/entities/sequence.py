"""Sequences: some tasks of a scenario, submitted on their own."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from asyncflow.config.dag import Dag
from asyncflow.entities.handle import HandleMap
from asyncflow.entities.submittable import Submittable
from asyncflow.entities.task import Task, task_of
from asyncflow.runs.node import NodeState
from asyncflow.runs.task import TaskState


@attrs.define(eq=False, repr=False)
class Sequence(Submittable):
    """A named part of a scenario's tasks."""

    name: str
    owner_id: str
    """The id of its scenario."""
    _task_states: Mapping[str, TaskState] = attrs.field(alias="tasks")

    @property
    def tasks(self) -> Mapping[str, Task]:
        """Its tasks, by config id."""
        return HandleMap(self._task_states, self._verbs, task_of)

    @property
    def scenario_id(self) -> str:
        """The id of its scenario."""
        return self.owner_id

    @property
    def is_deleted(self) -> bool:
        """Whether its scenario was deleted here, so that it cannot be submitted."""
        return any(task.is_deleted for task in self._task_states.values())

    @property
    def dag(self) -> Dag:
        """The graph of its tasks."""
        return Dag.of(task.config for task in self._task_states.values())

    @property
    def _node_states(self) -> Mapping[str, NodeState]:
        return {
            name: node
            for task in self._task_states.values()
            for nodes in (task.input, task.output)
            for name, node in nodes.items()
        }

    @property
    def _called(self) -> str:
        return f"scenario.{self.name}"

    def __repr__(self) -> str:
        return f"<Sequence {self.name}: {', '.join(self._task_states)}>"
