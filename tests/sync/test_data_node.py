"""The blocking data node."""

from __future__ import annotations

import pandas as pd
import pytest

import asyncflow.sync as tp
from asyncflow import Configuration, DataNodeIsBeingEdited
from tests.support import flows
from tests.support.sync import orchestrator as orchestrator


@pytest.mark.smoke
@pytest.mark.usefixtures("orchestrator")
def test_it_has_the_verbs_of_the_async_one(config: Configuration) -> None:
    node = tp.create_scenario(flows.single(config, flows.double, 5)).source
    assert isinstance(node, tp.DataNode)
    assert node.read() == 5
    node.lock_edit("ann")

    with pytest.raises(DataNodeIsBeingEdited):
        node.write(6, editor_id="bob")

    node.write(6, editor_id="ann", comment="more")
    node.unlock_edit("ann")
    assert (node.read(), node.editor_id) == (6, None)
    first, last = node.edits()
    assert (last.editor_id, last.comment) == ("ann", "more")
    assert node.read(version=last.version) == 6
    assert node.last_edit_date == last.at > first.at


@pytest.mark.usefixtures("orchestrator")
def test_its_value_is_iterated_and_read_once(config: Configuration) -> None:
    scenario = tp.create_scenario(flows.single(config, flows.double, [1, 2]))
    assert list(scenario.source) == [1, 2]
    assert 2 in scenario.source
    scenario.source.write(pd.DataFrame({"a": [1, 2]}))
    assert [row["a"] for row in scenario.source] == [1, 2]
    scenario.source.write(5)

    with pytest.raises(TypeError, match="not iterable"):
        list(scenario.source)


@pytest.mark.usefixtures("orchestrator")
def test_a_scenario_has_names_and_is_not_iterable(config: Configuration) -> None:
    scenario = tp.create_scenario(flows.single(config, flows.double, 5))
    assert "source" in scenario
    assert "other" not in scenario

    with pytest.raises(TypeError, match="iterate its data_nodes"):
        list(scenario)
