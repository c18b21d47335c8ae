"""Parts are found by their ids: tasks that scenarios share are one for all of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from asyncflow import (
    Configuration,
    Frequency,
    NotFound,
    Orchestrator,
    Scope,
    UsageError,
)
from asyncflow.config.sections import ScenarioConfig
from asyncflow.entities.task import Task
from tests.support.flows import add, double

pytestmark = [pytest.mark.anyio, pytest.mark.blocking_jobs]

MONTH, NEXT = datetime(2026, 5, 3, tzinfo=UTC), datetime(2026, 6, 3, tzinfo=UTC)


def declared(config: Configuration, **options: Any) -> ScenarioConfig:
    """Declare tasks that all scenarios share, those of a cycle, and none."""
    rate = config.configure_data_node("rate", scope=Scope.GLOBAL, default_data=2)
    rates = config.configure_data_node("rates", scope=Scope.GLOBAL)
    month = config.configure_data_node("month", scope=Scope.CYCLE)
    own = config.configure_data_node("own")
    tasks = [
        config.configure_task("load", double, rate, rates, **options),
        config.configure_task("sum_up", add, [rate, rates], month, **options),
        config.configure_task("use", double, month, own),
        config.configure_task("idle", int),
    ]
    return config.configure_scenario(
        "s", tasks, frequency=Frequency.MONTHLY, sequences={"both": tasks[:2]}
    )


@pytest.mark.smoke
async def test_scenarios_share_a_task_whose_data_nodes_they_share(
    config: Configuration, path: str
) -> None:
    cfg = declared(config)

    async with Orchestrator(config, path) as orchestrator:
        first = await orchestrator.create_scenario(cfg, creation_date=MONTH)
        second = await orchestrator.create_scenario(cfg, creation_date=MONTH)
        later = await orchestrator.create_scenario(cfg, creation_date=NEXT)
        assert first.load.id == second.load.id == later.load.id == "TASK_load_GLOBAL"
        assert first.load == later.load
        assert (first.load.owner_id, first.load.scenario_id) == (None, first.id)
        assert await first.load.get_label() == "load"
        assert first.cycle is not None
        assert later.cycle is not None
        assert first.sum_up.id == second.sum_up.id == f"TASK_sum_up_{first.cycle.id}"
        assert later.sum_up.id == f"TASK_sum_up_{later.cycle.id}"
        assert first.sum_up.owner_id == first.cycle.id
        assert await first.sum_up.get_label() == "2026-05 > sum_up"
        assert first.use.id != second.use.id
        assert first.use.owner_id == first.id
        assert first.idle.id != second.idle.id  # it shares nothing

        await first.submit()
        run = await later.load.submit()
        assert run.entity == first.load
        jobs = await orchestrator.jobs(task_id=first.load.id)
        assert [job.task_id for job in jobs] == ["TASK_load_GLOBAL"] * 2
        assert run.jobs[0].task == first.load
        assert await orchestrator.submissions(entity_id="TASK_load_GLOBAL") == [
            await orchestrator.store.get(run.id)
        ]

        parents = await second.load.get_parents()
        assert parents["scenario"] == {first, second, later}
        assert {one.owner_id for one in parents["sequence"]} == {
            first.id,
            second.id,
            later.id,
        }
        assert (await first.sum_up.get_parents())["scenario"] == {first, second}
        assert (await first.use.get_parents()) == {"scenario": {first}}
        parents = await first.rate.get_parents()
        assert parents["task"] == {first.load, first.sum_up, later.sum_up}


async def test_a_shared_task_is_found_and_goes_with_its_last_scenario(
    config: Configuration, path: str
) -> None:
    cfg = declared(config)

    async with Orchestrator(config, path) as orchestrator:
        first = await orchestrator.create_scenario(cfg, creation_date=MONTH)
        second = await orchestrator.create_scenario(cfg, creation_date=MONTH)
        ids = first.load.id, first.sum_up.id
        await first.submit()

    async with Orchestrator(config, path) as orchestrator:
        for task_id in ids:
            found = await orchestrator.get(task_id)
            assert isinstance(found, Task)
            assert found.id == task_id
            assert await orchestrator.exists(task_id)

        kept = (await orchestrator.get_scenario(second.id)).load
        gone = (await orchestrator.get_scenario(first.id)).load
        await (await orchestrator.get_scenario(second.id)).set_primary()
        await orchestrator.delete(first.id)
        assert (gone.is_deleted, kept.is_deleted) == (True, False)

        with pytest.raises(UsageError, match="get TASK_load_GLOBAL anew"):
            gone.submit()

        for task_id in ids:
            found = await orchestrator.get(task_id)
            assert isinstance(found, Task)
            assert found.scenario_id == second.id
            await found.submit()

        await orchestrator.delete(second.id)

        for task_id in ids:
            with pytest.raises(NotFound):
                await orchestrator.get(task_id)

            assert not await orchestrator.exists(task_id)

        assert await orchestrator.jobs() == []


async def test_a_shared_task_is_found_where_nobody_declares_it(
    config: Configuration, path: str
) -> None:
    cfg = declared(config)

    async with Orchestrator(config, path) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg, creation_date=MONTH)
        alone = await scenario.load.submit()
        await scenario.submit()
        parts = {name: task.id for name, task in scenario.tasks.items()}

    async with Orchestrator(Configuration(), path) as orchestrator:
        scenario = await orchestrator.get_scenario(scenario.id)
        assert {name: task.id for name, task in scenario.tasks.items()} == parts
        assert await scenario.month.read() == 6

        for part in (parts["load"], parts["sum_up"]):
            assert (await orchestrator.get(part)).id == part

        assert (await orchestrator.get_submission(alone.id)).entity.id == parts["load"]


async def test_copies_share_what_their_models_share(
    config: Configuration, path: str, tmp_path_factory: Any
) -> None:
    cfg = declared(config, skippable=True)
    archive = tmp_path_factory.mktemp("archive") / "s.zip"

    async with Orchestrator(config, path) as orchestrator:
        first = await orchestrator.create_scenario(cfg, creation_date=MONTH)
        await first.submit()
        copy = await first.duplicate(MONTH)
        assert (copy.load, copy.sum_up) == (first.load, first.sum_up)
        run = await copy.submit()
        statuses = {job.name: str(job.status) for job in run.jobs}
        assert statuses["load"] == statuses["sum_up"] == "SKIPPED"
        await first.export(archive)

    async with Orchestrator(config, store=":memory:") as orchestrator:
        there = await orchestrator.import_scenario(archive)
        assert there.load.id == "TASK_load_GLOBAL"
        assert there.sum_up.id == first.sum_up.id
        again = await orchestrator.import_scenario(archive)
        assert again.sum_up == there.sum_up
