"""What is changed of scenarios and data nodes after they were made."""

from __future__ import annotations

import pickle
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest

from asyncflow import (
    Configuration,
    DataNodeIsBeingEdited,
    EntityEvent,
    EntityUpdated,
    NotFound,
    NotPicklable,
    Orchestrator,
    Scenario,
    UnauthorizedTag,
    UsageError,
)
from asyncflow.runtime.updating import ScenarioChange
from asyncflow.stores.memory import MemoryStore
from tests.support.flows import double, single
from tests.support.records import scenario_record

pytestmark = [pytest.mark.anyio, pytest.mark.blocking_jobs]


@pytest.mark.smoke
async def test_what_is_changed_is_there_in_the_next_process(
    config: Configuration, tmp_path: Path
) -> None:
    cfg = single(config, double, 5)
    store = tmp_path / "a.db"

    async with Orchestrator(config, store=store) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg, name="old", a=1, b=2)
        await scenario.update(
            name="new", properties={"b": (3,), "c": 4}, tags=["x", "y"]
        )
        await scenario.update(without=["a", "unknown"])
        assert (scenario.name, sorted(scenario.tags)) == ("new", ["x", "y"])
        assert scenario.properties == {"b": (3,), "c": 4}

    async with Orchestrator(config, store=store) as orchestrator:
        again = await orchestrator.get_scenario(scenario.id)
        assert again is not scenario
        assert (again.name, sorted(again.tags)) == ("new", ["x", "y"])
        assert again.properties == {"b": (3,), "c": 4}
        assert again.creation_date == scenario.creation_date
        (record,) = await orchestrator.scenarios(name="new")
        assert record.tags == ("x", "y")
        await again.update(name=None, tags=[])
        assert (again.name, again.tags) == (None, frozenset())


