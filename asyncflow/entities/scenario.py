"""Scenarios: instances of a scenario config."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, overload

import attrs

from asyncflow.config.checks.values import one_of, verbs_name_arguments
from asyncflow.config.dag import Dag
from asyncflow.config.sections import (
    NOT_GIVEN,
    DataNodeConfig,
    NotGiven,
    ScenarioConfig,
    T_co,
    TaskConfig,
)
from asyncflow.entities.data_node import DataNode, data_node_of
from asyncflow.entities.handle import HandleMap, HasParts, Owned, Properties
from asyncflow.entities.sequence import Sequence, SequenceVerbs, sequences_of
from asyncflow.entities.submittable import Submittable, tasks_of
from asyncflow.entities.task import Task, task_of
from asyncflow.errors import UsageError
from asyncflow.records import ScenarioRecord
from asyncflow.runs.node import NodeState
from asyncflow.runs.task import TaskState

if TYPE_CHECKING:
    from asyncflow.entities.cycle import Cycle
    from asyncflow.entities.difference import ScenarioDiff
    from asyncflow.entities.exported import ExportedScenario
    from asyncflow.entities.reasons import Reasons


class ScenarioVerbs(SequenceVerbs, Protocol):
    """What a scenario asks of the orchestrator that made it."""

    async def read_together(self, nodes: list[NodeState]) -> tuple[Any, ...]: ...

    async def update(
        self, entity: Scenario | Cycle, changes: Mapping[str, Any]
    ) -> None: ...

    async def change_sequences(
        self, scenario: Scenario, changes: Mapping[str, Any]
    ) -> None: ...

    async def promote(self, scenario: Scenario) -> None: ...

    async def duplicate(self, scenario: Scenario, **wanted: Any) -> Scenario: ...

    async def diff(self, one: Scenario, other: Scenario | str) -> ScenarioDiff: ...

    async def export(
        self, scenario: Scenario, path: object, *, data: bool, overwrite: bool
    ) -> ExportedScenario: ...

    def subscribe_scenario(
        self,
        callback: Callable[..., object],
        params: Iterable[object] | None,
        scenario: Scenario | None,
    ) -> None: ...

    def unsubscribe_scenario(
        self,
        callback: Callable[..., object],
        params: Iterable[object] | None,
        scenario: Scenario | None,
    ) -> None: ...


@verbs_name_arguments
@attrs.define(eq=False, repr=False, on_setattr=attrs.setters.NO_OP)
class Scenario(Submittable, HasParts):
    """An instance of a scenario config: its tasks and its data nodes.

    Each of them is an attribute too, under the id of its config:
    ``scenario.my_output``. The same holds for sequences, under their names. Where such
    a name is that of another attribute, as ``name``, ``scenario["name"]`` has it.
    """

    _verbs: ScenarioVerbs = attrs.field(kw_only=True)
    config: ScenarioConfig
    _dag: Dag
    _record: ScenarioRecord
    cycle: Cycle | None
    """The cycle that it belongs to; None where its config has no frequency."""
    _task_states: Mapping[str, TaskState] = attrs.field(alias="tasks")
    _node_states: Mapping[str, NodeState] = attrs.field(alias="data_nodes")
    data_nodes: Mapping[str, DataNode] = attrs.field(init=False)
    """The data nodes that it has, by config id."""
    _sequences: Mapping[str, Sequence] = attrs.field(alias="sequences")
    _is_deleted: bool = attrs.field(init=False, default=False)
    _ordered: tuple[TaskState, ...] = attrs.field(init=False)
    """Its tasks, in the order of its graph."""

    def __attrs_post_init__(self) -> None:
        self.data_nodes = HandleMap(self._node_states, self._verbs, data_node_of)
        self._ordered = self._dag.pick(self._task_states)

    @property
    def name(self) -> str | None:
        """What people call it."""
        return self._record.name

    @property
    def creation_date(self) -> datetime:
        """When it was created, in UTC."""
        return self._record.creation_date

    @property
    def properties(self) -> Mapping[str, Any]:
        """The user's own values: the config's, those given at creation, and since."""
        return Properties("scenario", lambda: self._record.properties)

    @property
    def version(self) -> str | None:
        """The version of the application that it belongs to; None for none."""
        return self._record.version

    @property
    def tags(self) -> frozenset[str]:
        """Its tags."""
        return frozenset(self._record.tags)

    @property
    def is_primary(self) -> bool:
        """Whether it is the primary scenario of its cycle, as far as is known here."""
        return self.cycle is not None and self.cycle.primary_id == self.id

    @property
    def tasks(self) -> Mapping[str, Task]:
        """Its tasks, by config id."""
        return HandleMap(self._task_states, self._verbs, task_of)

    @property
    def sequences(self) -> Mapping[str, Sequence]:
        """Its sequences, by name, as far as is known here."""
        return MappingProxyType(self._sequences)

    @property
    def is_deleted(self) -> bool:
        """Whether it was deleted here, and cannot be submitted any more."""
        return self._is_deleted

    @property
    def scenario_id(self) -> str:
        """Its id."""
        return self.id

    @property
    def owner_id(self) -> str | None:
        """The id of its cycle; None where it belongs to none."""
        return self._record.cycle_id

    @property
    def config_id(self) -> str:
        """The id of its config."""
        return self.config.id

    @property
    def additional_data_nodes(self) -> Mapping[str, DataNode]:
        """The data nodes that no task uses, by config id."""
        configs = self.config.additional_data_node_configs
        return {config.id: self.data_nodes[config.id] for config in configs}

    async def read(self, *names: str) -> tuple[Any, ...]:
        """Read several data nodes as they are at one moment.

        ``rates, total = await scenario.read("rates", "total")`` never has the value of one
        write beside that of another: what a job has written is there as a whole or not at
        all, also where other processes write. This does not hold for files of the user's,
        which have no versions. On cancel nothing changes.

        :param names: the ids of the data nodes' configs
        :return: the values, in the order of the names
        :raises NoData: where one was never written
        :raises UsageError: where the scenario has no such data node
        :raises DataNodeReadingError: where a file is missing or damaged
        """
        nodes = [self._node_states[self._known(name)] for name in names]
        return await self._verbs.read_together(nodes)

    async def update(
        self,
        *,
        name: str | NotGiven | None = NOT_GIVEN,
        properties: Mapping[str, Any] | None = None,
        without: Iterable[str] = (),
        tags: Iterable[str] | None = None,
    ) -> None:
        """Change attributes; return when that is durable.

        Who changes other properties or tags of it at the same time, here or in another
        process, loses nothing: what others have set stays. On cancel all of it is done,
        or nothing.

        :param name: what people call it from now on
        :param properties: those that are set; others stay. None for none
        :param without: the names of the properties that are removed
        :param tags: all that it is to have; None leaves them as they are
        :raises UnauthorizedTag: where its config does not allow a tag
        :raises NotPicklable: where a property cannot be kept
        :raises NotFound: where it was deleted
        """
        changes = {
            "name": name,
            "properties": properties,
            "without": without,
            "tags": tags,
        }
        await self._verbs.update(self, changes)

    async def add_tag(self, tag: str) -> None:
        """Give it a tag; return when that is durable. Others may have the same one.

        :raises UnauthorizedTag: where its config does not allow it
        :raises NotFound: where it was deleted
        """
        await self._verbs.update(self, {"added_tags": (tag,)})

    async def remove_tag(self, tag: str) -> None:
        """Take a tag away, if it has it; return when that is durable.

        :raises NotFound: where it was deleted
        """
        await self._verbs.update(self, {"removed_tags": (tag,)})

    def has_tag(self, tag: str) -> bool:
        """Tell whether it has a tag, as far as is known here."""
        return tag in self._record.tags

    async def add_sequence(
        self,
        name: str,
        tasks: Iterable[Task | TaskConfig | str],
        properties: Mapping[str, Any] | None = None,
    ) -> None:
        """Add a named part of its tasks; return when that is durable.

        Who adds others at the same time, here or in another process, loses nothing. On
        cancel it is done or not.

        :param name: an identifier that none of its sequences, tasks and data nodes has
        :param tasks: some of its tasks, their configs, or the ids of these
        :param properties: the user's own values, which JSON can hold; None for none
        :raises UsageError: where there is one of that name, or a task is none of the
            scenario
        :raises NotFound: where the scenario was deleted
        """
        added = {name: (tasks, properties)}
        await self._verbs.change_sequences(self, {"added": added})

    async def add_sequences(
        self, sequences: Mapping[str, Iterable[Task | TaskConfig | str]]
    ) -> None:
        """Add several sequences, all of them or none; see `add_sequence`.

        :param sequences: the tasks of each, by its name
        """
        added = {name: (tasks, None) for name, tasks in sequences.items()}
        await self._verbs.change_sequences(self, {"added": added})

    async def update_sequence(
        self,
        name: str,
        tasks: Iterable[Task | TaskConfig | str] | None = None,
        properties: Mapping[str, Any] | None = None,
    ) -> None:
        """Give a sequence other tasks, or set properties; see `add_sequence`.

        Its runs go on as they are.

        :param tasks: all that it is to have; None leaves them as they are
        :param properties: those that are set; others stay. None for none
        :raises UsageError: where there is none of that name
        """
        updated = {name: (tasks, properties)}
        await self._verbs.change_sequences(self, {"updated": updated})

    async def rename_sequence(self, old_name: str, new_name: str) -> None:
        """Call a sequence otherwise; it has another id then. See `add_sequence`.

        :raises UsageError: where there is none of the old name, or one of the new
        """
        await self._verbs.change_sequences(self, {"renamed": {old_name: new_name}})

    async def remove_sequence(self, name: str) -> None:
        """Remove a sequence; its runs go on. See `add_sequence`.

        :raises UsageError: where there is none of that name
        """
        await self._verbs.change_sequences(self, {"removed": [name]})

    async def remove_sequences(self, sequence_names: Iterable[str]) -> None:
        """Remove several sequences, all of them or none; see `remove_sequence`."""
        await self._verbs.change_sequences(self, {"removed": sequence_names})

    async def is_deletable(self) -> Reasons:
        """Tell whether it can be deleted, as things are now; see
        `Orchestrator.is_deletable`.
        """
        return await self._verbs.is_deletable(self.id)

    async def set_primary(self) -> None:
        """Make it the primary scenario of its cycle; return when that is durable.

        The one that was primary before is not any more. On cancel it is done or not.

        :raises DoesNotBelongToACycle: where its config has no frequency
        :raises NotFound: where it was deleted
        """
        await self._verbs.promote(self)

    async def duplicate(
        self,
        creation_date: datetime | None = None,
        name: str | NotGiven | None = NOT_GIVEN,
        data: Iterable[str | DataNodeConfig] | bool = True,
        *,
        paths: Mapping[Any, str | os.PathLike[str]] | None = None,
        properties: Mapping[str, Any] | None = None,
        tags: Iterable[str] | None = None,
    ) -> Scenario:
        """Make a scenario that has what this one has; return when that is durable.

        Values that asyncflow keeps are not copied: both have the same file, until one is
        written again. What scenarios share is shared: with a date of the same cycle the
        data nodes of scope ``CYCLE``, too. Runs and subscriptions stay with this one. On
        cancel it is made or not, as a whole.

        :param creation_date: None for now; without a time zone it is in that of the store
        :param name: what people call it; that of this one, unless it is given
        :param data: the data nodes whose values it gets, by their configs or these' ids;
            others begin as in a new scenario. True for all of them, False for none
        :param paths: for files of yours (``default_path``), where copies of them go
        :param properties: added to those of this one
        :param tags: all that it is to have; None for those of this one
        :raises NotCopied: where a value is in a place of yours that both would have: a
            file without a path in `paths`, a table, a collection. Nothing is made then
        :raises UnauthorizedTag: where its config does not allow a tag
        :raises NotFound: where this one was deleted
        """
        return await self._verbs.duplicate(
            self,
            creation_date=creation_date,
            name=name,
            data=data,
            paths=paths,
            properties=properties,
            tags=tags,
        )

    async def diff(self, other: Scenario | str) -> ScenarioDiff:
        """Return what this scenario and another have otherwise, as they are now.

        Whether two data nodes have one version, one file or one content is looked at
        first; only other values are read, one data node after the other. Tables are
        compared cell by cell. On cancel nothing changes.

        :param other: it, or its id
        :raises NotFound: where one was deleted
        """
        return await self._verbs.diff(self, other)

    async def export(
        self,
        path: str | os.PathLike[str],
        data: bool = True,
        *,
        overwrite: bool = False,
    ) -> ExportedScenario:
        """Write it to a file that `Orchestrator.import_scenario` reads, for another store.

        It has the scenario and its data nodes, with the values that asyncflow keeps and
        files of yours, as they are at one moment. Runs are not in it, nor secrets, nor
        what is in tables, collections and buckets: the result says what was left out, as
        does a warning. The file is there as a whole, or not at all, also on cancel.

        :param data: whether values are written, too
        :param overwrite: whether a file that is there is replaced
        :raises UsageError: where a file is there already
        :raises NotFound: where it was deleted
        :raises OSError: where the file cannot be written
        """
        return await self._verbs.export(self, path, data=data, overwrite=overwrite)

    async def _owner(self) -> Owned | None:
        return self.cycle

    def subscribe(
        self, callback: Callable[..., object], params: Iterable[object] | None = None
    ) -> None:
        """Have a function called when the status of a job of this scenario changes.

        It is called as ``callback(*params, scenario, job)`` once the change is durable,
        for the runs of the scenario, of its sequences and of its tasks. ``job`` is a
        copy that stays as the job was then. A plain function is called in a thread, an
        ``async def`` function on the event loop; the calls of one subscription come one
        after the other, in the order of the changes. What it raises is logged.

        :param callback: what is called
        :param params: what it is given first; None for nothing
        """
        self._verbs.subscribe_scenario(callback, params, self)

    def unsubscribe(
        self, callback: Callable[..., object], params: Iterable[object] | None = None
    ) -> None:
        """End a subscription: what has not been called by now is not called any more.

        :param params: those of the subscription; None for whatever it has
        :raises ValueError: where there is no such subscription
        """
        self._verbs.unsubscribe_scenario(callback, params, self)

    _kinds = ("sequences", "tasks", "data_nodes")

    if TYPE_CHECKING:  # its parts

        def __getattr__(self, name: str) -> Any: ...

    if not TYPE_CHECKING:  # or each name would be one that can be set

        def __setattr__(self, name: str, value: object) -> None:
            if not name.startswith("_") and hasattr(self, "_ordered"):  # it is made
                from asyncflow.entities.remedies import set_part

                raise AttributeError(set_part(self, name, self._node_states, self.id))

            object.__setattr__(self, name, value)

    @overload
    def __getitem__(self, name: DataNodeConfig[T_co]) -> DataNode[T_co]: ...

    @overload
    def __getitem__(self, name: TaskConfig) -> Task: ...

    @overload
    def __getitem__(self, name: str) -> Any: ...

    def __getitem__(self, name: str | DataNodeConfig | TaskConfig) -> Any:
        """Return a sequence, a task or a data node, whatever it is called.

        :param name: its name or config id, also one that is an attribute of all
            scenarios, as ``"name"`` or ``"tasks"``; or its config
        :raises KeyError: where there is none
        """
        if isinstance(name, DataNodeConfig):
            return self.data_nodes[name.id]

        if isinstance(name, TaskConfig):
            return self.tasks[name.id]

        for kind in (self.sequences, self.tasks, self.data_nodes):
            if name in kind:
                return kind[name]

        raise KeyError(self._missing(name))

    def _known(self, name: str) -> str:
        if name not in self._node_states:
            remedy = one_of(name, self._node_states)
            raise UsageError(
                f"scenario {self.config_id!r} has no data node {name!r}: {remedy}"
            )

        return name

    def _missing(self, name: str) -> str:
        from asyncflow.entities.remedies import of_scenario

        known = (*self.sequences, *self._task_states, *self._node_states)
        hint = of_scenario(name, known, type(self))
        what = (
            f"scenario {self.config_id!r} has no sequence, task or data node {name!r}"
        )
        return f"{what}: {hint}" if hint else what

    def __dir__(self) -> list[str]:
        parts = (self.sequences, self._task_states, self._node_states)
        return [*super().__dir__(), *(name for part in parts for name in part)]

    def __repr__(self) -> str:
        label = f"{self.name!r} " if self.name else ""
        return f"<Scenario {self.config_id} {label}of {self.creation_date:%F %T}>"


def mark_deleted(scenario: Scenario) -> None:
    """Have a scenario and its tasks know that it was deleted."""
    scenario._is_deleted = True

    for task in scenario._task_states.values():
        task.deletion.is_done = True


def record_of(scenario: Scenario) -> ScenarioRecord:
    """Return the facts of a scenario."""
    return scenario._record


def take_record(scenario: Scenario, record: ScenarioRecord) -> None:
    """Have a scenario show what is kept of it now."""
    is_changed = record.sequences != scenario._record.sequences
    scenario._record = record

    if is_changed:
        tasks, verbs = scenario._task_states, scenario._verbs
        scenario._sequences = sequences_of(scenario.config, record, tasks, verbs)


def ordered_tasks(entity: Submittable, dag: Dag) -> tuple[TaskState, ...]:
    """Return the tasks of an entity that a graph has, in their order."""
    if isinstance(entity, Scenario) and dag is entity._dag:
        return entity._ordered

    return dag.pick(tasks_of(entity))
