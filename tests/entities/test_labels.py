"""Labels for people, and parents, which are derived."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from asyncflow import Configuration, Frequency, NotFound, Orchestrator, Scope
from tests.support.flows import double

pytestmark = [pytest.mark.anyio, pytest.mark.blocking_jobs]

MAY = datetime(2026, 5, 5, tzinfo=UTC)


async def test_each_has_a_label_after_those_of_its_owners(
    config: Configuration,
) -> None:
    source = config.configure_data_node("source", default_data=5)
    cycle = config.configure_data_node("cycle", scope=Scope.CYCLE)
    result = config.configure_data_node("result", label="the result")
    task = config.configure_task("work", double, source, result)
    cfg = config.configure_scenario(
        "s", task, cycle, sequences={"part": task}, frequency=Frequency.MONTHLY
    )

    async with Orchestrator(config, store=":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg, MAY, "A")
        submission = await scenario.part.submit()
        (job,) = submission.jobs
        assert scenario.cycle is not None
        assert scenario.owner_id == scenario.cycle.id
        labels = {
            scenario.cycle: ["2026-05"],
            scenario: ["2026-05", "A"],
            scenario.part: ["2026-05", "A", "part"],
            scenario.work: ["2026-05", "A", "work"],
            scenario.source: ["2026-05", "A", "source"],
            scenario["cycle"]: ["2026-05", "cycle"],
            scenario.result: ["2026-05", "A", "the result"],
            job: ["2026-05", "A", "work", "work"],
            submission: ["2026-05", "A", "part", submission.id],
        }

        for entity, parts in labels.items():
            assert entity.get_simple_label() == parts[-1]
            assert await entity.get_label() == " > ".join(parts)

        await scenario.update(properties={"label": "final"})
        assert await scenario.work.get_label() == "2026-05 > final > work"
        work = scenario.work
        await orchestrator.delete(scenario.id)

        with pytest.raises(NotFound):
            await work.get_label()


async def test_parents_are_those_that_there_are(config: Configuration) -> None:
    source = config.configure_data_node("source", default_data=5)
    shared = config.configure_data_node("shared", scope=Scope.GLOBAL)
    first = config.configure_task("first", double, source, shared)
    result = config.configure_data_node("result")
    second = config.configure_task("second", double, shared, result)
    cfg = config.configure_scenario("s", [first, second], sequences={"part": [first]})
    alone = config.configure_scenario("alone", [], shared)

    async with Orchestrator(config, store=":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        other = await orchestrator.create_scenario(alone)
        found = orchestrator.get_parents
        assert await found(scenario) == {}
        assert await found(scenario.part.id) == {"scenario": {scenario}}
        both = {"scenario": {scenario}, "sequence": {scenario.part}}
        assert await scenario.first.get_parents() == both
        assert await scenario.second.get_parents() == {"scenario": {scenario}}
        assert await scenario.source.get_parents() == both | {"task": {scenario.first}}
        assert await scenario.shared.get_parents() == {
            "scenario": {scenario, other},
            "sequence": {scenario.part},
            "task": {scenario.first, scenario.second},
        }
        await orchestrator.delete(other.id)
        left = await found(scenario.shared)
        assert left["scenario"] == {scenario}

        with pytest.raises(NotFound):
            await found("TASK_first_SCENARIO_s_0")
