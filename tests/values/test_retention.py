"""Versions stay as long as somebody reads or holds them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Container
from pathlib import Path

import attrs
import pytest
from anyio import create_task_group, to_thread

from asyncflow import Configuration, Orchestrator
from asyncflow.entities.data_node import node_of
from asyncflow.records import VersionRecord
from asyncflow.runs.node import NodeState, Version
from asyncflow.stores.memory import MemoryStore
from asyncflow.task_group import Tasks
from asyncflow.values.files import Garbage, ValueFiles
from asyncflow.values.retention import Retention
from asyncflow.values.sharing import StoreSharing

pytestmark = pytest.mark.anyio


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "a.value"
    path.write_bytes(b"value")
    return str(path)


@pytest.fixture
async def node(config: Configuration) -> AsyncIterator[NodeState]:
    cfg = config.configure_scenario("s", None, config.configure_data_node("node"))

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        yield node_of(scenario.node)


@pytest.fixture
async def retention() -> AsyncIterator[Retention]:
    """Give one that waits with the removal of files until its garbage is collected."""
    async with MemoryStore() as store, create_task_group() as group:
        garbage = Garbage(
            store, ValueFiles("/"), Tasks(group), StoreSharing(is_shared=True)
        )
        yield Retention(store, "ORCHESTRATOR_a", garbage)
        await garbage.close()


async def is_there(retention: Retention, file: str) -> bool:
    await retention.garbage.close()
    return await to_thread.run_sync(os.path.exists, file)


async def test_what_is_dropped_stays_while_it_is_read(
    retention: Retention, node: NodeState, file: str
) -> None:
    version = Version(1, file)
    retention.pin(version)
    retention.pin(version)
    assert not retention.drop(node, version).is_kept

    retention.unpin(version)
    assert await is_there(retention, file)

    retention.unpin(version)
    assert not await is_there(retention, file)


async def test_what_is_read_stays_unless_it_is_dropped(
    retention: Retention, file: str
) -> None:
    version = Version(1, file)
    retention.pin(version)
    retention.unpin(version)
    assert await is_there(retention, file)


async def test_what_is_held_stays_in_the_store_too(
    retention: Retention, node: NodeState, file: str
) -> None:
    version = Version(1, file)
    retention.hold(version)
    retention.hold(version)
    kept = retention.drop(node, version)
    assert (kept.is_kept, kept.kept) == (True, os.path.basename(file))
    assert kept.holder_id == retention.holder_id

    assert not retention.end_hold(version)
    assert await is_there(retention, file)

    retention.let_go(node, version, is_deleted=True)
    assert not await is_there(retention, file)


@attrs.define
class Holding:
    retention: Retention
    known: Container[str | None] = frozenset({None})

    def keep(self, _: NodeState, version: Version) -> None:
        self.retention.hold(version)


async def test_who_asks_for_it_is_told_before_a_version_goes(
    retention: Retention, node: NodeState, file: str
) -> None:
    version = Version(1, file)
    retention.results = Holding(retention)
    assert retention.drop(node, version).is_kept
    assert await is_there(retention, file)


async def test_what_waits_to_be_saved_says_what_is_so_by_then(
    retention: Retention, node: NodeState, file: str
) -> None:
    kept, held, dropped = (Version(number, file) for number in (3, 2, 1))
    records = [
        VersionRecord(node.id, one.number, "a.value") for one in (kept, held, dropped)
    ]
    retention.hold(held)
    retention.drop(node, held)
    retention.drop(node, dropped)

    same, still, gone = retention.again((kept, held, dropped), records)

    assert same is records[0]
    assert (still.kept, still.is_kept, still.holder_id) == (
        "a.value",
        True,
        "ORCHESTRATOR_a",
    )
    assert (gone.kept, gone.is_kept) == (None, False)
