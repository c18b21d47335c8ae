"""What entities are parts of: derived, as it is kept nowhere."""

from __future__ import annotations

from asyncflow import ids
from asyncflow.entities.data_node import DataNode
from asyncflow.entities.handle import Parents
from asyncflow.entities.scenario import Scenario
from asyncflow.entities.sequence import Sequence
from asyncflow.entities.task import Task
from asyncflow.recovery.loader import EntityLoader


async def parents(loader: EntityLoader, entity_id: str) -> Parents:
    """Return what an entity is a part of; see `Orchestrator.get_parents`."""
    found: Parents = {}

    match await loader.get(entity_id):
        case Sequence() as sequence:
            found["scenario"] = {await loader.get(sequence.owner_id)}
        case Task() as task:
            scenario = await loader.get(task.owner_id)
            assert isinstance(scenario, Scenario)
            found["scenario"] = {scenario}
            found["sequence"] = _sequences(scenario, {task.config_id})
        case DataNode() as node:
            found = {"scenario": set(), "sequence": set(), "task": set()}

            for scenario_id in await _scenario_ids(loader, node):
                scenario = await loader.get(scenario_id)
                assert isinstance(scenario, Scenario)
                tasks = [
                    task
                    for task in scenario.tasks.values()
                    if node.config_id in task.data_nodes
                ]
                found["scenario"].add(scenario)
                found["task"].update(tasks)
                found["sequence"] |= _sequences(
                    scenario, {task.config_id for task in tasks}
                )

    return {kind: some for kind, some in found.items() if some}


async def _scenario_ids(loader: EntityLoader, node: DataNode) -> list[str]:
    """Return the ids of the scenarios that have a data node."""
    owner_id, store = node.owner_id, loader.store

    if owner_id is None:
        configs = [
            config.id
            for config in loader.config.scenarios.values()
            if node.config_id in {one.id for one in config.data_node_configs}
        ]
        found = [await store.scenarios(config_id=config_id) for config_id in configs]
        return [record.id for records in found for record in records]

    if ids.kind_of(owner_id) == ids.SCENARIO:
        return [owner_id]

    configs = [
        config.id
        for config in loader.config.scenarios.values()
        if node.config_id in {one.id for one in config.data_node_configs}
    ]
    return [
        record.id
        for record in await store.scenarios(cycle_id=owner_id)
        if record.config_id in configs
    ]


def _sequences(scenario: Scenario, tasks: set[str]) -> set[Sequence]:
    """Return the sequences that have one of some tasks."""
    return {
        sequence
        for sequence in scenario.sequences.values()
        if not tasks.isdisjoint(sequence.tasks)
    }
