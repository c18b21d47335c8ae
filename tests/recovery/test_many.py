"""Many scenarios are brought back together, one object of each."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from asyncflow import Configuration, Frequency, Orchestrator, Scenario, Scope
from asyncflow.records import DataNodeRecord, Record, ScenarioRecord
from asyncflow.stores.sqlite import SqliteStore
from tests.support import flows

pytestmark = [pytest.mark.anyio, pytest.mark.blocking_jobs]


@attrs.define(eq=False)
class Watched(SqliteStore):
    """Counts what is asked of it; a scenario is deleted as soon as it was listed."""

    asked: int = 0
    other: Orchestrator | None = None
    doomed: str = ""

    async def get(self, record_id: str) -> Record | None:
        self.asked += 1
        return await super().get(record_id)

    async def data_nodes(self, **given: Any) -> list[DataNodeRecord]:
        self.asked += 1
        return await super().data_nodes(**given)

    async def scenarios(self, **given: Any) -> list[ScenarioRecord]:
        found = await super().scenarios(**given)

        if self.other is not None and self.doomed:
            doomed, self.doomed = self.doomed, ""
            await self.other.delete(doomed)

        return found


@pytest.mark.parametrize("scope", [Scope.GLOBAL, Scope.CYCLE])
async def test_the_parents_of_what_scenarios_share(
    config: Configuration, path: str, scope: Scope
) -> None:
    shared = config.configure_data_node("shared", scope=scope, default_data=21)
    result = config.configure_data_node("result", default_data=0)
    task = config.configure_task("double", flows.double, shared, result, skippable=True)
    flow = config.configure_scenario(
        "flow", task, sequences={"part": task}, frequency=Frequency.YEARLY
    )
    store = Watched(path)

    async with (
        Orchestrator(config, path) as other,
        Orchestrator(config, store) as orchestrator,
    ):
        made = [await other.create_scenario(flow) for _ in range(12)]
        await made[3].submit()
        await made[4].update(name="named", properties={"k": 1})
        await made[4].result.write(5)
        held = await orchestrator.get(made[1].id)
        node_id, before = made[0].shared.id, store.asked
        await orchestrator.get_parents(node_id)
        once = store.asked - before

        store.other, store.doomed = other, made[11].id
        parents = await orchestrator.get_parents(node_id)
        scenarios = {one.id: one for one in parents["scenario"]}
        assert {*scenarios} == {one.id for one in made[:11]}
        assert parents["task"] == {one.double for one in scenarios.values()}
        assert parents["sequence"] == {one.part for one in scenarios.values()}
        assert scenarios[made[1].id] is held
        named = scenarios[made[4].id]
        assert isinstance(named, Scenario)
        assert (named.name, named.properties["k"]) == ("named", 1)
        assert await named.result.read() == 5
        assert await orchestrator.get(named.id) is named

        # What the outputs follow from is known, too.
        run = await scenarios[made[3].id].submit()
        assert flows.statuses(run.jobs) == ["SKIPPED"]

        # It takes no more queries for more of them.
        for _ in range(20):
            await other.create_scenario(flow)

        before = store.asked
        assert len((await orchestrator.get_parents(node_id))["scenario"]) == 31
        assert store.asked - before <= once + 2
