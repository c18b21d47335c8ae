"""What type checkers know of values: mypy checks each `assert_type` here."""

from __future__ import annotations

from typing import Any, assert_type

import pytest

from asyncflow import (
    Configuration,
    DataNode,
    DataNodeConfig,
    Orchestrator,
    Submission,
    Task,
    sync,
)
from tests.support.flows import configuration

Node = DataNodeConfig
"""Without a type of its values, these may be any."""


def double(number: int) -> float:
    return number * 2.0


@pytest.fixture
def config() -> Configuration:
    return configuration("development")


def test_a_config_knows_what_its_values_are(config: Configuration) -> None:
    assert_type(config.configure_data_node("a", default_data=21), DataNodeConfig[int])
    assert_type(
        config.configure_data_node("b", default_data=None), DataNodeConfig[None]
    )
    assert_type(config.configure_data_node("c"), DataNodeConfig[Any])
    table = config.configure_in_memory_data_node("d", default_data={"x": [1]})
    assert_type(table, DataNodeConfig[dict[str, list[int]]])
    pickled = config.configure_pickle_data_node("e", None, "text")
    assert_type(pickled, DataNodeConfig[str])
    assert_type(config.configure_json_data_node("f", default_data=1.5), Node[float])
    annotated: DataNodeConfig[str] = config.configure_data_node("g")
    assert_type(annotated, DataNodeConfig[str])
    bare: DataNodeConfig = annotated
    assert_type(bare, DataNodeConfig[Any])
    assert config.problems() == ()


def test_a_decorated_function_is_typed_as_before(config: Configuration) -> None:
    @config.task(output="result")
    def work(x: int, y: str = "") -> str:
        return y * x

    assert_type(work(2, y="a"), str)


@pytest.mark.anyio
async def test_a_read_gives_what_the_config_says(config: Configuration) -> None:
    source = config.configure_data_node("source", default_data=21)
    result: DataNodeConfig[float] = config.configure_data_node("result")
    work = config.configure_task("work", double, source, result)
    cfg = config.configure_scenario("flow", work)

    async with Orchestrator(config, store=":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg, inputs={source: 2})
        assert_type(scenario[source], DataNode[int])
        assert_type(await scenario[source].read(), int)
        assert_type(scenario[source].config, DataNodeConfig[int])
        assert_type(scenario[work], Task)
        assert_type(scenario.data_nodes["source"], DataNode[Any])
        run = await scenario.submit()
        assert_type(run, Submission)
        assert_type(await run.read(result), float)
        assert_type(await scenario[result].read(), float)
        assert scenario[source] is scenario["source"] is scenario.source
        assert scenario[work] is scenario.work
        assert await scenario[source].read() == await run.read(source) == 2
        assert await run.read(result) == await scenario[result].read() == 4.0

        with pytest.raises(KeyError, match="other"):
            scenario[config.configure_data_node("other")]


def test_the_blocking_face_is_typed_alike(config: Configuration) -> None:
    source = config.configure_data_node("source", default_data=21)
    result: DataNodeConfig[float] = config.configure_data_node("result")
    work = config.configure_task("work", double, source, result)
    cfg = config.configure_scenario("flow", work)

    with sync.Orchestrator(config, ":memory:"):
        scenario = sync.create_scenario(cfg, source=3)
        assert_type(scenario[source], sync.DataNode[int])
        assert_type(scenario[source].read(), int)
        assert_type(scenario[work], sync.Task)
        run = scenario.submit(wait=True, source=5)
        assert_type(run.read(result), float)
        assert (scenario[source].read(), run.read(result)) == (3, 10.0)
        assert run.inputs["source"].read() == 5
        assert run.inputs["source"].is_given
        assert run.inputs["source"].data_node == scenario[source]
        assert run.inputs["source"].submission.id == run.id
        named = sync.create_scenario(cfg, name="x", exist_ok=True, inputs={source: 4})
        again = sync.create_scenario(cfg, name="x", exist_ok=True)
        assert (again.id, again[source].read()) == (named.id, 4)
        sync.submit(again, wait=True, source=6)
        assert again[result].read() == 12.0
