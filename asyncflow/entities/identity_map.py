"""The identity map: makes the entities of an orchestrator, and knows those in use."""

from __future__ import annotations

import os
import time
from collections.abc import Container, Generator, Mapping
from contextlib import nullcontext
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias
from weakref import WeakKeyDictionary, WeakSet, WeakValueDictionary

import attrs
from anyio import to_thread

from asyncflow import ids
from asyncflow.abc import Driver, is_address
from asyncflow.config.checks.data_nodes import fields_of
from asyncflow.config.dag import Dag
from asyncflow.config.data_node import owning
from asyncflow.config.sections import DataNodeConfig, ScenarioConfig, Scope, TaskConfig
from asyncflow.entities.directory import Directory
from asyncflow.entities.scenario import (
    Scenario,
    ScenarioVerbs,
    mark_deleted,
    ordered_tasks,
)
from asyncflow.entities.sequence import sequences_of
from asyncflow.entities.submission import Run
from asyncflow.entities.submittable import Submittable, nodes_of
from asyncflow.gc_pause import pause_gc
from asyncflow.options import RunOptions
from asyncflow.records import (
    BasisRecord,
    CycleRecord,
    DataNodeRecord,
    ScenarioRecord,
    SubmissionRecord,
)
from asyncflow.runs.node import NodeState
from asyncflow.runs.run import Run as RunOf
from asyncflow.runs.task import Deletion, TaskState, has_shared_basis, id_of
from asyncflow.slices import SLICE, at_once, in_turns

if TYPE_CHECKING:
    from asyncflow.entities.cycle import Cycle
    from asyncflow.entities.drivers import Drivers

MOMENT = 1000
"""By how many nanoseconds a submit is later than what it reads, where a clock has gone
back: a time in seconds tells no fewer."""

LARGE = 10_000
"""From how many tasks on no garbage is collected while a scenario is made."""

Entity: TypeAlias = "Scenario | NodeState | Run | Cycle"


