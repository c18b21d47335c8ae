"""What a run would do with each task, and why."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from asyncflow import (
    Configuration,
    Orchestrator,
    PlannedJob,
    Submission,
)
from tests.support import flows
from tests.support.flows import statuses


@pytest.fixture
async def orchestrator(config: Configuration) -> AsyncIterator[Orchestrator]:
    async with Orchestrator(config) as opened:
        yield opened


def reasons(submission: Submission) -> list[str]:
    return [job.reason for job in submission.jobs]


@pytest.mark.anyio
async def test_a_run_says_why_it_ran_or_was_skipped(
    config: Configuration, orchestrator: Orchestrator
) -> None:
    raw = config.configure_in_memory_data_node("raw", default_data=1)
    model = config.configure_in_memory_data_node("model")
    score = config.configure_in_memory_data_node("score")
    factor = 2

    def fit(value: int) -> int:
        return value * factor

    tasks = [
        config.configure_task("fit", fit, raw, model, skippable=True),
        config.configure_task("evaluate", flows.double, model, score, skippable=True),
    ]
    cfg = config.configure_scenario("training", tasks)
    scenario = await orchestrator.create_scenario(cfg)
    same = "its function and its inputs are the same"

    assert scenario.plan() == (
        PlannedJob(task="fit", runs=True, reason="it has not run yet"),
        PlannedJob(task="evaluate", runs=True, reason="`model` will be written by fit"),
    )
    first = await scenario.submit()
    assert reasons(first) == ["it has not run yet"] * 2

    assert [job.runs for job in scenario.plan()] == [False, False]
    again = await scenario.submit()
    assert statuses(again.jobs) == ["SKIPPED", "SKIPPED"]
    assert reasons(again) == [same, same]

    factor = 1
    assert scenario.plan()[0].reason == "`fit` changed"
    assert reasons(await scenario.submit()) == [
        "`fit` changed",
        "`model` has a new version",
    ]

    await scenario.raw.write(5)
    assert scenario.plan()[0].reason == "`raw` has a new version"
    await scenario.submit()

    await scenario.score.write(0)
    assert scenario.plan() == (
        PlannedJob(task="fit", runs=False, reason=same),
        PlannedJob(
            task="evaluate",
            runs=True,
            reason="`score` was written by something else",
        ),
    )
    assert scenario.evaluate.plan()[0].runs
    await scenario.submit()

    assert {job.reason for job in scenario.plan(force=True)} == {"the run is forced"}
    assert reasons(await scenario.submit(force=True)) == ["the run is forced"] * 2
    assert not any(job.runs for job in scenario.plan())
    assert await scenario.score.read() == 10
