"""Entities are brought back from the store: many at a time, one object of each."""

from __future__ import annotations

import anyio
import pytest
from anyio import create_task_group, fail_after

from asyncflow import Configuration, Orchestrator, ScenarioConfig, Scope
from asyncflow.records import Record
from asyncflow.stores.sqlite import SqliteStore
from tests.support import flows

pytestmark = pytest.mark.anyio


class Slow(SqliteStore):
    """Answers nobody who asks for one record, until that is allowed."""

    slow_id = ""
    asked: anyio.Event
    allowed: anyio.Event

    async def get(self, record_id: str) -> Record | None:
        if record_id == self.slow_id:
            self.asked.set()
            await self.allowed.wait()

        return await super().get(record_id)


@pytest.fixture
def cfg(config: Configuration) -> ScenarioConfig:
    source = config.configure_data_node("source", scope=Scope.GLOBAL, default_data=21)
    result = config.configure_data_node("result")
    task = config.configure_task(
        "double", flows.double, source, result, executor="thread"
    )
    return config.configure_scenario("flow", task)


async def test_who_gets_one_thing_holds_up_nobody_who_gets_another(
    config: Configuration, cfg: ScenarioConfig, path: str
) -> None:
    async with Orchestrator(config, path) as orchestrator:
        slow = await orchestrator.create_scenario(cfg)
        other = await orchestrator.create_scenario(cfg)
        run = await other.submit()

    store = Slow(path)
    store.slow_id, store.asked, store.allowed = slow.id, anyio.Event(), anyio.Event()

    with fail_after(20):
        async with (
            Orchestrator(config, store) as orchestrator,
            create_task_group() as group,
        ):
            for entity in (slow, *slow.tasks.values(), slow.result):
                group.start_soon(orchestrator.get, entity.id)

            await store.asked.wait()

            for entity in (other, run, run.jobs[0], other.result, other.source):
                assert (await orchestrator.get(entity.id)).id == entity.id

            third = await orchestrator.create_scenario(cfg)
            await third.submit()
            store.allowed.set()


async def test_many_who_get_one_thing_have_one_object(
    config: Configuration, cfg: ScenarioConfig, path: str
) -> None:
    async with Orchestrator(config, path) as orchestrator:
        scenarios = [await orchestrator.create_scenario(cfg) for _ in range(3)]
        runs = [await scenario.submit() for scenario in scenarios]

    ids = [
        entity.id
        for scenario, run in zip(scenarios, runs, strict=True)
        for entity in (
            *(scenario, scenario.result, scenario.source, scenario.tasks["double"]),
            *(run, run.jobs[0]),
        )
    ]
    found: dict[str, list[object]] = {entity_id: [] for entity_id in ids}

    async with Orchestrator(config, path) as orchestrator:

        async def get(entity_id: str) -> None:
            found[entity_id].append(await orchestrator.get(entity_id))

        with fail_after(20):
            async with create_task_group() as group:
                for _ in range(5):
                    for entity_id in [*ids, *reversed(ids)]:
                        group.start_soon(get, entity_id)

        for entity_id, entities in found.items():
            assert len(entities) == 10 if entity_id != scenarios[0].source.id else 30
            assert {id(one) for one in entities} == {id(entities[0])}

        run = await orchestrator.get_submission(runs[0].id)
        scenario = await orchestrator.get(scenarios[0].id)
        assert run.entity is scenario
        assert run.jobs[0] is found[run.jobs[0].id][0]
        assert await run.read("result") == 42
