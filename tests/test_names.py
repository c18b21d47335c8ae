"""Names of data nodes, tasks and sequences; names of options."""

from __future__ import annotations

from typing import Any

import pytest

from asyncflow import Configuration, Orchestrator
from tests.flows import configuration

pytestmark = [pytest.mark.anyio, pytest.mark.blocking_jobs]


@pytest.fixture
def config() -> Configuration:
    return configuration()


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
        assert scenario["read"] is scenario.tasks["read"] is scenario.read
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
    [
        ("time_out", "did you mean 'timeout'"),
        ("forced", "did you mean 'force'"),
        ("on_fail", "did you mean 'on_failure'"),
        ("my_input", "one: write it with `await scenario.my_input.write"),
        ("wait", "no option wait"),
    ],
)
async def test_no_property_of_a_run_looks_like_an_option(
    config: Configuration, name: str, meant: str
) -> None:
    node = config.configure_data_node("my_input", default_data=1)
    task = config.configure_task("t", str, node)
    cfg = config.configure_scenario("s", task)

    async with Orchestrator(config, store=":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        options: dict[str, Any] = {name: 1}

        for entity in (scenario, scenario.t):
            with pytest.raises(TypeError, match=meant):
                entity.submit(**options)

        submission = await scenario.submit(owner="ann")
        assert submission.properties == {"owner": "ann"}


@pytest.mark.parametrize(
    ("name", "meant"),
    [("creation_dat", "'creation_date'"), ("my_input", "is one: write it")],
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
