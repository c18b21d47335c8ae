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
    _shared_bases: dict[str, BasisRecord] | None = None
    """Those of all tasks that scenarios share, by their ids, if it is one."""
    _basis: BasisRecord | None = attrs.field(init=False, default=None)

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


def new_basis(
    task: Task,
    function: str,
    inputs: Mapping[str, int],
    outputs: Mapping[str, int],
    contents: Mapping[str, str],
) -> BasisRecord:
    """Have a skippable task remember what its outputs follow from now; return that."""
    is_own = task._shared_bases is None
    scenario_id = task.owner_id if is_own else ""
    basis = BasisRecord(
        _basis_id(task), scenario_id, function, inputs, outputs, contents
    )
    restore_basis(task, basis)
    return basis


def restore_basis(task: Task, basis: BasisRecord) -> None:
    """Take what the outputs of a task follow from."""
    if task._shared_bases is None:
        task._basis = basis
    else:
        task._shared_bases[basis.task_id] = basis


def basis_of(task: Task) -> BasisRecord | None:
    """Return what the outputs of a task followed from when its last job completed, if it
    is skippable.
    """
    if task._shared_bases is None:
        return task._basis

    return task._shared_bases.get(_basis_id(task))


def _basis_id(task: Task) -> str:
    """Return the id of a task, or that of the one task that it is for all scenarios,
    which share all of its outputs.
    """
    if task._shared_bases is None:
        return task.id

    scopes = {node.scope.value for node in task.output.values()}
    return ids.of_shared_task(task.config_id, scopes)
