"""Global data nodes: those that all scenarios share, made before any scenario is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anyio import to_thread

from asyncflow.config import Configuration
from asyncflow.config.checks.values import no_section
from asyncflow.config.section import key_of
from asyncflow.config.sections import DataNodeConfig, Scope, T
from asyncflow.entities.data_node import DataNode, data_node_of
from asyncflow.errors import ConfigError, UsageError
from asyncflow.notify.entities import new
from asyncflow.values import first_versions

if TYPE_CHECKING:
    from asyncflow.runtime.engine import Engine


async def global_node(
    engine: Engine, config: Configuration, section: DataNodeConfig[T] | str
) -> DataNode[T]:
    """Return the data node of a config; see `Orchestrator.create_global_data_node`."""
    declared = _declared(config, section)

    if declared.scope is not Scope.GLOBAL:
        raise UsageError(
            f"data node {declared.id!r} has the scope {declared.scope.value}, and goes "
            "with its scenario: create_scenario() makes it, or declare it with "
            "scope=Scope.GLOBAL"
        )

    if declared.owns_place:
        driver = engine.identity_map.driver(declared)
        await to_thread.run_sync(driver.locate)

    node = engine.identity_map.node(declared, "", "")
    await engine.loader.take_shared([node])
    is_new = node.version is None
    values = await engine.versions.defaults([node])
    engine.store.save(node.record(), *values)
    await engine.store.flush()
    await first_versions.settle(engine.versions, [node], values)

    if is_new and engine.bus.hears_entities:
        engine.bus.tell([new(node.id, node.config_id)])

    found: DataNode[T] = data_node_of(node, engine.identity_map.verbs)
    return found


def _declared(
    config: Configuration, section: DataNodeConfig[T] | str
) -> DataNodeConfig[T]:
    if isinstance(section, DataNodeConfig):
        return config.resolve(section)

    if (found := config.data_nodes.get(key_of(section))) is None:
        raise ConfigError([no_section("DATA_NODE", section, config.data_nodes)])

    return found
