"""Cycles: scenarios of one period share one, and one of them is primary."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import anyio
import pytest

from asyncflow import (
    Calendar,
    ConfigError,
    Configuration,
    Cycle,
    DeletingPrimaryScenario,
    DoesNotBelongToACycle,
    EntityEvent,
    Frequency,
    NotFound,
    Orchestrator,
    Scenario,
    ScenarioConfig,
    Scope,
    Status,
    UsageError,
)
from asyncflow.runtime.calendar import local_zone
from tests.support.flows import double
from tests.support.stores import SHARED, Place
from tests.support.stores import kind as kind
from tests.support.stores import place as place
from tests.support.stores import server as server
from tests.support.stores import tables as tables

pytestmark = [pytest.mark.anyio, pytest.mark.blocking_jobs]

MAY = datetime(2026, 5, 1, tzinfo=UTC)
JUNE = datetime(2026, 6, 1, tzinfo=UTC)


def declare(
    config: Configuration, frequency: Frequency | Calendar = Frequency.MONTHLY
) -> ScenarioConfig:
    """Declare own and shared data nodes: rate -> work -> total, of a month."""
    config.configure_core(time_zone="UTC")
    rate = config.configure_data_node("rate", scope=Scope.CYCLE, default_data=2)
    total = config.configure_data_node("total", scope=Scope.CYCLE)
    note = config.configure_data_node("note", default_data="mine")
    world = config.configure_data_node("world", scope=Scope.GLOBAL, default_data=1)
    task = config.configure_task("work", double, rate, total, skippable=True)
    return config.configure_scenario("s", task, [note, world], frequency)


@pytest.mark.smoke
async def test_scenarios_of_a_month_share_a_cycle(
    config: Configuration, tmp_path: Path
) -> None:
    cfg = declare(config)
    store = tmp_path / "a.db"

    async with Orchestrator(config, store=store) as orchestrator:
        one = await orchestrator.create_scenario(cfg, MAY)
        other = await orchestrator.create_scenario(
            cfg, JUNE - timedelta(microseconds=1)
        )
        third = await orchestrator.create_scenario(cfg, JUNE)
        assert isinstance(one.cycle, Cycle)
        assert one.cycle is other.cycle
        assert one.cycle.id == "CYCLE_MONTHLY_2026-05-01T00:00:00Z"
        assert (one.cycle.start_date, one.cycle.end_date) == (MAY, JUNE)
        assert (one.cycle.name, one.cycle.frequency) == ("2026-05", Frequency.MONTHLY)
        assert MAY in one.cycle
        assert JUNE not in one.cycle
        assert [one.is_primary, other.is_primary, third.is_primary] == [
            *(True, False, True)
        ]
        assert repr(one.cycle) == "<Cycle MONTHLY 2026-05>"

        assert one.rate.id == f"DATANODE_rate_{one.cycle.id}"
        assert one.rate.owner_id == one.cycle.id
        assert one.rate is other.rate
        assert one.rate is not third.rate
        assert one.world is third.world
        assert one.note is not other.note
        await one.rate.write(5)
        assert (await other.rate.read(), await third.rate.read()) == (5, 2)

        await one.submit()
        assert (await other.submit()).jobs[0].status is Status.SKIPPED
        assert await other.total.read() == 10

    async with Orchestrator(config, store=store) as orchestrator:
        again = await orchestrator.get_scenario(other.id)
        assert again.cycle is not None
        assert (again.cycle.id, again.is_primary) == (one.cycle.id, False)
        assert await again.rate.read() == 5
        assert (await again.submit()).jobs[0].status is Status.SKIPPED
        fourth = await orchestrator.create_scenario(cfg, MAY + timedelta(days=3))
        assert fourth.cycle is again.cycle
        assert fourth.rate is again.rate
        node = await orchestrator.get(one.rate.id)
        assert node is again.rate
        assert await orchestrator.get(one.cycle.id) is again.cycle
        records = await orchestrator.cycles()
        assert [record.name for record in records] == ["2026-05", "2026-06"]
        assert records[0].as_dict()["start_date"] == MAY.isoformat()
        assert len(await orchestrator.scenarios(config_id="s")) == 4


async def test_another_scenario_becomes_primary(
    config: Configuration, tmp_path: Path
) -> None:
    cfg = declare(config)
    plain = config.configure_scenario("plain")
    store = tmp_path / "a.db"

    async with Orchestrator(config, store=store) as orchestrator:
        one, other = [await orchestrator.create_scenario(cfg, MAY) for _ in range(2)]
        cycle = one.cycle
        assert cycle is not None
        assert await orchestrator.get_primary(cycle) is one
        assert await orchestrator.is_promotable(other)
        await other.set_primary()
        assert (one.is_primary, other.is_primary) == (False, True)
        assert await orchestrator.get_primary(cycle) is other
        reasons = await orchestrator.is_promotable(other.id)
        assert not reasons
        assert (
            reasons.reasons
            == f"{other.id} is the primary scenario of {cycle.id} already"
        )

        alone = await orchestrator.create_scenario(plain)
        assert (alone.cycle, alone.is_primary) == (None, False)
        (reason,) = await orchestrator.is_promotable(alone)
        assert type(reason).__name__ == "HasNoCycle"

        with pytest.raises(DoesNotBelongToACycle, match=r"'plain'.*a frequency"):
            await alone.set_primary()

        await orchestrator.delete(alone.id)

        with pytest.raises(NotFound):
            await alone.set_primary()

    async with Orchestrator(config, store=store) as orchestrator:
        scenario = await orchestrator.get_scenario(other.id)
        assert scenario.is_primary
        await orchestrator.set_primary(await orchestrator.get_scenario(one.id))
        assert not scenario.is_primary


async def test_a_primary_scenario_goes_last(
    config: Configuration, tmp_path: Path
) -> None:
    cfg = declare(config)

    async with Orchestrator(config, store=tmp_path / "a.db") as orchestrator:
        one, other = [await orchestrator.create_scenario(cfg, MAY) for _ in range(2)]
        assert one.cycle is not None
        await one.submit()
        (reason,) = await orchestrator.is_deletable(one)
        assert reason.entity_id == one.id
        assert getattr(reason, "siblings", None) == 1

        with pytest.raises(DeletingPrimaryScenario, match="which has others") as raised:
            await orchestrator.delete(one.id)

        assert pickle.loads(pickle.dumps(raised.value)).cycle_id == one.cycle.id
        assert not one.is_deleted
        await orchestrator.delete(other.id)
        assert await orchestrator.is_deletable(one)
        await orchestrator.delete(one.id)

        with pytest.raises(NotFound):
            await orchestrator.get(one.cycle.id)

        with pytest.raises(NotFound):
            await orchestrator.get(one.rate.id)

        again = await orchestrator.create_scenario(cfg, MAY)
        assert again.is_primary
        assert await again.rate.read() == 2  # with default data, as at first
        (job,) = (await again.submit()).jobs
        assert job.status is Status.COMPLETED


async def test_a_cycle_is_deleted_with_its_scenarios(config: Configuration) -> None:
    cfg = declare(config)

    async with Orchestrator(config, store=":memory:") as orchestrator:
        scenarios = [await orchestrator.create_scenario(cfg, MAY) for _ in range(3)]
        stays = await orchestrator.create_scenario(cfg, JUNE)
        cycle = scenarios[0].cycle
        assert cycle is not None
        assert await orchestrator.is_deletable(cycle)
        await orchestrator.delete(cycle.id)
        assert [one.id for one in await orchestrator.scenarios()] == [stays.id]
        assert all(one.is_deleted for one in scenarios)
        assert len(await orchestrator.cycles()) == 1

        with pytest.raises(NotFound):
            await orchestrator.delete(cycle.id)

        (reason,) = await orchestrator.is_deletable(cycle)
        assert "nothing is known" in str(reason)
        (reason,) = await orchestrator.is_deletable(stays.note.id)
        assert "by itself" in str(reason)


async def test_what_has_a_run_is_not_deleted(config: Configuration) -> None:
    cfg = declare(config)

    async with Orchestrator(config, store=":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg, MAY)
        submission = scenario.submit()
        await submission.accepted()
        assert scenario.cycle is not None

        for entity in (scenario, scenario.cycle, submission):
            (reason,) = await orchestrator.is_deletable(entity)
            assert getattr(reason, "submission_id", None) == submission.id

        with pytest.raises(UsageError, match="has not ended"):
            await orchestrator.delete(scenario.cycle.id)

        await submission
        assert await orchestrator.is_deletable(submission)


# -------------------------------------------------------------------------- time zones


async def test_dates_without_a_time_zone_are_of_the_store(
    config: Configuration, tmp_path: Path
) -> None:
    cfg = declare(config, Frequency.DAILY)
    config.configure_core(time_zone="America/New_York")
    zone = ZoneInfo("America/New_York")
    store = tmp_path / "a.db"

    async with Orchestrator(config, store=store) as orchestrator:
        naive = datetime(2026, 5, 1, 22)  # noqa: DTZ001  # it is what a user gives
        scenario = await orchestrator.create_scenario(cfg, naive)
        assert scenario.creation_date == naive.replace(tzinfo=zone)
        assert scenario.creation_date.tzinfo is UTC
        assert scenario.cycle is not None
        assert scenario.cycle.name == "2026-05-01"
        assert scenario.cycle.start_date == datetime(2026, 5, 1, tzinfo=zone)

    config.configure_core(time_zone="Europe/Paris")

    async with Orchestrator(config, store=store) as orchestrator:
        with pytest.raises(ConfigError, match=r"CORE.time_zone.*'America/New_York'"):
            await orchestrator.create_scenario(cfg)

    config.configure_core()

    async with Orchestrator(config, store=store) as orchestrator:
        again = await orchestrator.create_scenario(cfg, naive)
        assert again.cycle is not None
        assert again.cycle.id == scenario.cycle.id


def test_the_time_zone_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", ":Asia/Kolkata")
    assert local_zone() == "Asia/Kolkata"
    monkeypatch.setenv("TZ", "/usr/share/zoneinfo/Europe/Paris")
    assert local_zone() == "Europe/Paris"
    monkeypatch.setenv("TZ", "CET-1CEST")
    ZoneInfo(local_zone())
    monkeypatch.delenv("TZ")
    ZoneInfo(local_zone())


def test_what_the_config_says_of_cycles_is_checked(config: Configuration) -> None:
    node = config.configure_data_node("n", scope=Scope.CYCLE)
    task = config.configure_task("t", double, node)
    config.configure_scenario("s", task)
    config.configure_scenario("more", additional_data_node_configs=node)
    config.configure_scenario("fine", task, frequency="DAILY")
    config.configure_scenario("wrong", frequency="HOURLY")
    config.configure_core(time_zone="Mars/Olympus")
    found = [(one.section, one.field, one.message) for one in config.problems()]
    assert [one[:2] for one in found] == [
        ("CORE", "time_zone"),
        ("SCENARIO.s", "frequency"),
        ("SCENARIO.more", "frequency"),
        ("SCENARIO.wrong", "frequency"),
    ]
    assert "the scope of 'n' is CYCLE" in found[1][2]


async def test_a_calendar_tells_its_cycles_from_others(config: Configuration) -> None:
    calendar = Calendar(Frequency.DAILY, timedelta(hours=6))
    cfg = declare(config, calendar)
    daily = config.configure_scenario("daily", frequency=Frequency.DAILY)

    async with Orchestrator(config, store=":memory:") as orchestrator:
        one = await orchestrator.create_scenario(cfg, MAY)
        other = await orchestrator.create_scenario(daily, MAY)
        assert one.cycle is not None
        assert one.cycle.id == "CYCLE_DAILY+21600s_2026-04-30T06:00:00Z"
        assert one.cycle is not other.cycle
        (record,) = await orchestrator.cycles(frequency="DAILY")
        assert record.start_date == MAY


# ------------------------------------------------------------------------------ events


async def test_what_happens_to_cycles_is_told(config: Configuration) -> None:
    cfg = declare(config)

    async with (
        Orchestrator(config, store=":memory:") as orchestrator,
        orchestrator.events(EntityEvent) as events,
    ):
        one, other = [await orchestrator.create_scenario(cfg, MAY) for _ in range(2)]
        await other.set_primary()
        await orchestrator.delete(one.id)
        await orchestrator.delete(other.id)
        found: list[EntityEvent] = []

        with anyio.fail_after(20):
            while not found or (type(found[-1]).__name__, found[-1].entity_type) != (
                *("EntityDeleted", "CYCLE"),
            ):
                found.append(await anext(events))

        told = [type(one).__name__ for one in found if one.entity_type == "CYCLE"]
        assert told == ["EntityCreated", "EntityUpdated", "EntityDeleted"]


# -------------------------------------------------------------------- several processes


@pytest.mark.limit(180)
@pytest.mark.parametrize("kind", SHARED, indirect=True)
async def test_two_orchestrators_keep_one_primary_a_cycle(
    config: Configuration, place: Place
) -> None:
    cfg = declare(config)

    async def work(orchestrator: Orchestrator, seed: int) -> None:
        random = Random(seed)
        known: list[Scenario] = []

        for _ in range(40):
            date = random.choice([MAY, JUNE])

            match random.choice(["create", "create", "promote", "delete"]):
                case "create":
                    known.append(await orchestrator.create_scenario(cfg, date))
                case "promote" if known:
                    await random.choice(known).set_primary()
                case "delete" if known:
                    scenario = random.choice(known)

                    try:
                        await orchestrator.delete(scenario.id)
                        known.remove(scenario)
                    except DeletingPrimaryScenario:
                        pass

    async with (
        Orchestrator(config, store=place.store()) as one,
        Orchestrator(config, store=place.store()) as other,
    ):
        async with anyio.create_task_group() as group:
            for seed, orchestrator in enumerate((one, other, one, other)):
                group.start_soon(work, orchestrator, seed)

        scenarios = await one.scenarios()
        cycles = {cycle.id: cycle for cycle in await one.cycles()}
        assert {scenario.cycle_id for scenario in scenarios} == {*cycles}

        for cycle in cycles.values():
            own = {one.id for one in scenarios if one.cycle_id == cycle.id}
            assert cycle.primary_id in own

        store = one._session.opened().store
        owners = {node.owner_id for node in await store.data_nodes()}
        assert owners == {None, *cycles, *(scenario.id for scenario in scenarios)}

        for scenario in scenarios[:3]:
            found = await other.get_scenario(scenario.id)
            assert await found.rate.read() == 2
