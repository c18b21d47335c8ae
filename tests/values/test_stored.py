"""Data nodes know what the store has, also what others have written."""

from __future__ import annotations

import pytest

from asyncflow import Configuration, DataNode, Orchestrator, Scope
from asyncflow.entities.data_node import node_of
from asyncflow.values.retention import older_of
from asyncflow.values.stored import chain

pytestmark = pytest.mark.anyio


async def shared(config: Configuration, orchestrator: Orchestrator) -> DataNode:
    """Return a data node that keeps two versions beside the current one."""
    node = config.configure_data_node(
        "node", scope=Scope.GLOBAL, default_data=0, keep_versions=2
    )
    cfg = config.configure_scenario("s", None, node)
    return (await orchestrator.create_scenario(cfg)).data_nodes["node"]


async def test_the_last_versions_of_others_are_known_after_a_look(
    config: Configuration, one: Orchestrator, other: Orchestrator
) -> None:
    here, there = await shared(config, one), await shared(config, other)

    for value in range(1, 6):
        await there.write(value)

    assert await here.read() == 5
    numbers = [version.number for version in node_of(here).versions]
    assert numbers == [version.number for version in node_of(there).versions]
    assert [await here.read(version=number) for number in numbers] == [3, 4, 5]


async def test_the_last_records_that_are_kept_can_be_read(
    config: Configuration, one: Orchestrator
) -> None:
    node = await shared(config, one)

    for value in range(1, 6):
        await node.write(value)

    records = await one.store.versions(node_ids=[node.id])
    state = node_of(node)
    assert older_of(state) == 2
    assert [record.number for record in chain(state, records)] == [
        version.number for version in state.versions
    ]
