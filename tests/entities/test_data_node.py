"""Data nodes: what they tell without asking anybody."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from asyncflow.config import Configuration, Scope
from asyncflow.entities.data_node import DataNode
from asyncflow.errors import NotOpen
from asyncflow.records import DataNodeRecord
from asyncflow.runs.version import Version
from tests.support.entities import identity_map


def make(**options: Any) -> DataNode:
    config = Configuration().configure_data_node("n", **options)
    return identity_map("/work").node(config, "SCENARIO_s_1", "1")


def write(node: DataNode, at: datetime) -> None:
    if node.version is not None:
        node.older.append(node.version)

    node.version = Version(int(at.timestamp()) * 10**9, b"value")


AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_a_data_node_that_was_never_written() -> None:
    node = make()
    assert (node.versions, node.last_edit_date, node.expiration_date) == (
        (),
        None,
        None,
    )
    assert not node.is_valid
    assert not node.is_ready_for_reading
    assert repr(node) == "<DataNode n (pickle, never written)>"


def test_its_versions_begin_with_the_oldest() -> None:
    node = make(validity_period=HOUR)
    write(node, AT - HOUR)
    write(node, AT)
    assert [one.at for one in node.versions] == [AT - HOUR, AT]
    assert node.last_edit_date == AT
    assert node.expiration_date == AT + HOUR
    assert repr(node) == "<DataNode n (pickle, written 2026-01-02 03:04:05)>"


@pytest.mark.parametrize(
    ("period", "ago", "is_valid"),
    [
        (None, 1000 * HOUR, True),
        (2 * HOUR, HOUR, True),
        (HOUR, 2 * HOUR, False),
        (timedelta.max, HOUR, True),
    ],
)
def test_a_value_is_valid_for_its_period(
    period: timedelta | None, ago: timedelta, is_valid: bool
) -> None:
    node = make(validity_period=period)
    write(node, datetime.now(UTC) - ago)
    assert node.is_valid is is_valid
    assert node.is_ready_for_reading is is_valid


def test_a_locked_data_node_is_not_ready() -> None:
    node = make()
    write(node, AT)
    record = node.record()

    node.take_lock(record._replace(editor_id="ann"))
    assert node.is_locked
    assert node.edit_in_progress
    assert node.is_valid
    assert not node.is_ready_for_reading
    assert node.editor_expiration_date is None

    ends = time.time() + 60
    node.take_lock(record._replace(editor_id="ann", editor_expires=ends))
    assert node.is_locked
    assert node.editor_expiration_date == datetime.fromtimestamp(ends, UTC)
    assert node.record().editor_expires == ends


@pytest.mark.parametrize(
    ("editor_id", "seconds"), [("ann", -1.0), (None, None)], ids=["ended", "nobody"]
)
def test_a_lock_that_is_none(editor_id: str | None, seconds: float | None) -> None:
    node = make()
    expires = None if seconds is None else time.time() + seconds
    record = node.record()
    node.take_lock(record._replace(editor_id=editor_id, editor_expires=expires))
    assert not node.is_locked
    assert not node.edit_in_progress


def test_what_it_is_and_whose() -> None:
    own, shared = make(), make(scope=Scope.GLOBAL, storage_type="in_memory")
    assert (own.config_id, own.scope, own.storage_type) == (
        "n",
        Scope.SCENARIO,
        "pickle",
    )
    assert own.record() == DataNodeRecord(own.id, "n", "SCENARIO_s_1")
    assert shared.record() == DataNodeRecord("DATANODE_n_GLOBAL", "n", None)


def test_data_nodes_of_one_file_take_turns() -> None:
    config = Configuration()
    identities = identity_map("/work")
    nodes = [
        identities.node(config.configure_data_node(name, default_path=path), "s", "1")
        for name, path in (("a", "x.p"), ("b", "/work/x.p"), ("c", None))
    ]
    assert nodes[0].key == nodes[1].key == nodes[0].driver.place
    assert nodes[2].key == nodes[2].id


@pytest.mark.anyio
async def test_its_verbs_ask_who_is_open() -> None:
    node = make()
    with pytest.raises(NotOpen):
        await node.read()

    with pytest.raises(NotOpen):
        await node.write(1)

    with pytest.raises(NotOpen):
        await node.edits()

    with pytest.raises(NotOpen):
        await node.lock_edit("ann")

    with pytest.raises(NotOpen):
        await node.unlock_edit()
