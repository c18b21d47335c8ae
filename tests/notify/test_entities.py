"""What happens to entities is told to those who asked, once it is durable."""

from __future__ import annotations

import anyio
import pytest

from asyncflow import (
    Configuration,
    EntityCreated,
    EntityDeleted,
    EntityEvent,
    EntityUpdated,
    Frequency,
    JobFinished,
    Orchestrator,
    Scope,
)
from tests.support.flows import double, single

pytestmark = [pytest.mark.anyio, pytest.mark.blocking_jobs]


async def test_what_is_made_written_and_deleted(config: Configuration) -> None:
    shared = config.configure_data_node("shared", scope=Scope.GLOBAL, default_data=1)
    source = config.configure_data_node("source", default_data=5)
    result = config.configure_data_node("result")
    task = config.configure_task("work", double, source, result)
    cfg = config.configure_scenario("s", task, shared, sequences={"part": task})

    async with (
        Orchestrator(config, store=":memory:") as orchestrator,
        orchestrator.events(EntityEvent) as events,
    ):
        scenario = await orchestrator.create_scenario(cfg)
        await orchestrator.create_scenario(cfg)
        await scenario.source.write(6)
        await scenario.submit()
        await orchestrator.delete(scenario.id)
        found: list[EntityEvent] = []

        with anyio.fail_after(20):
            while not found or not isinstance(found[-1], EntityDeleted):
                found.append(await anext(events))

            found += [await anext(events) for _ in range(6)]

        made = [one for one in found if isinstance(one, EntityCreated)]
        kinds = [one.entity_type for one in made]
        first = ["DATA_NODE"] * 3 + ["TASK", "SEQUENCE", "SCENARIO"]
        second = ["DATA_NODE"] * 2 + ["TASK", "SEQUENCE", "SCENARIO"]
        assert kinds == [*first, *second, "SUBMISSION", "JOB"]
        assert made[0].entity_id == "DATANODE_shared_GLOBAL"
        assert made[5].entity_id == scenario.id
        assert made[-1].config_id == "work"

        changed = [one for one in found if isinstance(one, EntityUpdated)]
        status = [("JOB", ("status",))] * 3  # PENDING, RUNNING, COMPLETED
        written = ("DATA_NODE", ("last_edit_date", "edits"))
        assert [(one.entity_type, one.attributes) for one in changed] == [
            written,
            *status,
            written,
            ("SUBMISSION", ("submission_status",)),
        ]
        nodes = [one for one in changed if one.entity_type == "DATA_NODE"]
        assert [one.config_id for one in nodes] == ["source", "result"]

        gone = [one for one in found if isinstance(one, EntityDeleted)]
        assert [(one.entity_type, one.config_id) for one in gone] == [
            ("JOB", "work"),
            ("SUBMISSION", None),
            ("DATA_NODE", "source"),
            ("DATA_NODE", "result"),
            ("TASK", "work"),
            ("SEQUENCE", None),
            ("SCENARIO", "s"),
        ]


async def test_a_task_that_scenarios_share_comes_once_and_goes_with_their_cycle(
    config: Configuration,
) -> None:
    shared = config.configure_data_node("shared", scope=Scope.CYCLE, default_data=1)
    other = config.configure_data_node("other", scope=Scope.CYCLE, default_data=1)
    task = config.configure_task("work", double, shared, other)
    cfg = config.configure_scenario("s", task, frequency=Frequency.DAILY)

    async with (
        Orchestrator(config, store=":memory:") as orchestrator,
        orchestrator.events(EntityCreated, EntityDeleted) as events,
    ):
        one = await orchestrator.create_scenario(cfg)
        two = await orchestrator.create_scenario(cfg)
        await orchestrator.delete(two.id)
        await orchestrator.delete(one.id)

        with anyio.fail_after(20):
            found = [await anext(events) for _ in range(12)]

    assert one.cycle is not None
    assert [one.entity_type for one in found] == [
        *("CYCLE", "DATA_NODE", "DATA_NODE", "TASK", "SCENARIO", "SCENARIO"),
        *("SCENARIO", "SCENARIO", "TASK", "DATA_NODE", "DATA_NODE", "CYCLE"),
    ]
    assert found[3].entity_id == found[8].entity_id == f"TASK_work_{one.cycle.id}"
    assert found[6].entity_id == two.id


async def test_locks_and_removed_runs_are_told(config: Configuration) -> None:
    cfg = single(config, double, 5)

    async with (
        Orchestrator(config, store=":memory:") as orchestrator,
        orchestrator.events(EntityUpdated, EntityDeleted) as events,
    ):
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.source.lock_edit("me")
        await scenario.source.unlock_edit()
        submission = await scenario.submit()
        await orchestrator.prune(keep=0)
        found: list[EntityEvent] = []

        with anyio.fail_after(20):
            while not found or found[-1].entity_id != submission.id:
                found.append(await anext(events))

            found.append(await anext(events))
            found.append(await anext(events))

        names = ("editor_id", "editor_expiration_date", "edit_in_progress")
        assert [getattr(one, "attributes", None) for one in found[:2]] == [names] * 2
        gone = [one.entity_id for one in found if isinstance(one, EntityDeleted)]
        assert gone == [submission.jobs[0].id, submission.id]


async def test_events_of_runs_come_without_those_of_entities(
    config: Configuration,
) -> None:
    async with Orchestrator(config, store=":memory:") as orchestrator:
        async with orchestrator.events() as events:
            scenario = await orchestrator.create_scenario(single(config, double, 5))
            await scenario.submit()
            assert type(await anext(events)).__name__ == "SubmissionStarted"

        async with orchestrator.events(EntityUpdated, JobFinished) as both:
            await scenario.submit()
            found = [type(await anext(both)) for _ in range(6)]
            assert set(found) == {EntityUpdated, JobFinished}


async def test_a_reader_that_is_too_slow_is_told(config: Configuration) -> None:
    from asyncflow import EventsLost

    async with (
        Orchestrator(config, store=":memory:") as orchestrator,
        orchestrator.events(EntityCreated, buffer=2) as events,
    ):
        await orchestrator.create_scenario(single(config, double, 5))
        assert len([await anext(events) for _ in range(2)]) == 2

        with pytest.raises(EventsLost):
            await anext(events)


async def test_nobody_pays_who_does_not_listen(config: Configuration) -> None:
    async with Orchestrator(config, store=":memory:") as orchestrator:
        bus = orchestrator._session.opened().bus
        heard = [bus.hears_entities]

        async with orchestrator.events(EntityCreated), orchestrator.events():
            heard.append(bus.hears_entities)

        assert [*heard, bus.hears_entities] == [False, True, False]
        assert bus._listeners == {}
