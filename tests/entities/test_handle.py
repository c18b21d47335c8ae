"""What users hold: handles, and those of a scenario's parts by name."""

from __future__ import annotations

import pytest

from asyncflow.config import Configuration
from asyncflow.entities.data_node import DataNode, data_node_of
from asyncflow.entities.handle import HandleMap
from asyncflow.entities.submittable import nodes_of, verbs_of
from tests.support import flows
from tests.support.entities import make_scenario

pytestmark = pytest.mark.anyio


async def test_it_gives_the_one_handle_of_each_state() -> None:
    scenario = await make_scenario(flows.chain(Configuration(), flows.double))
    states = nodes_of(scenario)
    handles = HandleMap(states, verbs_of(scenario), data_node_of)
    name, *_ = states

    assert list(handles) == list(states)
    assert len(handles) == len(states)
    assert name in handles
    assert "other" not in handles
    handle = handles[name]
    assert isinstance(handle, DataNode)
    assert handle is handles[name] is scenario[name]
    assert handles == dict(handles)
    assert repr(handles) == repr(dict(handles))

    with pytest.raises(KeyError, match="there is no 'other': choose one of"):
        handles["other"]

    with pytest.raises(KeyError, match=f"did you mean '{name}'"):
        handles[f"{name}s"]


async def test_a_scenario_has_names_and_is_not_iterable() -> None:
    scenario = await make_scenario(flows.chain(Configuration(), flows.double))
    (name, *_), (task, *_) = scenario.data_nodes, scenario.tasks
    assert name in scenario
    assert task in scenario
    assert scenario[name].config in scenario
    assert "other" not in scenario
    assert 0 not in scenario

    with pytest.raises(TypeError, match="iterate its data_nodes, tasks or sequences"):
        list(scenario)


async def test_who_iterates_a_data_node_is_told_to_read_it() -> None:
    scenario = await make_scenario(flows.chain(Configuration(), flows.double))
    node = next(iter(scenario.data_nodes.values()))

    with pytest.raises(
        TypeError, match=r"a DataNode cannot be iterated: read it first"
    ):
        list(node)  # type: ignore[call-overload]

    with pytest.raises(TypeError):
        5 in node  # type: ignore[operator]  # noqa: B015
