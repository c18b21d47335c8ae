"""Why a data node has no value yet: what became of the job that should write it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from asyncflow import Configuration, NoData, Orchestrator, Scenario
from asyncflow.runtime.unwritten import why_unwritten
from tests.support import flows

pytestmark = pytest.mark.anyio


async def scenario_of(
    config: Configuration, orchestrator: Orchestrator, function: Callable[..., object]
) -> Scenario:
    source = config.configure_data_node("source", default_data=1)
    result = config.configure_data_node("result")
    task = config.configure_task("work", function, source, result, executor="thread")
    cfg = config.configure_scenario("s", task)
    return await orchestrator.create_scenario(cfg)


async def test_the_job_that_failed_is_the_cause(
    config: Configuration, one: Orchestrator
) -> None:
    scenario = await scenario_of(config, one, flows.fail)
    run = await scenario.submit().wait()
    why = await why_unwritten(one.store, scenario, scenario.result)
    (job,) = run.jobs
    assert why == (f"{job.id} of task 'work', which writes it, is FAILED: {job.reason}")

    with pytest.raises(NoData) as caught:
        await scenario.result.read()

    assert why in str(caught.value)


async def test_nothing_is_the_cause_where_no_job_has_failed(
    config: Configuration, one: Orchestrator
) -> None:
    scenario = await scenario_of(config, one, flows.identity)
    assert await why_unwritten(one.store, scenario, scenario.result) == ""
    assert await why_unwritten(one.store, scenario, scenario.source) == ""
    await scenario.submit()
    assert await why_unwritten(one.store, scenario, scenario.result) == ""


async def test_a_value_in_memory_of_an_earlier_start_is_said_to_be_that(
    tmp_path: Path,
) -> None:
    config = flows.configuration("development")
    node = config.configure_data_node("node", "in_memory")
    cfg = config.configure_scenario("s", None, node)
    store = tmp_path / "runs.db"

    async with Orchestrator(config, store) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        with pytest.raises(NoData, match="was never written: give it"):
            await scenario.node.read()

        await scenario.node.write(1)

    for anew in (Configuration(), config):  # whether or not it is declared
        async with Orchestrator(anew, store) as orchestrator:
            again = await orchestrator.get(scenario.id)
            assert isinstance(again, Scenario)

            with pytest.raises(NoData, match="values in memory end with") as caught:
                await again.node.read()

            assert not caught.value.is_durable
