"""Tasks: a function with its data nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs

from asyncflow import ids
from asyncflow.config.dag import Dag
from asyncflow.config.sections import TaskConfig
from asyncflow.entities.data_node import DataNode
from asyncflow.entities.submittable import Submittable
from asyncflow.records import BasisRecord


@attrs.define(eq=False, repr=False)
class Task(Submittable):
    """A function, the data nodes that it reads and the data nodes that it writes."""

    config: TaskConfig
    owner_id: str
    """The id of its scenario."""
    input: Mapping[str, DataNode]
    """The data nodes that it reads, by config id, in the order of the parameters."""
    output: Mapping[str, DataNode]
    """The data nodes that it writes, by config id, in the order of the results."""
    shared_bases: dict[str, BasisRecord] | None = None
    """Those of all tasks that scenarios share, by their `basis_id`, if it is one."""
    _basis: BasisRecord | None = attrs.field(init=False, default=None)

    @property
    def basis_id(self) -> str:
        """Its id, or that of the one task that it is for all scenarios, which share all
        of its outputs.
        """
        if self.shared_bases is None:
            return self.id

        scopes = {node.scope.value for node in self.output.values()}
        return ids.of_shared_task(self.config_id, scopes)

    @property
    def basis(self) -> BasisRecord | None:
        """What its outputs followed from when its last job completed, if it is skippable."""
        if self.shared_bases is None:
            return self._basis

        return self.shared_bases.get(self.basis_id)

    def follows_from(self, basis: BasisRecord) -> None:
        """Take what its outputs follow from."""
        if self.shared_bases is None:
            self._basis = basis
        else:
            self.shared_bases[basis.task_id] = basis

    @property
    def tasks(self) -> Mapping[str, Task]:
        """Itself, by config id."""
        return {self.config_id: self}

    @property
    def scenario_id(self) -> str:
        """The id of its scenario."""
        return self.owner_id

    @property
    def dag(self) -> Dag:
        """The graph of this one task."""
        return Dag.of([self.config])

    @property
    def config_id(self) -> str:
        """The id of its config."""
        return self.config.id

    @property
    def function(self) -> Callable[..., object]:
        """The function that its jobs call."""
        return self.config.function

    @property
    def skippable(self) -> bool:
        """Whether it may be skipped when nothing that it depends on has changed."""
        return self.config.skippable

    @property
    def data_nodes(self) -> Mapping[str, DataNode]:
        """Its data nodes, by config id."""
        return {**self.input, **self.output}

    def __repr__(self) -> str:
        return f"<Task {self.config_id}: {', '.join(self.input)} -> {', '.join(self.output)}>"
