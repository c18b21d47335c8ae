"""What users hold: handles, and those of a scenario's parts by name."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from asyncflow import Frequency, NotPicklable, Orchestrator
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


@pytest.mark.parametrize(
    "path",
    [
        *("scenario", "scenario.source", "scenario.work", "scenario.part"),
        *("submission", "job", "output", "cycle", "orchestrator"),
    ],
)
async def test_a_handle_cannot_be_passed_on(path: str) -> None:
    config = flows.configuration("development")
    flows.single(config, flows.double, 5)
    cfg = config.configure_scenario(
        "daily", config.tasks["work"], frequency=Frequency.DAILY
    )

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.add_sequence("part", ["work"])
        submission = await scenario.submit()
        known: dict[str, Any] = {
            "scenario": scenario,
            "submission": submission,
            "job": submission.jobs[0],
            "output": submission.outputs["result"],
            "cycle": scenario.cycle,
            "orchestrator": orchestrator,
        }
        name, _, part = path.partition(".")
        handle = getattr(known[name], part) if part else known[name]
        said = f"an? {type(handle).__name__} is of the program that opened its orchest"

        for copied in (pickle.dumps, copy.deepcopy):
            with pytest.raises(NotPicklable, match=said):
                copied(handle)

        with pytest.raises(NotPicklable, match=said) as caught:
            await scenario.source.write({"handle": [handle]})

        assert caught.value.path.endswith("['handle'][0]")

        if handle is not orchestrator:
            assert copy.copy(handle) is handle