class IdentityMap:
    """Makes entities; of each there is one object as long as anybody uses it.

    Of data nodes and runs that is the state: it has one handle at a time, as that of a
    task has. A scenario is found, and has its tasks.

    :param verbs: what the entities' verbs ask
    :param drivers: makes the drivers of the data nodes
    :param directory: where they begin in this process
    """

    def __init__(
        self,
        verbs: ScenarioVerbs,
        drivers: Drivers,
        directory: Directory,
    ) -> None:
        self.verbs = verbs
        self.drivers = drivers
        self.directory = directory
        self.version: str | None = None
        """That of the application, which new scenarios get; None for none."""
        self._in_use: WeakValueDictionary[str, Entity] = WeakValueDictionary()
        self._deletions: WeakValueDictionary[str, Deletion] = WeakValueDictionary()
        """Those of scenarios in use, or of which tasks are."""
        self.bases: dict[str, BasisRecord] = {}
        """Those of the tasks that scenarios share, by their ids."""
        self._templates: WeakSet[ScenarioConfig] = WeakSet()
        """Those of which paths are templates."""
        self._dags: WeakKeyDictionary[ScenarioConfig, Dag] = WeakKeyDictionary()

    @property
    def known(self) -> Container[str | None]:
        """The ids of all that is in use, and of what has just ceased to be: to ask whether
        one is not in use, without a call.
        """
        data: Container[str | None] = self._in_use.data  # type: ignore[attr-defined]  # typeshed lacks it
        return data

    def find(self, entity_id: str) -> Entity | None:
        """Return an entity that is in use, or None."""
        return self._in_use.get(entity_id)

    def submissions(self) -> list[Run]:
        """Return the submissions that are in use."""
        entities = list(self._in_use.values())
        return [entity for entity in entities if isinstance(entity, RunOf)]

    def forget(self, entity_id: str) -> None:
        """Let an entity go that was deleted, and with a scenario all that is its own."""
        for key, entity in list(self._in_use.items()):
            if entity_id in (entity.id, _scenario_id(entity)):
                self._in_use.pop(key, None)

                if isinstance(entity, Scenario):
                    mark_deleted(entity)
                elif isinstance(entity, NodeState):  # who reads is told so
                    entity.version, entity.older = None, ()

        if (deletion := self._deletions.pop(entity_id, None)) is not None:
            deletion.is_done = True

        if ids.kind_of(entity_id) == ids.CYCLE:
            for basis in [*self.bases.values()]:
                if basis.scenario_id == entity_id:
                    del self.bases[basis.task_id]

    async def prepare(self, config: ScenarioConfig) -> None:
        """Build the graph of a config, and find its files, where that holds up nobody."""
        if config not in self._dags:
            self._dags[config] = await to_thread.run_sync(self._prepared, config)

    def has_templates(self, config: ScenarioConfig) -> bool:
        """Tell whether paths of a config, which was prepared, are templates."""
        return config in self._templates

    def _prepared(self, config: ScenarioConfig) -> Dag:
        if any(
            "{" in node.default_path and fields_of(node.default_path)
            for node in config.data_node_configs
            if node.default_path is not None
        ):
            self._templates.add(config)

        for node in owning(config.data_node_configs):
            self.driver(node).locate()

        return Dag.of(config.task_configs)

    async def new_scenario(
        self,
        config: ScenarioConfig,
        creation_date: datetime | None,
        name: str | None,
        properties: Mapping[str, Any],
        cycle: Cycle | None = None,
    ) -> Scenario:
        """Make a scenario; its data nodes have no version yet, unless they are shared.

        :param config: one that was prepared
        On cancel nothing is left of it.

        :param creation_date: aware; None for now
        """
        record = ScenarioRecord(
            ids.of_scenario(config.id, ids.new_key()),
            config.id,
            name,
            _now() if creation_date is None else creation_date.timestamp(),
            {**config.properties, **properties},
            cycle_id=None if cycle is None else cycle.id,
            version=self.version,
        )
        making = self._making(config, record, cycle, is_found=True)

        # The collector would look at each object of a large one many times, for nothing.
        with pause_gc() if len(config.task_configs) >= LARGE else nullcontext():
            return await in_turns(making)

    def make_scenario(
        self,
        config: ScenarioConfig,
        record: ScenarioRecord,
        cycle: Cycle | None = None,
        *,
        is_found: bool = True,
    ) -> Scenario:
        """Make the object of a scenario, of its tasks and its data nodes.

        :param cycle: that of the record
        :param is_found: whether these are what is found under their ids from now on
        """
        return at_once(self._making(config, record, cycle, is_found=is_found))

    def _making(
        self,
        config: ScenarioConfig,
        record: ScenarioRecord,
        cycle: Cycle | None,
        *,
        is_found: bool,
    ) -> Generator[None, None, Scenario]:
        scenario_id, cycle_id = record.id, record.cycle_id
        key = ids.key_of(scenario_id)
        nodes: dict[str, NodeState] = {}
        tasks: dict[str, TaskState] = {}
        dag, deletion = self._dags[config], Deletion()

        if is_found:
            deletion = self._deletions.setdefault(scenario_id, deletion)

        for node in config.data_node_configs:
            nodes[node.id] = self.node(node, scenario_id, key, cycle_id)

            if not len(nodes) % SLICE:
                yield

        if (label := record.version) is not None:
            for state in nodes.values():
                state.label = None if state.is_shared else label

        for task in config.task_configs:
            own_id = ids.of_task(task.id, scenario_id)
            task_id = id_of(task, scenario_id, cycle_id) if dag.shared else own_id
            made = self._task(task_id, task, record, nodes, deletion)
            tasks[task.id] = made
            made.label = label

            if not len(tasks) % SLICE:
                yield

        scenario = Scenario(
            id=scenario_id,
            config=config,
            dag=dag,
            record=record,
            cycle=cycle,
            tasks=tasks,
            data_nodes=nodes,
            sequences=sequences_of(config, record, tasks, self.verbs),
            verbs=self.verbs,
        )

        if is_found:
            self._in_use[scenario_id] = scenario

        return scenario

    def cycle(self, record: CycleRecord, *, is_new: bool = False) -> Cycle:
        """Return the cycle of a record, which shows what that says.

        :param is_new: whether the record is only what it would be, if it were new
        """
        from asyncflow.entities import cycle as module

        found = self._in_use.get(record.id)

        if isinstance(found, module.Cycle):
            if not is_new:
                module.take_cycle(found, record)

            return found

        made = module.Cycle(record, self.verbs)
        self._in_use[record.id] = made
        return made

    def remember(self, entity: Entity) -> None:
        """Have an entity found by its id as long as anybody uses it."""
        self._in_use[entity.id] = entity

    def new_submission(
        self, key: str, entity: Submittable, dag: Dag, options: RunOptions
    ) -> Run:
        """Make a submission with its jobs, in an order in which they can run.

        It is found by its id once it is remembered.

        :param dag: the tasks that it has, of those of the entity
        """
        return RunOf(
            key=key,
            entity=entity,
            dag=dag,
            first_tasks=ordered_tasks(entity, dag),
            options=options.kept(),
            submitted=_time_of_submit(entity, dag),
        )

    def make_submission(
        self, entity: Submittable, dag: Dag, record: SubmissionRecord
    ) -> Run:
        """Make the object of a submission; what became of its jobs is not told.

        :param dag: the tasks that it has, of those of the entity
        """
        run = RunOf(
            key=ids.key_of(record.id),
            entity=entity,
            dag=dag,
            first_tasks=ordered_tasks(entity, dag),
            options=RunOptions(
                run_timeout=record.run_timeout,
                priority=record.priority,
                properties=record.properties,
                force=record.force,
                wait_for_data=record.waits,
                on_failure="stop" if record.on_failure == "stop" else "continue",
            ),
            submitted=record.submitted,
        )
        self.remember(run)
        return run

    def node(
        self,
        config: DataNodeConfig,
        scenario_id: str,
        key: str,
        cycle_id: str | None = None,
    ) -> NodeState:
        """Return the data node of a config: a new one, or the one that is in use."""
        own = config.scope is Scope.SCENARIO
        owner_id = scenario_id if own else None

        if cycle_id is not None and config.scope is Scope.CYCLE:
            key = owner_id = cycle_id
        elif not own:
            key = config.scope.value

        node_id = ids.of_node(config.id, key)
        found = self._in_use.get(node_id)

        if isinstance(found, NodeState):
            return found

        node = NodeState(
            id=node_id,
            config=config,
            owner_id=owner_id,
            driver=self.driver(config),
            directory=self._told_from(config),
            is_shared=not own,
        )
        self._in_use[node_id] = node
        return node

    def driver(self, config: DataNodeConfig) -> Driver:
        """Return the driver of the data nodes of a config, in this process."""
        return self.drivers.driver_in(self.directory.path, config)

    def take(self, node: NodeState, record: DataNodeRecord) -> None:
        """Take over what a store has of a data node: its lock, what was changed of it,
        and where its file is.
        """
        node.take_lock(record)
        is_moved = node.take_attributes(record.attributes)

        if None not in (record.directory, node.directory) and (
            record.directory != node.directory
        ):
            node.directory, is_moved = record.directory, True

        if is_moved:
            node.driver = self.driver_at(node, node.path)

    def driver_at(self, node: NodeState, path: str | None) -> Driver:
        """Return the driver of a data node with another path than its config's."""
        directory = node.directory
        place = (
            self.directory.path
            if directory is None
            else self.directory.found(directory)
        )
        config = node.config

        if path == config.default_path:
            return self.drivers.driver_in(place, config)

        made = self.drivers.driver_in(place, attrs.evolve(config, default_path=path))
        made.makes_folder = bool(fields_of(config.default_path or ""))
        made.is_moved = True
        return made

    def _told_from(self, config: DataNodeConfig) -> str | None:
        """Return where the path of a data node begins, if that has to be known."""
        path = config.default_path

        if path is None or is_address(path) or os.path.isabs(os.path.expanduser(path)):
            return None

        return self.directory.recorded

    def _task(
        self,
        task_id: str,
        config: TaskConfig,
        record: ScenarioRecord,
        nodes: Mapping[str, NodeState],
        deletion: Deletion,
    ) -> TaskState:
        inputs = {node.id: nodes[node.id] for node in config.input}

        if config.skippable:
            for node in inputs.values():
                node.is_compared = True

        return TaskState(
            id=task_id,
            config=config,
            scenario_id=record.id,
            input=inputs,
            output={node.id: nodes[node.id] for node in config.output},
            shared_bases=self.bases if has_shared_basis(config) else None,
            cycle_id=record.cycle_id,
            deletion=deletion,
        )


def _time_of_submit(entity: Submittable, dag: Dag) -> float:
    """Return the time, or a later one where a clock has gone back.

    Who takes a run over has it read what was made by its submit: so that comes after all
    that it reads.
    """
    now, nodes = time.time(), nodes_of(entity)
    number = 0

    for name in dag.sources:
        version = nodes[name].version

        if version is not None and version.number > number:
            number = version.number

    return now if number <= now * 1e9 else (number + MOMENT) / 1e9


def _now() -> float:
    """Return the time in seconds since the epoch, as exactly as a datetime has it."""
    return round(time.time(), 6)


def _scenario_id(entity: Entity) -> str | None:
    match entity:
        case NodeState():
            return entity.owner_id
        case RunOf():
            return entity.entity.scenario_id

    return None
