"""The loader: brings entities back from the store."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, TypeAlias
from weakref import WeakValueDictionary

from anyio import Lock

from asyncflow import ids
from asyncflow.abc import Store
from asyncflow.config import Configuration
from asyncflow.config.dag import Dag
from asyncflow.config.sections import DataNodeConfig, ScenarioConfig, Scope
from asyncflow.entities.data_node import DataNode, data_node_of
from asyncflow.entities.identity_map import IdentityMap
from asyncflow.entities.job import Job
from asyncflow.entities.scenario import Scenario, take_record
from asyncflow.entities.sequence import Sequence
from asyncflow.entities.submission import Run, Submission, handle_of, job_handle_of
from asyncflow.entities.submittable import Submittable, dag_of, nodes_of, tasks_of
from asyncflow.entities.task import Task
from asyncflow.errors import NotDeclared, NotFound, RecordDamaged
from asyncflow.options import Page
from asyncflow.records import (
    CycleRecord,
    DataNodeRecord,
    JobRecord,
    ScenarioRecord,
    SubmissionRecord,
)
from asyncflow.runs.node import NodeState
from asyncflow.runs.restoring import restore
from asyncflow.runs.run import Run as RunOf
from asyncflow.runs.task import has_shared_basis
from asyncflow.values import first_versions
from asyncflow.values.versions import Versions

if TYPE_CHECKING:
    from asyncflow.entities.cycle import Cycle

Entity: TypeAlias = "Scenario | Cycle | Sequence | Task | DataNode | Submission | Job"

Migrated: TypeAlias = Callable[
    [ScenarioRecord, ScenarioConfig], Awaitable[ScenarioRecord]
]

NOT_HERE = "which this program does not declare"

LOOKED_AT = Page(newest_first=True, limit=20)
"""Which runs tell of the tasks of a scenario that is not declared."""


class EntityLoader:
    """Makes the objects of what is in the store, unless they are in use.

    :param config: what entities are made from
    """

    def __init__(
        self,
        config: Configuration,
        store: Store,
        identity_map: IdentityMap,
        versions: Versions,
    ) -> None:
        self.config = config
        self.store = store
        self.identity_map = identity_map
        self.versions = versions
        self.migrated: Migrated | None = None
        """Brings a scenario of an older version of the application up to date."""
        self._locks: WeakValueDictionary[str, Lock] = WeakValueDictionary()
        """For each id, who brings it back; a submission's before that of its scenario."""

    async def get(self, entity_id: str) -> Entity:
        """Return an entity of whatever kind, as the store has it now.

        What the configuration lacks, or has otherwise, is made from what the store
        tells of it: it can be read, and cannot run.

        :raises NotFound: where there is none with this id
        """
        match ids.kind_of(entity_id):
            case ids.SCENARIO:
                return await self._scenario(entity_id)
            case ids.SEQUENCE | ids.TASK:
                from asyncflow.recovery import parts

                return await parts.part(
                    self.store, self.config, self._scenario, entity_id
                )
            case ids.DATA_NODE:
                return await self._node(entity_id)
            case ids.CYCLE:
                return await self.cycle(entity_id)
            case ids.SUBMISSION:
                return handle_of(await self._submission(entity_id))
            case ids.JOB:
                return await self._job(entity_id)

        raise NotFound(entity_id)

    async def scenario_of(self, run: Run) -> Scenario:
        """Return the scenario of a run, whichever part of it was submitted."""
        scenario_id = run.entity.scenario_id

        for found in (run.entity, self.identity_map.find(scenario_id)):
            if isinstance(found, Scenario):
                return found

        entity = await self.get(scenario_id)
        assert isinstance(entity, Scenario)
        return entity

    async def submission(self, record: SubmissionRecord) -> Run:
        """Return the submission of a record, which is to go on.

        :raises NotDeclared: where it cannot go on with this configuration
        """
        async with self.lock(record.id):
            run = await self._submission_of(record)
            restore(run, record, await self.jobs(record.id))
            return run

    async def jobs(self, submission_id: str) -> dict[str, JobRecord]:
        """Return what is kept of the jobs of a submission, by their ids."""
        records = await self.store.jobs(submission_id=submission_id)
        return {record.id: record for record in records}

    async def cycle(self, cycle_id: str) -> Cycle:
        """Return a cycle, as the store has it now.

        :raises NotFound: where there is none with this id
        """
        record = await self.store.get(cycle_id)

        if not isinstance(record, CycleRecord):
            raise NotFound(cycle_id)

        return self.identity_map.cycle(record)

    async def shared(
        self, config: ScenarioConfig, cycle_id: str | None = None
    ) -> list[NodeState]:
        """Return the data nodes that scenarios share, with the versions there are.

        :param cycle_id: the cycle of the scenario; None for none
        """
        nodes = [
            self.identity_map.node(node, "", "", cycle_id)
            for node in config.data_node_configs
            if node.scope is not Scope.SCENARIO
        ]
        await self.take_shared(nodes)

        if any(has_shared_basis(task) for task in config.task_configs):
            await self.refresh_bases(nodes)

        return nodes

    async def take_shared(self, nodes: list[NodeState]) -> None:
        """Take over what the store has of data nodes that scenarios share."""
        await self.versions.stored.refresh(nodes)
        await self._find_files(nodes)

    async def refresh_bases(self, nodes: Iterable[NodeState]) -> None:
        """Look what the outputs of tasks follow from that scenarios share.

        :param nodes: with those outputs
        """
        for owner_id in {node.owner_id or "" for node in nodes if node.is_shared}:
            for basis in await self.store.bases(owner_id):
                self.identity_map.bases[basis.task_id] = basis

    def lock(self, entity_id: str) -> Lock:
        """Return the lock of an id. It is there as long as somebody has it."""
        lock = self._locks.get(entity_id)

        if lock is None:
            lock = self._locks[entity_id] = Lock()

        return lock

    async def _scenario(self, scenario_id: str) -> Scenario:
        async with self.lock(scenario_id):
            return await self._scenario_alone(scenario_id)

    async def _scenario_alone(self, scenario_id: str) -> Scenario:
        found = self.identity_map.find(scenario_id)

        if isinstance(found, Scenario) and not self.is_outdated(found):
            if self.versions.is_shared:
                await self._look(found)
                await self.fill(found)

            return found

        record = await self.store.get(scenario_id)

        if not isinstance(record, ScenarioRecord):
            raise NotFound(scenario_id)

        config = self.config.scenarios.get(record.config_id)

        if config is None:
            runs = await self.store.submissions(scenario_id=scenario_id, page=LOOKED_AT)
            graphs = [run.graph for run in runs]
            config = await self._undeclared(record, NOT_HERE, graphs)

        else:
            config = self.config.settled(config)

            if self.migrated is not None:
                record = await self.migrated(record, config)

        scenario = await self._made(record, config)
        await self.fill(scenario)
        return scenario

    async def _look(self, scenario: Scenario) -> None:
        """See what others have changed of a scenario that is in use."""
        with suppress(RecordDamaged):  # what is known stays
            record = await self.store.get(scenario.id)

            if isinstance(record, ScenarioRecord):
                take_record(scenario, record)

                if record.cycle_id is not None:
                    await self.cycle(record.cycle_id)

    def is_outdated(self, scenario: Scenario) -> bool:
        """Tell whether a scenario was brought back before its config was declared."""
        return (
            not scenario.config.is_declared
            and scenario.config_id in self.config.scenarios
        )

    async def _made(
        self, record: ScenarioRecord, config: ScenarioConfig, *, is_found: bool = True
    ) -> Scenario:
        await self.identity_map.prepare(config)
        cycle = record.cycle_id and await self.cycle(record.cycle_id)
        return self.identity_map.make_scenario(
            config, record, cycle or None, is_found=is_found
        )

    async def _undeclared(
        self, record: ScenarioRecord, why: str, graphs: Iterable[str]
    ) -> ScenarioConfig:
        from asyncflow.recovery.undeclared import scenario_config

        owners = {record.id: Scope.SCENARIO, record.cycle_id: Scope.CYCLE}
        scopes = {
            node.config_id: owners[owner_id]
            for owner_id in reversed(owners)
            if owner_id is not None
            for node in await self.store.data_nodes(owner_id=owner_id)
        }
        return scenario_config(
            record.id, record.config_id, why, scopes=scopes, graphs=graphs
        )

    async def _find_files(self, nodes: Iterable[NodeState]) -> None:
        """Take over what others have made of shared data nodes: where the files of those
        with relative paths are, and what was changed of them.
        """
        known = {node.id: node for node in nodes}

        for record in await self.store.data_nodes(node_ids=known) if known else ():
            self.identity_map.take(known[record.id], record)

    async def fill(self, *scenarios: Scenario) -> None:
        """Take over what the store has of the data nodes and tasks of scenarios."""
        nodes = {
            node.id: node
            for scenario in scenarios
            for node in nodes_of(scenario).values()
        }
        shared = [node for node in nodes.values() if node.is_shared]
        # First: where they are deleted meanwhile, that is seen below.
        await self.versions.stored.refresh(nodes.values())
        found = await self.store.data_nodes(node_ids=nodes)

        for record in found:
            self.identity_map.take(nodes[record.id], record)

        there = {record.owner_id for record in found}

        for scenario in scenarios:
            if scenario.id not in there and not all(
                node.is_shared for node in nodes_of(scenario).values()
            ):
                await self._check_there(scenario.id)

        for scenario in scenarios:
            tasks = {
                ids.of_task(name, scenario.id): task
                for name, task in tasks_of(scenario).items()
            }

            if any(task.config.skippable for task in tasks.values()):
                for basis in await self.store.bases(scenario.id):
                    if basis.task_id in tasks:
                        tasks[basis.task_id].restore_basis(basis)

        if any(
            has_shared_basis(task.config)
            for scenario in scenarios
            for task in tasks_of(scenario).values()
        ):
            await self.refresh_bases(shared)

        # What was in memory has gone with its orchestrator: it begins anew.
        anew = [node for node in nodes.values() if not node.driver.is_durable]
        begun = await self.versions.defaults(anew)
        self.store.save(*begun)
        await first_versions.settle(self.versions, anew, begun)

    async def _check_there(self, scenario_id: str) -> None:
        """Let a scenario go that another process has deleted.

        :raises NotFound: where it has
        """
        with suppress(RecordDamaged):  # it is there
            if await self.store.get(scenario_id) is None:
                self.identity_map.forget(scenario_id)
                raise NotFound(scenario_id)

    async def _node(self, node_id: str) -> DataNode:
        record = await self.store.get(node_id)

        if not isinstance(record, DataNodeRecord):
            raise NotFound(node_id)

        if record.owner_id is not None and not ids.is_shared(record.id):
            scenario = await self._scenario(record.owner_id)
            return scenario.data_nodes[record.config_id]

        config = self.config.data_nodes.get(record.config_id)

        if config is None:
            is_global = record.id.endswith(f"_{Scope.GLOBAL.value}")
            scope = Scope.GLOBAL if is_global else Scope.CYCLE
            config = DataNodeConfig(id=record.config_id, scope=scope)

        node = self.identity_map.node(config, "", "", record.owner_id)
        self.identity_map.take(node, record)
        await self.versions.stored.refresh([node])
        return data_node_of(node, self.identity_map.verbs)

    async def _submission(self, submission_id: str) -> Run:
        async with self.lock(submission_id):
            return await self._submission_alone(submission_id)

    async def _submission_alone(self, submission_id: str) -> Run:
        found = self.identity_map.find(submission_id)

        if isinstance(found, RunOf):
            return found

        record = await self.store.get(submission_id)

        if not isinstance(record, SubmissionRecord):
            raise NotFound(submission_id)

        try:
            return await self._submission_of(record)
        except NotDeclared as error:
            entity = await self._entity_then(record, error.why)
            return await self._restored(entity, dag_of(entity), record)

    async def _submission_of(self, record: SubmissionRecord) -> Run:
        found = self.identity_map.find(record.id)

        if isinstance(found, RunOf) and found.dag.is_declared:
            return found

        entity = await self._entity(record)
        return await self._restored(entity, _dag(entity, record), record)

    async def _restored(
        self, entity: Submittable, dag: Dag, record: SubmissionRecord
    ) -> Run:
        """Make a submission. What its jobs do that has not ended, its owner tells."""
        run = self.identity_map.make_submission(entity, dag, record)
        from asyncflow.values.inputs import RunInputs

        run.given = await RunInputs(self.store, self.versions).of(run, run.id)
        is_over = record.finished is not None
        restore(run, record, await self.jobs(record.id) if is_over else {})
        return run

    async def _entity(self, record: SubmissionRecord) -> Submittable:
        scenario = await self._scenario(record.scenario_id)

        if not scenario.config.is_declared:
            raise NotDeclared(record.id, scenario.config_id, NOT_HERE)

        for entity in (
            scenario,
            *scenario.sequences.values(),
            *scenario.tasks.values(),
        ):
            if entity.id == record.entity_id:
                return entity

        why = f"which has no {record.entity_id} any more"
        raise NotDeclared(record.id, scenario.config_id, why)

    async def _entity_then(self, record: SubmissionRecord, why: str) -> Submittable:
        """Return what was submitted, as it was then."""
        kept = await self.store.get(record.scenario_id)

        if not isinstance(kept, ScenarioRecord):
            raise NotFound(record.scenario_id)

        config = await self._undeclared(kept, why, [record.graph])
        scenario = await self._made(kept, config, is_found=False)

        for entity in (scenario, *scenario.tasks.values()):
            if entity.id == record.entity_id:
                return entity

        name = ids.name_of(record.entity_id, scenario.id)
        return Sequence(
            id=record.entity_id,
            name=name,
            owner_id=scenario.id,
            tasks=tasks_of(scenario),
            verbs=self.identity_map.verbs,
        )

    async def _job(self, job_id: str) -> Job:
        try:
            run = await self._submission(ids.submission_of(job_id))
        except NotFound:
            raise NotFound(job_id) from None

        if run.is_finished and await self.store.get(job_id) is None:
            raise NotFound(job_id)  # it was deleted by itself

        for job in run.jobs:
            if job.id == job_id:
                return job_handle_of(run, job)

        raise NotFound(job_id)


def _dag(entity: Submittable, record: SubmissionRecord) -> Dag:
    """Return the graph of a run, which may be of some of the tasks alone.

    :raises NotDeclared: where these are others now
    """
    dag = dag_of(entity)

    if dag.text == record.graph:
        return dag

    part = dag.part({task for task, *_ in json.loads(record.graph)})

    if part.text == record.graph:
        return part

    config_id = ids.config_of(record.scenario_id)
    why = "which has other tasks now, or others' inputs and outputs, than when it began"
    raise NotDeclared(record.id, config_id, why)
