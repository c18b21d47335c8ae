"""What entities are parts of: derived, as it is kept nowhere."""

from __future__ import annotations

from asyncflow import ids
from asyncflow.entities.data_node import DataNode
from asyncflow.entities.handle import Parents
from asyncflow.entities.scenario import Scenario
from asyncflow.entities.sequence import Sequence
from asyncflow.entities.task import Task
from asyncflow.recovery import many
from asyncflow.recovery.loader import EntityLoader


async def parents(loader: EntityLoader, entity_id: str) -> Parents:
    """Return what an entity is a part of; see `Orchestrator.get_parents`."""
    found: Parents = {}

    match await loader.get(entity_id):
        case Sequence() as sequence:
            found["scenario"] = {await loader.get(sequence.owner_id)}
        case Task() as task:
            found = {"scenario": set(), "sequence": set()}

            for scenario in await _scenarios(loader, task):
                if task in scenario.tasks.values():
                    found["scenario"].add(scenario)
                    found["sequence"] |= _sequences(scenario, {task.config_id})
        case DataNode() as node:
            found = {"scenario": set(), "sequence": set(), "task": set()}

            for scenario in await _scenarios(loader, node):
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


async def _scenarios(loader: EntityLoader, part: DataNode | Task) -> list[Scenario]:
    """Return the scenarios that have a data node, or may have a task."""
    owner_id = part.owner_id

    if owner_id is not None and ids.kind_of(owner_id) == ids.SCENARIO:
        scenario = await loader.get(owner_id)
        assert isinstance(scenario, Scenario)
        return [scenario]

    is_task = isinstance(part, Task)
    configs = [
        config.id
        for config in loader.config.scenarios.values()
        for known in (config.task_configs if is_task else config.data_node_configs)
        if known.id == part.config_id
    ]
    found = [
        record
        for config_id in configs
        for record in await loader.store.scenarios(
            config_id=config_id, cycle_id=owner_id
        )
    ]
    return await many.scenarios(loader, found)


def _sequences(scenario: Scenario, tasks: set[str]) -> set[Sequence]:
    """Return the sequences that have one of some tasks."""
    return {
        sequence
        for sequence in scenario.sequences.values()
        if not tasks.isdisjoint(sequence.tasks)
    }
