"""Outputs: what a run has written."""

from __future__ import annotations

import pytest

from asyncflow import (
    Configuration,
    Orchestrator,
    Scenario,
)
from tests.support import flows

pytestmark = pytest.mark.anyio


async def test_outputs_are_what_the_run_has_written(
    config: Configuration, path: str
) -> None:
    source = config.configure_data_node("source", default_data=21)
    middle = config.configure_data_node("middle", keep_versions=9)
    result = config.configure_data_node("result")
    gone = config.configure_data_node("gone")
    tasks = [
        config.configure_task("double", flows.double, source, middle, skippable=True),
        config.configure_task("again", flows.double, middle, result),
        config.configure_task("work", flows.fail, source, gone),
    ]
    cfg = config.configure_scenario("flow", tasks)

    async with (
        Orchestrator(config, path) as one,
        Orchestrator(config, path) as other,
    ):
        scenario = await one.create_scenario(cfg)
        first = await scenario.submit().wait()
        assert list(first.outputs) == ["middle", "result"]
        output = first.outputs["middle"]
        assert output.data_node is scenario.middle
        assert output.job.task.config_id == "double"

        second = await scenario.submit().wait()
        assert second.outputs["middle"].job.status == "SKIPPED"
        assert await second.outputs["middle"].edit() == await output.edit()

        theirs = await other.get_submission(first.id)
        await other.get_scenario(scenario.id)
        assert isinstance(theirs.entity, Scenario)
        await theirs.entity.middle.write(0)
        await theirs.entity.source.write(1)
        third = await scenario.submit().wait()
        assert await output.read() == await theirs.outputs["middle"].read() == 42
        assert await third.outputs["result"].read() == 4
        edit = await output.edit()
        assert (edit.job_id, edit.is_kept) == (output.job.id, True)

        assert await first.outputs["result"].read() == 84
        edit = await first.outputs["result"].edit()
        assert not edit.is_kept
