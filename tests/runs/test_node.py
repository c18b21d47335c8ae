"""The state of a data node."""

from __future__ import annotations

from typing import Any

import pytest

from asyncflow.config import Configuration, Scope
from asyncflow.records import DataNodeRecord
from asyncflow.runs.node import NodeState, Version
from asyncflow.worker.values import INLINE
from tests.support.entities import identity_map


def make(**options: Any) -> NodeState:
    config = Configuration().configure_data_node("n", **options)
    return identity_map("/work").node(config, "SCENARIO_s_1", "1")


def test_its_versions_begin_with_the_oldest() -> None:
    node = make()
    known = list(node.versions)
    assert known == []
    assert repr(node) == "<DataNode n (pickle, never written)>"
    first, last = Version(1, b"first"), Version(2, b"last")
    node.older, node.version = [first], last
    known = list(node.versions)
    assert known == [first, last]


def test_what_a_store_keeps_of_it() -> None:
    own, shared = make(), make(scope=Scope.GLOBAL, storage_type="in_memory")
    assert own.record() == DataNodeRecord(own.id, "n", "SCENARIO_s_1")
    assert shared.record() == DataNodeRecord("DATANODE_n_GLOBAL", "n", None)
    own.take_lock(own.record()._replace(editor_id="ann", editor_expires=5.0))
    assert own.record() == DataNodeRecord(own.id, "n", "SCENARIO_s_1", "ann", 5.0)


def test_data_nodes_of_one_file_take_turns() -> None:
    config = Configuration()
    identities = identity_map("/work")
    nodes = [
        identities.node(config.configure_data_node(name, default_path=path), "s", "1")
        for name, path in (("a", "x.p"), ("b", "/work/x.p"), ("c", None))
    ]
    assert nodes[0].key == nodes[1].key == nodes[0].driver.place
    assert nodes[2].key == nodes[2].id


@pytest.mark.parametrize(
    ("value", "options", "is_at_once"),
    [
        (21, {}, True),
        ("text", {}, True),
        ("x" * (INLINE + 1), {}, False),
        ([21], {}, False),
        (21, {"storage_type": "json"}, False),
        (21, {"storage_type": "in_memory"}, False),
        (21, {"default_path": "there.p"}, False),
        (21, {"validator": bool}, False),
    ],
)
def test_only_what_is_plain_is_kept_at_once(
    value: object, options: dict[str, Any], is_at_once: bool
) -> None:
    assert make(**options).keeps_at_once(value) is is_at_once
