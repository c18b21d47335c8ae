"""Kinds: one section of each is checked, and each that is wrong is told."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from weakref import ref

from asyncflow.config import Configuration, DataNodeConfig
from asyncflow.config.checks.sections import Kinds
from asyncflow.errors import Problem

APART = frozenset({"id", "properties"})


def kinds() -> Kinds[DataNodeConfig]:
    return Kinds(DataNodeConfig, APART)


def check(node: DataNodeConfig) -> Iterator[Problem]:
    if node.keep_versions == 3:
        yield Problem(section=node.label, field="", message="", remedy="")


def test_one_of_each_kind_is_checked(config: Configuration) -> None:
    checked: list[str] = []
    found = kinds()

    def note(node: DataNodeConfig) -> Iterator[Problem]:
        checked.append(node.id)
        return check(node)

    for index in range(5):
        same = config.configure_data_node(f"same_{index}", color="red")
        other = config.configure_data_node(f"other_{index}", keep_versions=2)
        assert [*found.problems(same, note), *found.problems(other, note)] == []

    assert checked == ["same_0", "other_0"]


def test_each_that_is_wrong_is_told(config: Configuration) -> None:
    found = kinds()
    nodes = [
        config.configure_data_node(f"n{index}", keep_versions=3) for index in range(3)
    ]
    told = [
        problem.section for node in nodes for problem in found.problems(node, check)
    ]
    assert told == ["DATA_NODE.n0", "DATA_NODE.n1", "DATA_NODE.n2"]


def test_what_made_a_kind_stays_as_long_as_its_identity_counts() -> None:
    config, found = Configuration(), kinds()

    class Validator:
        def validate(self, value: object) -> None: ...

    validator = Validator()
    kept = ref(validator)
    node = config.configure_data_node("n", validator=validator)
    assert [*found.problems(node, check)] == []
    config.clear()
    del node, validator
    gc.collect()
    assert kept() is not None
    del found
    gc.collect()
    assert kept() is None
