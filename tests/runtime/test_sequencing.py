"""Sequences that scenarios are given at run time."""

from __future__ import annotations

from pathlib import Path

import pytest

import asyncflow.sync as tp
from asyncflow import (
    Configuration,
    EntityEvent,
    NotFound,
    Orchestrator,
    Scenario,
    UsageError,
)
from asyncflow.stores.memory import MemoryStore

pytestmark = pytest.mark.anyio


def configured() -> Configuration:
    config = Configuration()
    nodes = [config.configure_data_node(name) for name in "abcd"]
    tasks = [
        config.configure_task(f"t{number}", abs, nodes[number], nodes[number + 1])
        for number in range(3)
    ]
    config.configure_scenario("plan", tasks, sequences={"start": tasks[:2]})
    return config


def shown(scenario: Scenario) -> dict[str, str]:
    return {name: " ".join(one.tasks) for name, one in scenario.sequences.items()}


async def test_sequences_are_changed_and_kept(tmp_path: Path) -> None:
    file = str(tmp_path / "runs.db")

    async with Orchestrator(configured(), file) as orchestrator:
        scenario = await orchestrator.create_scenario("plan", a=-1)
        tasks = scenario.tasks
        await scenario.add_sequence("end", [tasks["t2"]], {"unit": "kg"})
        config = scenario.config.tasks
        await scenario.add_sequences({"first": [config[0]], "all": tasks})
        assert shown(scenario) == {
            "start": "t0 t1",
            "end": "t2",
            "first": "t0",
            "all": "t0 t1 t2",
        }
        assert scenario.end.properties == {"unit": "kg"}
        await scenario.update_sequence("end", ["t1", "t2"], {"by": 1})
        await scenario.update_sequence("start", properties={"of": "config"})
        await scenario.rename_sequence("first", "one")
        await scenario.rename_sequence("start", "begin")
        await scenario.remove_sequence("all")
        wanted = {"end": "t1 t2", "one": "t0", "begin": "t0 t1"}
        assert shown(scenario) == wanted
        run = await scenario.one.submit()
        assert [job.task.config_id for job in run.jobs] == ["t0"]

    async with Orchestrator(configured(), file) as later:
        again = await later.get_scenario(scenario.id)
        assert shown(again) == wanted
        assert again.end.properties == {"unit": "kg", "by": 1}
        assert again.begin.properties == {"of": "config"}
        assert (await later.get(again.begin.id)) is again.begin
        assert (await later.get_submission(run.id)).entity.id == again.one.id

        with pytest.raises(NotFound):
            await later.get(scenario.id.join(["SEQUENCE_start_", ""]))

        await again.remove_sequences(["begin", "end", "one"])
        assert shown(again) == {}


async def test_two_programs_do_not_lose_each_others_sequences(tmp_path: Path) -> None:
    file = str(tmp_path / "runs.db")

    async with (
        Orchestrator(configured(), file) as first,
        Orchestrator(configured(), file) as second,
    ):
        mine = await first.create_scenario("plan")
        theirs = await second.get_scenario(mine.id)
        await mine.add_sequence("mine", ["t0"])
        await theirs.add_sequence("theirs", ["t1"])
        await mine.remove_sequence("start")
        assert set(shown(mine)) == {"mine", "theirs"}

        with pytest.raises(UsageError, match="has a sequence 'mine' already"):
            await theirs.add_sequence("mine", ["t2"])

        with pytest.raises(UsageError, match="no sequence 'start'"):
            await theirs.update_sequence("start", ["t2"])


async def test_each_change_is_told() -> None:
    async with Orchestrator(configured(), MemoryStore()) as orchestrator:
        scenario = await orchestrator.create_scenario("plan")
        told: list[str] = []

        async with orchestrator.events(EntityEvent) as events:
            await scenario.add_sequence("end", ["t2"])
            await scenario.update_sequence("end", ["t1"])
            await scenario.rename_sequence("end", "last")

            while len(told) < 7:
                event = await anext(events)
                told.append(
                    f"{type(event).__name__[6:]} {event.entity_id.split('_')[:2]}"
                )

        assert told == [
            "Updated ['SCENARIO', 'plan']",
            "Created ['SEQUENCE', 'end']",
            "Updated ['SCENARIO', 'plan']",
            "Updated ['SEQUENCE', 'end']",
            "Updated ['SCENARIO', 'plan']",
            "Created ['SEQUENCE', 'last']",
            "Deleted ['SEQUENCE', 'end']",
        ]


async def test_what_cannot_be_a_sequence_is_refused() -> None:
    async with Orchestrator(configured(), MemoryStore()) as orchestrator:
        scenario = await orchestrator.create_scenario("plan")
        other = await orchestrator.create_scenario("plan")

        with pytest.raises(UsageError, match=r"'new': t8, t9 is no task .* t0, t1, t2"):
            await scenario.add_sequence("new", ["t0", "t8", "t9"])

        with pytest.raises(UsageError, match=r"TASK_t0_.* is no task of scenario"):
            await scenario.add_sequence("new", [other.t0])

        with pytest.raises(UsageError, match="has no tasks"):
            await scenario.add_sequence("new", [])

        with pytest.raises(UsageError, match="not called 'a b'"):
            await scenario.add_sequence("a b", ["t0"])

        with pytest.raises(UsageError, match="a task or a data node 't0'"):
            await scenario.rename_sequence("start", "t0")

        with pytest.raises(UsageError, match="what JSON can hold"):
            await scenario.add_sequence("new", ["t0"], {"a": object()})

        assert shown(scenario) == {"start": "t0 t1"}
        await orchestrator.delete(scenario.id)

        with pytest.raises(NotFound):
            await scenario.add_sequence("new", ["t0"])


async def test_tasks_that_are_not_declared_any_more_are_named(tmp_path: Path) -> None:
    file = str(tmp_path / "runs.db")

    async with Orchestrator(configured(), file) as orchestrator:
        scenario = await orchestrator.create_scenario("plan")
        await scenario.add_sequence("end", ["t1", "t2"])

    config = Configuration()
    a, b = (config.configure_data_node(name) for name in "ab")
    config.configure_scenario("plan", config.configure_task("t1", abs, a, b))

    async with Orchestrator(config, file) as later:
        again = await later.get_scenario(scenario.id)

        with pytest.raises(UsageError, match=r"'end' has tasks that are not .*: t2;"):
            again.end.submit()


def test_the_blocking_face_has_the_same_verbs() -> None:
    with tp.Orchestrator(configured(), ":memory:"):
        scenario = tp.create_scenario("plan", a=-3)
        scenario.add_sequence("end", [scenario.t2])
        scenario.add_sequences({"one": [scenario.t0], "two": "t1"})
        scenario.update_sequence("one", properties={"a": 1})
        scenario.rename_sequence("two", "second")
        scenario.remove_sequence("start")
        names = [one.name for one in tp.get_sequences()]
        assert sorted(names) == sorted(scenario.sequences) == ["end", "one", "second"]
        assert scenario.one.properties == {"a": 1}
        scenario.one.submit(wait=True)
        assert scenario.b.read() == 3
        scenario.remove_sequences(["end", "second"])
        assert list(scenario.sequences) == ["one"]
