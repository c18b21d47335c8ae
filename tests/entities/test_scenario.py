"""Scenarios: what they consist of, by name."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest

from asyncflow import Configuration, Orchestrator
from asyncflow.entities.scenario import ordered_tasks, record_of
from asyncflow.entities.submittable import dag_of, tasks_of
from asyncflow.errors import UsageError
from tests.support.entities import identity_map, make_scenario
from tests.support.flows import chain, configuration, double

pytestmark = [pytest.mark.anyio, pytest.mark.blocking_jobs]


@pytest.fixture
def config() -> Configuration:
    return configuration()


@pytest.mark.smoke
async def test_attributes_of_all_handles_are_fine_as_ids(config: Configuration) -> None:
    first = config.configure_data_node("input", default_data=1)
    last = config.configure_data_node("name")
    middle = config.configure_data_node("output")
    read = config.configure_task("read", lambda one: one + 1, first, middle)
    write = config.configure_task("write", lambda one: one * 10, middle, last)
    cfg = config.configure_scenario("s", [read, write], sequences={"tasks": [read]})

    async with Orchestrator(config, store=":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg, name="mine")
        await scenario.submit()
        assert scenario.name == "mine"
        assert scenario["read"] is scenario.tasks["read"]
        assert scenario["tasks"] is scenario.sequences["tasks"]
        assert await scenario["name"].read() == 20
        assert await scenario.output.read() == 2
        assert await scenario.tasks["write"].input["output"].read() == 2


async def test_what_is_missing_is_said_with_what_was_meant(
    config: Configuration,
) -> None:
    node = config.configure_data_node("my_output", default_data=1)
    cfg = config.configure_scenario("s", additional_data_node_configs=node)

    async with Orchestrator(config, store=":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        with pytest.raises(AttributeError, match="did you mean 'my_output'"):
            _ = scenario.my_ouput

        with pytest.raises(KeyError, match="did you mean 'my_output'"):
            _ = scenario["my_ouput"]

        with pytest.raises(AttributeError, match=r"data node 'x'$"):
            _ = scenario.x


@pytest.mark.parametrize(
    ("name", "meant"),
    [("creation_dat", "'creation_date'"), ("my_inptu", "did you mean 'my_input'")],
)
async def test_no_property_of_a_scenario_looks_like_an_option(
    config: Configuration, name: str, meant: str
) -> None:
    node = config.configure_data_node("my_input", default_data=1)
    cfg = config.configure_scenario("s", additional_data_node_configs=node)

    async with Orchestrator(config, store=":memory:") as orchestrator:
        free: dict[str, Any] = {name: 1}

        with pytest.raises(TypeError, match=meant):
            await orchestrator.create_scenario(cfg, **free)


async def test_what_a_scenario_was_created_with_cannot_be_set() -> None:
    config = configuration()
    node = config.configure_data_node("a", default_data=1)
    cfg = config.configure_scenario("s", additional_data_node_configs=node)

    async with Orchestrator(config, store=":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg, name="mine", color="red")

        for name, value in (("name", "x"), ("creation_date", None), ("properties", {})):
            with pytest.raises(AttributeError, match=f"'{name}' of SCENARIO_s_"):
                setattr(scenario, name, value)

        properties: Any = scenario.properties

        with pytest.raises(TypeError):
            properties["color"] = "blue"

        assert scenario.name == "mine"
        assert scenario.properties == {"color": "red"}


async def test_a_scenario_lists_its_parts() -> None:
    config = Configuration()
    more = config.configure_data_node("more")
    task = config.configure_task("t", double, config.configure_data_node("n"), None)
    cfg = config.configure_scenario("s", task, more, sequences={"one": task}, unit="kg")
    scenario = await make_scenario(cfg, owner="ann")
    assert list(scenario.data_nodes) == ["n", "more"]
    assert scenario.additional_data_nodes == {"more": scenario.more}
    assert scenario.scenario_id == scenario.id
    assert {"t", "n", "more", "one", "submit"} <= {*dir(scenario)}
    assert scenario.properties == {"unit": "kg", "owner": "ann"}

    with pytest.raises(AttributeError, match=r"no attribute '_hidden'$"):
        _ = scenario._hidden


async def test_a_read_of_what_there_is_not_names_what_there_is() -> None:
    config = Configuration()
    node = config.configure_data_node("rates")
    cfg = config.configure_scenario("s", additional_data_node_configs=node)
    scenario = await make_scenario(cfg)
    why = "'s' has no data node 'rate': did you mean 'rates'"

    with pytest.raises(UsageError, match=why):
        await scenario.read("rate")


async def test_several_values_are_read_in_the_order_of_their_names(
    config: Configuration,
) -> None:
    nodes = [config.configure_data_node(one, default_data=one * 2) for one in "ab"]
    cfg = config.configure_scenario("s", additional_data_node_configs=nodes)

    async with Orchestrator(config, store=":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        assert await scenario.read("b", "a") == ("bb", "aa")
        assert await scenario.read() == ()


async def test_the_facts_of_a_scenario() -> None:
    cfg = chain(Configuration(), double)
    identities = identity_map()
    await identities.prepare(cfg)
    at = datetime(2026, 1, 2, tzinfo=UTC)
    scenario = await identities.new_scenario(cfg, at, "mine", {"x": 1})
    record = record_of(scenario)
    assert (record.id, record.config_id) == (scenario.id, cfg.id)
    assert (record.name, record.properties) == ("mine", {"x": 1})
    assert type(record.properties) is dict  # a view of it cannot be pickled
    assert repr(scenario) == "<Scenario chain 'mine' of 2026-01-02 00:00:00>"

    now = time.time()
    scenario = await identities.new_scenario(cfg, None, None, {})
    assert now <= record_of(scenario).created


async def test_the_tasks_of_a_graph_in_its_order() -> None:
    scenario = await make_scenario(chain(Configuration(), double, double, double))
    tasks = tasks_of(scenario)
    assert ordered_tasks(scenario, dag_of(scenario)) == tuple(tasks.values())
    part = dag_of(scenario).part({"t2", "t0"})
    assert ordered_tasks(scenario, part) == (tasks["t0"], tasks["t2"])
    assert ordered_tasks(scenario.t1, dag_of(scenario.t1)) == (tasks["t1"],)
