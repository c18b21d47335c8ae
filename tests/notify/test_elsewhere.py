"""What other orchestrators do to the entities of a store is told to who listens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from asyncflow import (
    Configuration,
    EntityCreated,
    EntityDeleted,
    EntityEvent,
    EntityUpdated,
    Frequency,
    Orchestrator,
    Scope,
)
from asyncflow.notify.stream import EventStream
from asyncflow.stores.sqlite import SqliteStore
from tests.support.flows import double
from tests.support.postgres import Server
from tests.support.postgres import database as database
from tests.support.postgres import server as server
from tests.support.stores import kind as kind

pytestmark = [pytest.mark.anyio, pytest.mark.blocking_jobs]


async def until(
    events: EventStream[Any], wanted: Callable[[EntityEvent], bool]
) -> list[EntityEvent]:
    """Read up to a certain event; return all."""
    found: list[EntityEvent] = []

    with anyio.fail_after(30):
        while not found or not wanted(found[-1]):
            found.append(await anext(events))

    return found


def shown(event: EntityEvent) -> str:
    names = ",".join(getattr(event, "attributes", ()))
    return f"{type(event).__name__[6:]} {event.entity_type} {names}".strip()


@pytest.fixture
def address(
    kind: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    monkeypatch.chdir(tmp_path)

    if kind == "sqlite":
        return str(tmp_path / "runs.db")

    server: Server = request.getfixturevalue("server")
    return server.url(request.getfixturevalue("database"))


@pytest.mark.parametrize("kind", ["sqlite", "postgres"], indirect=True)
async def test_what_others_do_is_told_after_the_commit(
    config: Configuration, address: str
) -> None:
    source = config.configure_data_node("source", default_data=5)
    result = config.configure_data_node("result")
    task = config.configure_task("work", double, source, result)
    cfg = config.configure_scenario(
        "s", task, sequences={"part": task}, frequency=Frequency.MONTHLY
    )

    async with (
        Orchestrator(config, store=address) as here,
        Orchestrator(config, store=address) as there,
        here.events(EntityEvent) as events,
    ):
        scenario = await there.create_scenario(cfg)
        await scenario.update(name="x", properties={"k": 1})
        await scenario.add_tag("t")
        await scenario.source.write(6)
        await scenario.source.lock_edit("me")
        await scenario.source.update(name="n")
        await scenario.source.unlock_edit()
        submission = await scenario.submit()
        other = await there.create_scenario(cfg)
        await other.set_primary()
        await there.delete(scenario.id)
        found = await until(
            events,
            lambda one: isinstance(one, EntityDeleted) and one.entity_id == scenario.id,
        )

    counts = Counter(map(shown, found))
    locked = "Updated DATA_NODE editor_id,"
    assert sum(n for what, n in counts.items() if what.startswith(locked)) == 2
    counts = Counter({w: n for w, n in counts.items() if not w.startswith(locked)})
    # A job that runs for a while is saved more than once.
    counts["Updated JOB status"] = counts["Updated SUBMISSION submission_status"] = 1
    assert counts == {
        "Created CYCLE": 1,
        "Created DATA_NODE": 4,
        "Created TASK": 2,
        "Created SEQUENCE": 2,
        "Created SCENARIO": 2,
        "Created SUBMISSION": 1,
        "Created JOB": 1,
        "Updated SCENARIO name,properties": 1,
        "Updated SCENARIO tags": 1,
        "Updated SCENARIO is_primary": 1,
        "Updated CYCLE primary_id": 1,
        "Updated DATA_NODE last_edit_date,edits": 2,
        "Updated DATA_NODE name": 1,
        "Updated SUBMISSION submission_status": 1,
        "Updated JOB status": 1,
        "Deleted JOB": 1,
        "Deleted SUBMISSION": 1,
        "Deleted DATA_NODE": 2,
        "Deleted TASK": 1,
        "Deleted SEQUENCE": 1,
        "Deleted SCENARIO": 1,
    }
    names = {one.entity_id: one.config_id for one in found}
    assert names[submission.jobs[0].id] == "work"
    assert names[scenario.source.id] == "source"
    assert names[scenario.id] == "s"
    made = [one.entity_type for one in found if isinstance(one, EntityCreated)]
    assert made[3:6] == ["TASK", "SEQUENCE", "SCENARIO"]
    assert sorted(made[:3]) == ["CYCLE", "DATA_NODE", "DATA_NODE"]


@pytest.mark.parametrize("kind", ["sqlite", "postgres"], indirect=True)
async def test_a_task_that_scenarios_share_comes_and_goes_once(
    config: Configuration, address: str
) -> None:
    shared = config.configure_data_node("shared", scope=Scope.CYCLE, default_data=1)
    other = config.configure_data_node("other", scope=Scope.CYCLE)
    task = config.configure_task("work", double, shared, other)
    cfg = config.configure_scenario("s", task, frequency=Frequency.MONTHLY)

    async with (
        Orchestrator(config, store=address) as here,
        Orchestrator(config, store=address) as there,
        here.events(EntityCreated, EntityDeleted) as events,
    ):
        one = await there.create_scenario(cfg)
        two = await there.create_scenario(cfg)
        await there.delete(two.id)
        await there.delete(one.id)
        found = await until(
            events,
            lambda one: isinstance(one, EntityDeleted) and one.entity_type == "CYCLE",
        )

    counts = Counter(map(shown, found))
    assert counts == {
        "Created CYCLE": 1,
        "Created DATA_NODE": 2,
        "Created TASK": 1,
        "Created SCENARIO": 2,
        "Deleted CYCLE": 1,
        "Deleted DATA_NODE": 2,
        "Deleted TASK": 1,
        "Deleted SCENARIO": counts["Deleted SCENARIO"],  # the last may come after it
    }
    tasks = {event.entity_id for event in found if event.entity_type == "TASK"}
    assert tasks == {one.work.id}


@pytest.mark.parametrize("kind", ["sqlite", "postgres"], indirect=True)
async def test_what_others_do_with_sequences_is_told_as_it_is_told_there(
    config: Configuration, address: str
) -> None:
    task = config.configure_task(
        "work", double, config.configure_data_node("source", default_data=5)
    )
    cfg = config.configure_scenario("s", task, sequences={"part": task, "rest": task})

    async with (
        Orchestrator(config, store=address) as here,
        Orchestrator(config, store=address) as there,
    ):
        scenario = await there.create_scenario(cfg)

        async with here.events(EntityEvent) as events, there.events(EntityEvent) as own:
            await scenario.add_sequence("new", ["work"], {"k": 1})
            await scenario.update_sequence("new", properties={"k": 2})
            await scenario.update_sequence("part", properties={"k": 2})
            await scenario.update_sequence("part", properties={"k": 3})
            await scenario.rename_sequence("new", "newer")
            await scenario.remove_sequences(["rest", "newer"])
            await scenario.add_sequence("rest", ["work"])
            await scenario.update(name="last")
            told, found = [
                {f"{shown(one)} {one.entity_id}" for one in await until(some, is_last)}
                for some in (own, events)
            ]

    # Equal events that come together are one.
    assert found == told
    counts = Counter(what.partition(" SEQUENCE_")[0] for what in found)
    assert counts["Created SEQUENCE"] == counts["Deleted SEQUENCE"] == 3
    assert counts["Updated SEQUENCE tasks,properties"] == 2


def is_last(event: EntityEvent) -> bool:
    return isinstance(event, EntityUpdated) and "name" in event.attributes


async def test_nothing_is_kept_where_nobody_listens(
    config: Configuration, tmp_path: Path
) -> None:
    store, other = SqliteStore(tmp_path / "a.db"), SqliteStore(tmp_path / "a.db")
    cfg = config.configure_scenario("s", [], config.configure_data_node("n"))

    async def kept() -> int:
        return len(await store._ask("changes", {"since": 0}, tuple))

    async with Orchestrator(config, store), Orchestrator(config, other) as there:
        await there.create_scenario(cfg)
        assert await kept() == 0
        here = Orchestrator(config, SqliteStore(tmp_path / "a.db"))

        async with here:
            async with here.events(EntityCreated) as events:
                made = await there.create_scenario(cfg)
                assert made.id in {
                    one.entity_id
                    for one in await until(events, lambda one: one.entity_id == made.id)
                }
                assert await kept() > 0

            # Listening again begins with now.
            async with here.events(EntityCreated, EntityUpdated) as more:
                made = await there.create_scenario(cfg)
                found = await until(more, lambda one: one.entity_id == made.id)
                assert [shown(one) for one in found] == [
                    "Created DATA_NODE",
                    "Created SCENARIO",
                ]

            with anyio.fail_after(20):
                while await kept():  # until that is known to be over
                    pass

        await there.create_scenario(cfg)
        assert await kept() == 0
