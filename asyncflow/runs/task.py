"""The state of a task, which the engine writes. `Task` is the handle of it."""

from __future__ import annotations

from collections.abc import Mapping
from weakref import ReferenceType

import attrs

from asyncflow import ids
from asyncflow.config.sections import TaskConfig
from asyncflow.records import BasisRecord
from asyncflow.runs.node import NodeState


@attrs.define(eq=False, repr=False)
class TaskState:
    """A function with its data nodes, and what its outputs follow from.

    :param owner_id: the id of its scenario
    :param input: the data nodes that it reads, by config id, as its parameters are
    :param output: those that it writes, as its results are
    :param shared_bases: those of all tasks that scenarios share, by their ids, if it is
        one of them
    :param cycle_id: the cycle of its scenario; None for none
    """

    id: str
    config: TaskConfig
    owner_id: str
    input: Mapping[str, NodeState]
    output: Mapping[str, NodeState]
    _shared_bases: dict[str, BasisRecord] | None = None
    _cycle_id: str | None = None
    _basis: BasisRecord | None = attrs.field(init=False, default=None)
    label: str | None = attrs.field(init=False, default=None)
    """The version of the application that its scenario belongs to; None for none."""
    is_deleted: bool = attrs.field(init=False, default=False)
    """Whether its scenario was deleted here."""
    handle: ReferenceType[object] | None = attrs.field(init=False, default=None)
    """The handle that users have; None, or dead, where nobody has one."""

    @property
    def config_id(self) -> str:
        """The id of its config."""
        return self.config.id

    @property
    def basis(self) -> BasisRecord | None:
        """What its outputs followed from when its last job completed, if it is
        skippable.
        """
        if self._shared_bases is None:
            return self._basis

        return self._shared_bases.get(self._basis_id)

    def new_basis(
        self,
        function: str,
        inputs: Mapping[str, int],
        outputs: Mapping[str, int],
        contents: Mapping[str, str],
    ) -> BasisRecord:
        """Remember what its outputs follow from now; return that."""
        basis = BasisRecord(
            self._basis_id, self._basis_owner, function, inputs, outputs, contents
        )
        self.restore_basis(basis)
        return basis

    def restore_basis(self, basis: BasisRecord) -> None:
        """Take what its outputs follow from."""
        if self._shared_bases is None:
            self._basis = basis
        else:
            self._shared_bases[basis.task_id] = basis

    @property
    def _basis_id(self) -> str:
        """Its id, or that of the one task that it is for all scenarios, which share all
        of its outputs.
        """
        if self._shared_bases is None:
            return self.id

        scopes = {
            node.owner_id or node.config.scope.value for node in self.output.values()
        }
        return ids.of_shared_task(self.config.id, scopes)

    @property
    def _basis_owner(self) -> str:
        """What its basis goes with: its scenario, or a cycle; ``""`` for neither."""
        if self._shared_bases is None:
            return self.owner_id

        is_of_cycle = any(node.owner_id for node in self.output.values())
        return (self._cycle_id or "") if is_of_cycle else ""

    def __repr__(self) -> str:
        reads, writes = ", ".join(self.input), ", ".join(self.output)
        return f"<Task {self.config.id}: {reads} -> {writes}>"
