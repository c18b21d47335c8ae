"""Sequences: some tasks of a scenario, submitted on their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from asyncflow import ids
from asyncflow.config.dag import Dag
from asyncflow.config.sections import ScenarioConfig
from asyncflow.entities.handle import HandleMap, Owned, Parents, ReadOnlyHandle
from asyncflow.entities.submittable import Submittable, SubmittableVerbs
from asyncflow.entities.task import Task, task_of
from asyncflow.errors import UsageError
from asyncflow.records import ScenarioRecord
from asyncflow.runs.node import NodeState
from asyncflow.runs.task import TaskState


class SequenceVerbs(SubmittableVerbs, Protocol):
    """What a sequence asks of the orchestrator that made it."""

    def subscribe_sequence(
        self,
        callback: Callable[..., object],
        params: Iterable[object] | None,
        sequence: Sequence,
    ) -> None: ...

    def unsubscribe_sequence(
        self,
        callback: Callable[..., object],
        params: Iterable[object] | None,
        sequence: Sequence,
    ) -> None: ...


@attrs.frozen(eq=False, repr=False)
class Sequence(Submittable, ReadOnlyHandle):
    """A named part of a scenario's tasks. These, and their data nodes, are attributes too."""

    _verbs: SequenceVerbs = attrs.field(kw_only=True)
    _name: str = attrs.field(alias="name")
    owner_id: str
    """The id of its scenario."""
    _task_states: Mapping[str, TaskState] = attrs.field(alias="tasks")
    _properties: Mapping[str, Any] = attrs.field(factory=dict[str, Any])
    _gone: tuple[str, ...] = attrs.field(default=(), kw_only=True)
    """The ids of tasks that it was given, and its config does not declare any more."""

    @property
    def name(self) -> str:
        """How it is called in its scenario; `Scenario.rename_sequence` changes it."""
        return self._name

    @property
    def properties(self) -> Mapping[str, Any]:
        """The user's own values; `Scenario.update_sequence` changes them."""
        return MappingProxyType({**self._properties})

    @property
    def tasks(self) -> Mapping[str, Task]:
        """Its tasks, by config id."""
        return HandleMap(self._task_states, self._verbs, task_of)

    @property
    def scenario_id(self) -> str:
        """The id of its scenario."""
        return self.owner_id

    @property
    def version(self) -> str | None:
        """The version of the application that its scenario belongs to; None for none."""
        return next((task.label for task in self._task_states.values()), None)

    @property
    def is_deleted(self) -> bool:
        """Whether its scenario was deleted here, so that it cannot be submitted."""
        return any(task.is_deleted for task in self._task_states.values())

    @property
    def _dag(self) -> Dag:
        """The graph of its tasks.

        :raises UsageError: where one of them is not declared any more
        """
        if self._gone:
            raise UsageError(
                f"sequence {self.name!r} has tasks that are not declared any more: "
                f"{', '.join(self._gone)}; declare them, or give it others with "
                "scenario.update_sequence"
            )

        return Dag.of(task.config for task in self._task_states.values())

    def subscribe(
        self, callback: Callable[..., object], params: Iterable[object] | None = None
    ) -> None:
        """Have a function called when the status of a job of this sequence changes.

        It is called as ``callback(*params, sequence, job)``, for the runs of the
        sequence itself; else as `Scenario.subscribe` does.

        :param callback: what is called
        :param params: what it is given first; None for nothing
        """
        self._verbs.subscribe_sequence(callback, params, self)

    def unsubscribe(
        self, callback: Callable[..., object], params: Iterable[object] | None = None
    ) -> None:
        """End a subscription: what has not been called by now is not called any more.

        :param params: those of the subscription; None for whatever it has
        :raises ValueError: where there is no such subscription
        """
        self._verbs.unsubscribe_sequence(callback, params, self)

    _kinds = ("tasks", "data_nodes")

    if TYPE_CHECKING:  # its parts

        def __getattr__(self, name: str) -> Any: ...

    @property
    def _node_states(self) -> Mapping[str, NodeState]:
        return {
            name: node
            for task in self._task_states.values()
            for nodes in (task.input, task.output)
            for name, node in nodes.items()
        }

    async def get_parents(self) -> Parents:
        """Return what it is a part of, by its kind; see `Orchestrator.get_parents`."""
        return await self._verbs.get_parents(self.id)

    async def _owner(self) -> Owned | None:
        return await self._verbs.get_owner(self.owner_id)

    @property
    def _called(self) -> str:
        return f"scenario.{self.name}"

    def __repr__(self) -> str:
        return f"<Sequence {self.name}: {', '.join(self._task_states)}>"


def sequence_names(
    config: ScenarioConfig, changed: Mapping[str, Mapping[str, Any] | None]
) -> list[str]:
    """Return the names of the sequences of a scenario.

    :param changed: what its record says of them
    """
    own = [name for name in config.sequences if name not in changed]
    return [*own, *(name for name, kept in changed.items() if kept is not None)]


def sequences_of(
    config: ScenarioConfig,
    record: ScenarioRecord,
    tasks: Mapping[str, TaskState],
    verbs: SequenceVerbs,
) -> Mapping[str, Sequence]:
    """Make the sequences of a scenario: those of its config, and those of its own.

    :param tasks: those of the scenario, by config id
    """
    found: dict[str, Sequence] = {}

    for name in sequence_names(config, record.sequences):
        kept = record.sequences.get(name)
        given = kept or {"tasks": [task.id for task in config.sequences[name]]}
        found[name] = Sequence(
            id=ids.of_sequence(name, record.id),
            name=name,
            owner_id=record.id,
            tasks={key: tasks[key] for key in given["tasks"] if key in tasks},
            properties=given.get("properties", {}),
            gone=tuple(key for key in given["tasks"] if key not in tasks),
            verbs=verbs,
        )

    return found
