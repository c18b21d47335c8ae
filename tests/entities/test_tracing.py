"""Which versions there are, what wrote them, and from what."""

from __future__ import annotations

from datetime import timedelta

import pytest

import asyncflow.sync as tp
from asyncflow import Configuration, Orchestrator, Scope
from tests.support.flows import configuration


def double(number: int) -> int:
    return number * 2


def add(one: int, other: int) -> int:
    return one + other


def flow(config: Configuration) -> None:
    raw = config.configure_data_node("raw", default_data=1)
    rate = config.configure_data_node("rate", default_data=10, scope=Scope.GLOBAL)
    middle = config.configure_data_node("middle")
    end = config.configure_data_node("end")
    tasks = [
        config.configure_task("double", double, raw, middle),
        config.configure_task("add", add, [middle, rate], end),
    ]
    config.configure_scenario("flow", tasks)


@pytest.mark.anyio
async def test_values_are_traced_to_who_wrote_them() -> None:
    config = configuration("development")
    flow(config)

    async with Orchestrator(config, store="memory://") as orchestrator:
        scenario = await orchestrator.create_scenario(config.scenarios["flow"])
        before = await scenario.lineage()
        assert [version.node for version in before.lineage.versions] == ["raw", "rate"]

        first = await scenario.submit()
        picture = await scenario.lineage()
        found = {version.node: version for version in picture.lineage.versions}
        assert len(found) == len(picture.lineage.versions) == 4
        writers = picture.lineage.writers
        made = writers[found["end"].job or ""]
        assert made.run == first.id
        assert made.reads == [found["middle"].key, found["rate"].key]
        assert writers[found["middle"].job or ""].reads == [found["raw"].key]
        assert found["raw"].comment == "default data"

        await scenario.raw.write(5, editor_id="ann", comment="of May")
        after = await scenario.lineage()
        raws = [it for it in after.lineage.versions if it.node == "raw"]
        assert [it.is_current for it in raws] == [False, True]
        assert raws[1].editor == "ann"
        assert writers == after.lineage.writers  # the old one is what was read

        second = await scenario.submit(rate=7)
        last = (await scenario.lineage()).lineage
        end = next(it for it in last.versions if it.node == "end")
        assert last.writers[end.job or ""].run == second.id
        assert last.writers[end.job or ""].given == ["rate"]

        await orchestrator.prune(older_than=timedelta(0))
        pruned = (await scenario.lineage()).lineage
        assert pruned.writers == {}
        assert {it.job for it in pruned.versions if it.node == "end"} == {end.job}


@pytest.mark.anyio
async def test_what_scenarios_share_is_traced_to_the_other() -> None:
    config = configuration("development")
    rate = config.configure_data_node("rate", scope=Scope.GLOBAL)
    start = config.configure_data_node("start", default_data=1)
    end = config.configure_data_node("end")
    makes = config.configure_task("makes", double, start, rate)
    reads = config.configure_task("reads", double, rate, end)
    config.configure_scenario("one", [makes])
    config.configure_scenario("other", [reads])

    async with Orchestrator(config, store="memory://") as orchestrator:
        one = await orchestrator.create_scenario(config.scenarios["one"])
        other = await orchestrator.create_scenario(config.scenarios["other"])
        run = one.submit()
        await other.submit()  # submitted when the other was still to write
        await run
        found = (await other.tasks["reads"].lineage()).lineage
        assert sorted(it.node for it in found.versions) == ["end", "rate", "start"]
        assert {it.run for it in found.writers.values()} >= {run.id}


def test_the_blocking_face_has_it_too() -> None:
    config = configuration("development")
    flow(config)

    with tp.Orchestrator(config, store="memory://"):
        scenario = tp.create_scenario(config.scenarios["flow"])
        scenario.submit()
        assert len(scenario.lineage().lineage.versions) == 4
