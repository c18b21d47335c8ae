"""Lineage: whether what a value was made from has been written since."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from asyncflow.config.sections import Scope, TaskConfig
from asyncflow.entities.scenario import Scenario
from asyncflow.entities.submittable import nodes_of
from asyncflow.runs.node import NodeState

if TYPE_CHECKING:
    from asyncflow.runtime.engine import Engine


async def is_up_to_date(engine: Engine, node: NodeState) -> bool:
    """Tell whether a data node is up to date; see `DataNode.is_up_to_date`."""
    sources = await (_shared if node.is_shared else _own)(engine, node)

    if node.version is None or not node.is_valid:
        return False

    written = [source.version.number for source in sources if source.version]
    return max(written, default=0) <= node.version.number


async def _own(engine: Engine, node: NodeState) -> list[NodeState]:
    scenario = await engine.loader.get(node.owner_id or "")
    assert isinstance(scenario, Scenario)
    nodes = nodes_of(scenario)
    names = ancestors(scenario.config.task_configs, node.config_id)
    return [nodes[name] for name in names]


async def _shared(engine: Engine, node: NodeState) -> list[NodeState]:
    """Return what it is made from of what its scenarios share."""
    found: dict[str, NodeState] = {node.id: node}

    for scenario in engine.loader.config.scenarios.values():
        configs = {config.id: config for config in scenario.data_node_configs}

        for name in ancestors(scenario.task_configs, node.config_id):
            if configs[name].scope is not Scope.SCENARIO:
                source = engine.identity_map.node(configs[name], "", "", node.owner_id)
                found[source.id] = source

    await engine.loader.take_shared([*found.values()])
    return [*found.values()]


def ancestors(tasks: Iterable[TaskConfig], name: str) -> set[str]:
    """Return the ids of the data nodes that a data node is made from, by whatever way."""
    writers = {output.id: task for task in tasks for output in task.output}
    found: set[str] = set()
    left = [name]

    while left:
        if (task := writers.get(left.pop())) is None:
            continue

        new = {source.id for source in task.input} - found
        found |= new
        left += new

    return found
