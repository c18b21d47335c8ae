"""Sequences: some tasks of a scenario, submitted on their own."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from asyncflow.config.dag import Dag
from asyncflow.entities.data_node import DataNode
from asyncflow.entities.submittable import Submittable
from asyncflow.entities.task import Task


@attrs.define(eq=False, repr=False)
class Sequence(Submittable):
    """A named part of a scenario's tasks."""

    name: str
    owner_id: str
    """The id of its scenario."""
    tasks: Mapping[str, Task]
    """Its tasks, by config id."""

    @property
    def scenario_id(self) -> str:
        """The id of its scenario."""
        return self.owner_id

    @property
    def dag(self) -> Dag:
        """The graph of its tasks."""
        return Dag.of(task.config for task in self.tasks.values())

    @property
    def data_nodes(self) -> Mapping[str, DataNode]:
        """The data nodes of its tasks, by config id."""
        return {
            name: node
            for task in self.tasks.values()
            for name, node in task.data_nodes.items()
        }

    def __repr__(self) -> str:
        return f"<Sequence {self.name}: {', '.join(self.tasks)}>"
