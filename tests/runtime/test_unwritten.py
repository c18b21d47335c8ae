"""Why a data node has no value yet: what became of the job that should write it."""

from __future__ import annotations

from collections.abc import Callable

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