async def test_tags_come_and_go(config: Configuration) -> None:
    async with Orchestrator(config, store=":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(single(config, double, 5))
        await scenario.add_tag("b")
        await scenario.add_tag("a")
        await scenario.add_tag("a")
        assert scenario.tags == {"a", "b"}
        assert scenario.has_tag("a")
        await scenario.remove_tag("a")
        await scenario.remove_tag("never there")
        assert not scenario.has_tag("a")

        for bad in ("", 5, None, "\ud800"):
            wrong: Any = bad

            with pytest.raises(TypeError, match="a tag is a text"):
                await scenario.add_tag(wrong)

        with pytest.raises(TypeError, match=r"several texts, as in \['ab'\]"):
            await scenario.update(tags="ab")


async def test_a_config_says_which_tags_there_are(config: Configuration) -> None:
    cfg = config.configure_scenario("s", authorized_tags=["draft", "final"])

    async with Orchestrator(config, store=":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.add_tag("draft")

        with pytest.raises(
            UnauthorizedTag, match=r"'other'.*'draft', 'final'"
        ) as raised:
            await scenario.update(name="new", tags=["final", "other"])

        assert raised.value.tag == "other"
        assert str(pickle.loads(pickle.dumps(raised.value))) == str(raised.value)
        assert (scenario.name, sorted(scenario.tags)) == (None, ["draft"])


async def test_what_is_wrong_changes_nothing(config: Configuration) -> None:
    async with Orchestrator(config, store=":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(single(config, double, 5), a=1)
        any_scenario: Any = scenario

        with pytest.raises(TypeError, match="'nme': did you mean 'name'"):
            await any_scenario.update(nme="x")

        with pytest.raises(TypeError, match="a name is a text"):
            await any_scenario.update(name=5)

        with pytest.raises(TypeError, match="dict with texts as keys"):
            await any_scenario.update(properties={1: 2})

        with pytest.raises(NotPicklable, match="lock"):
            await scenario.update(properties={"lock": threading.Lock(), "a": 2})

        assert scenario.properties == {"a": 1}

        with pytest.raises(TypeError, match=r"scenario\.update\(properties=\{'a'"):
            any_scenario.properties["a"] = 2

        with pytest.raises(TypeError, match=r"scenario\.update\(without=\['a'\]"):
            del any_scenario.properties["a"]

        with pytest.raises(AttributeError, match=r"scenario\.update\(name=\.\.\.\)"):
            any_scenario.name = "x"

        with pytest.raises(AttributeError, match=r"\.update\(validity_period=\.\.\.\)"):
            any_scenario.source.validity_period = None

        await orchestrator.delete(scenario.id)

        with pytest.raises(NotFound):
            await scenario.update(name="late")


class RacingStore(MemoryStore):
    """A store that others change between a look and a change."""

    races: list[Any]

    async def update(self, record: Any, *, before: int) -> bool:
        """Change what is kept first, as another process does."""
        while self.races:
            other = self.races.pop()
            kept: Any = await self.get(record.id)
            assert await super().update(other(kept), before=kept.revision)

        return await super().update(record, before=before)


async def test_who_loses_a_race_loses_nothing(config: Configuration) -> None:
    store = RacingStore()
    store.races = []

    async with Orchestrator(config, store=store) as orchestrator:
        scenario = await orchestrator.create_scenario(
            single(config, double, 5), a=1, b=1
        )
        await scenario.add_tag("mine")
        store.races.append(
            lambda kept: kept._replace(
                name="theirs",
                properties={"b": 2, "c": 2},
                tags=("mine", "theirs"),
                revision=99,
            )
        )
        await scenario.update(properties={"a": 3}, tags=["new"])
        assert scenario.name == "theirs"
        assert scenario.properties == {"a": 3, "b": 2, "c": 2}
        assert scenario.tags == {"new", "theirs"}


def test_a_change_is_of_some_keys() -> None:
    record = scenario_record(1, properties={"a": 1, "b": 2}, tags=("x",))
    change = ScenarioChange.of(["x", "y"], {"tags": ["y", "z"], "without": "a"})
    assert change.applied(record) == record._replace(properties={"b": 2}, tags=("z",))
    same = ScenarioChange.of([], {"properties": {"a": 1}})
    assert same.applied(record) == record


@pytest.mark.limit(120)
async def test_two_orchestrators_change_one_scenario(
    config: Configuration, tmp_path: Path
) -> None:
    cfg = single(config, double, 5)
    path = tmp_path / "a.db"
    async with (
        Orchestrator(config, store=path) as one,
        Orchestrator(config, store=path) as other,
    ):
        made = await one.create_scenario(cfg)
        handles = [made, await other.get_scenario(made.id)]

        async def change(scenario: Scenario, who: int) -> None:
            for number in range(20):
                await scenario.add_tag(f"{who}-{number}")
                await scenario.update(properties={f"p{who}": number})

        async with anyio.create_task_group() as group:
            for who, scenario in enumerate(handles):
                group.start_soon(change, scenario, who)
                group.start_soon(change, scenario, who + 2)

        for orchestrator in (one, other):
            scenario = await orchestrator.get_scenario(made.id)
            assert len(scenario.tags) == 80
            assert scenario.properties == {f"p{who}": 19 for who in range(4)}


# -------------------------------------------------------------------------- data nodes


async def test_a_data_node_has_attributes_of_its_own(
    config: Configuration, tmp_path: Path
) -> None:
    cfg = single(config, double, 5)
    path = tmp_path / "a.db"

    async with Orchestrator(config, store=path) as orchestrator:
        one, other = [await orchestrator.create_scenario(cfg) for _ in range(2)]
        await one.source.update(name="mine", validity_period=timedelta(microseconds=1))
        assert (one.source.name, other.source.name) == ("mine", None)
        assert not one.source.is_valid
        assert other.source.is_valid

    async with Orchestrator(config, store=path) as orchestrator:
        node = (await orchestrator.get_scenario(one.id)).source
        assert (node.name, node.is_valid) == ("mine", False)
        await node.update(validity_period=None)
        assert (node.name, node.validity_period, node.is_valid) == ("mine", None, True)

        for bad in (timedelta(), timedelta(seconds=-1), 5):
            wrong: Any = bad

            with pytest.raises(ValueError, match="a timedelta above 0, or None"):
                await node.update(validity_period=wrong)

        with pytest.raises(UsageError, match="with a default_path"):
            await node.update(path="a.p")


async def test_a_shared_data_node_is_changed_for_all(
    config: Configuration, tmp_path: Path
) -> None:
    from asyncflow import Scope

    node = config.configure_data_node("n", scope=Scope.GLOBAL, default_data=1)
    cfg = config.configure_scenario("s", additional_data_node_configs=node)
    path = tmp_path / "a.db"

    async with Orchestrator(config, store=path) as orchestrator:
        one = await orchestrator.create_scenario(cfg)
        await one.n.update(name="rate")

    async with Orchestrator(config, store=path) as orchestrator:
        assert (await orchestrator.create_scenario(cfg)).n.name == "rate"


async def test_a_path_of_its_own(
    config: Configuration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    node = config.configure_data_node("n", "json", default_path="all.json")
    twice = config.configure_data_node("twice")
    task = config.configure_task("t", double, node, twice)
    cfg = config.configure_scenario("s", task)
    path = tmp_path / "a.db"

    async with Orchestrator(config, store=path) as orchestrator:
        one, other = [await orchestrator.create_scenario(cfg) for _ in range(2)]
        await other.n.write(1)
        (tmp_path / "mine.json").write_text("5")
        await one.n.update(path="mine.json")
        assert one.n.path == str(tmp_path / "mine.json")
        assert await one.n.read() == 5
        await one.submit()
        assert await one.twice.read() == 10
        await one.n.write(7)
        assert await other.n.read() == 1
        assert (tmp_path / "mine.json").read_text() == "7"
        assert (await one.n.edits())[0].comment.startswith("its path")

        await one.n.lock_edit("ann")

        with pytest.raises(DataNodeIsBeingEdited):
            await one.n.update(path=Path("other.json"))

        await one.n.update(name="still")

    monkeypatch.chdir("/")

    async with Orchestrator(config, store=path) as orchestrator:
        node_of_one = (await orchestrator.get_scenario(one.id)).n
        assert await node_of_one.read() == 7
        assert node_of_one.name == "still"


# ------------------------------------------------------------------------------ events


async def test_a_change_is_told_once(config: Configuration) -> None:
    async with (
        Orchestrator(config, store=":memory:") as orchestrator,
        orchestrator.events(EntityUpdated) as events,
    ):
        scenario = await orchestrator.create_scenario(single(config, double, 5), a=1)
        await scenario.update(name="new", properties={"a": 2}, tags=[])
        await scenario.update(name="new")  # it is that already
        await scenario.source.update(name="source")
        found = [await anext(events) for _ in range(2)]
        assert [one.attributes for one in found] == [("name", "properties"), ("name",)]
        assert [one.entity_type for one in found] == ["SCENARIO", "DATA_NODE"]
        assert isinstance(found[0], EntityEvent)
        assert found[0].as_dict() == {
            "event": "EntityUpdated",
            "entity_type": "SCENARIO",
            "entity_id": scenario.id,
            "config_id": "single",
            "at": found[0].at.isoformat(),
            "attributes": ["name", "properties"],
            "user": None,
        }
