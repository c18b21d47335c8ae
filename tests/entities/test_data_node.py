"""Data nodes: what they tell without asking anybody."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from asyncflow.config import Configuration, Scope
from asyncflow.entities.data_node import DataNode, data_node_of, node_of
from asyncflow.entities.edits import Edit
from asyncflow.errors import NotOpen
from asyncflow.runs.node import Version
from tests.support.entities import identity_map


def make(**options: Any) -> DataNode:
    config = Configuration().configure_data_node("n", **options)
    identities = identity_map("/work")
    node = identities.node(config, "SCENARIO_s_1", "1")
    return data_node_of(node, identities.verbs)


def write(data_node: DataNode, at: datetime) -> None:
    node_of(data_node).version = Version(int(at.timestamp()) * 10**9, b"value")


AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_a_data_node_that_was_never_written() -> None:
    node = make()
    assert (node.last_edit_date, node.expiration_date) == (None, None)
    assert not node.is_valid
    assert not node.is_ready_for_reading
    assert repr(node) == "<DataNode n (pickle, never written)>"


def test_it_says_when_it_was_written_last() -> None:
    node = make(validity_period=HOUR)
    write(node, AT - HOUR)
    write(node, AT)
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
    state = node_of(node)
    record = state.record()

    state.take_lock(record._replace(editor_id="ann"))
    assert node.is_locked
    assert node.edit_in_progress
    assert node.is_valid
    assert not node.is_ready_for_reading
    assert node.editor_expiration_date is None

    ends = time.time() + 60
    state.take_lock(record._replace(editor_id="ann", editor_expires=ends))
    assert node.is_locked
    assert node.editor_expiration_date == datetime.fromtimestamp(ends, UTC)
    assert state.record().editor_expires == ends


@pytest.mark.parametrize(
    ("editor_id", "seconds"), [("ann", -1.0), (None, None)], ids=["ended", "nobody"]
)
def test_a_lock_that_is_none(editor_id: str | None, seconds: float | None) -> None:
    node = make()
    expires = None if seconds is None else time.time() + seconds
    state = node_of(node)
    record = state.record()
    state.take_lock(record._replace(editor_id=editor_id, editor_expires=expires))
    assert not node.is_locked
    assert not node.edit_in_progress


def test_what_it_is_and_whose() -> None:
    own, shared = make(), make(scope=Scope.GLOBAL, storage_type="in_memory")
    assert (own.config_id, own.scope, own.storage_type) == (
        "n",
        Scope.SCENARIO,
        "pickle",
    )
    assert (own.owner_id, shared.owner_id) == ("SCENARIO_s_1", None)
    assert shared.id == "DATANODE_n_GLOBAL"


def test_there_is_one_handle_at_a_time() -> None:
    node, other = make(), make()
    assert data_node_of(node_of(node), identity_map().verbs) is node
    assert node_of(node) is not node_of(other)


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


def test_an_edit_is_plain_data() -> None:
    edit = Edit(
        version=5,
        at=datetime(2026, 1, 2, tzinfo=UTC),
        job_id=None,
        editor_id="ann",
        comment="",
        is_kept=True,
    )
    plain = edit.as_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert (plain["at"], plain["version"]) == ("2026-01-02T00:00:00+00:00", 5)
