"""The state of a task, which the engine writes. `Task` is the handle of it."""

from __future__ import annotations

from collections.abc import Mapping
from weakref import ReferenceType

import attrs

from asyncflow import ids
from asyncflow.config.sections import Scope, TaskConfig
from asyncflow.records import BasisRecord
from asyncflow.runs.node import NodeState


class Deletion:
    """Tells the tasks of one scenario whether that was deleted here."""

    __slots__ = ("__weakref__", "is_done")

    def __init__(self) -> None:
        self.is_done: bool = False


@attrs.define(eq=False, repr=False)
class TaskState:
    """A function with its data nodes, and what its outputs follow from.

    :param scenario_id: the id of its scenario, also where others have one with its id
    :param input: the data nodes that it reads, by config id, as its parameters are
    :param output: those that it writes, as its results are
    :param shared_bases: those of all tasks that scenarios share, by their ids, if it is
        one of them
    :param cycle_id: the cycle of its scenario; None for none
    :param deletion: that of its scenario
    """

    id: str
    config: TaskConfig
    scenario_id: str
    input: Mapping[str, NodeState]
    output: Mapping[str, NodeState]
    _shared_bases: dict[str, BasisRecord] | None = None
    _cycle_id: str | None = None
    deletion: Deletion = attrs.field(factory=Deletion)
    _basis: BasisRecord | None = attrs.field(init=False, default=None)
    label: str | None = attrs.field(init=False, default=None)
    """The version of the application that its scenario belongs to; None for none."""
    handle: ReferenceType[object] | None = attrs.field(init=False, default=None)
    """The handle that users have; None, or dead, where nobody has one."""

    @property
    def config_id(self) -> str:
        """The id of its config."""
        return self.config.id

    @property
    def is_deleted(self) -> bool:
        """Whether its scenario was deleted here."""
        return self.deletion.is_done

    @property
    def owner_id(self) -> str | None:
        """The id of its scenario, or of the cycle whose scenarios share it; None where all
        scenarios do.
        """
        return owner_of(self.id, self.scenario_id)

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
        """What its basis is known by: the same for all scenarios that share all of its
        outputs.
        """
        if self._shared_bases is None:
            return ids.of_task(self.config.id, self.scenario_id)

        scopes = {
            node.owner_id or node.config.scope.value for node in self.output.values()
        }
        return ids.of_basis(self.config.id, scopes)

    @property
    def _basis_owner(self) -> str:
        """What its basis goes with: its scenario, or a cycle; ``""`` for neither."""
        if self._shared_bases is None:
            return self.scenario_id

        is_of_cycle = any(node.owner_id for node in self.output.values())
        return (self._cycle_id or "") if is_of_cycle else ""

    def __repr__(self) -> str:
        reads, writes = ", ".join(self.input), ", ".join(self.output)
        return f"<Task {self.config.id}: {reads} -> {writes}>"


def id_of(config: TaskConfig, scenario_id: str, cycle_id: str | None) -> str:
    """Return the id of a task of a scenario: one that shares all of its data nodes is the
    same for all scenarios that do.

    :param cycle_id: the cycle of the scenario; None for none
    """
    if not config.is_shared:
        return ids.of_task(config.id, scenario_id)

    scope = config.scope
    is_of_cycle = cycle_id is not None and scope is Scope.CYCLE
    return ids.of_task(config.id, cycle_id if is_of_cycle and cycle_id else scope.value)


def owner_of(task_id: str, scenario_id: str) -> str | None:
    """Return the owner of a task of a scenario; see `TaskState.owner_id`."""
    return ids.cycle_of(task_id) if ids.is_shared(task_id) else scenario_id


def has_shared_basis(config: TaskConfig) -> bool:
    """Tell whether a task is skipped where another scenario's has done the work: it is
    skippable, and they share all of its outputs.
    """
    return (
        config.skippable
        and bool(config.output)
        and all(node.scope is not Scope.SCENARIO for node in config.output)
    )
