"""The contract of a store, run by every store."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from asyncflow.abc import Store
from asyncflow.errors import DeletingPrimaryScenario, NotFound, StoreFailed
from asyncflow.ids import config_of
from asyncflow.options import Page, SubmissionFilter
from asyncflow.records import (
    BasisRecord,
    CycleRecord,
    DataNodeRecord,
    FirstVersionRecord,
    InputRecord,
    LabelRecord,
    LogRecord,
    Record,
    SubmissionRecord,
    VersionRecord,
)
from asyncflow.status import Status, SubmissionStatus
from asyncflow.stores import _scenario_search
from tests.support.records import (
    ONE_OF_EACH,
    basis_record,
    cycle_record,
    input_record,
    job_record,
    log_record,
    node_record,
    orchestrator_record,
    scenario_record,
    submission_record,
    version_record,
)
from tests.support.stores import STORES, Place
from tests.support.stores import kind as kind
from tests.support.stores import place as place
from tests.support.stores import server as server
from tests.support.stores import tables as tables

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("kind", STORES, indirect=True, scope="session"),
]


@pytest.fixture
async def store(place: Place) -> AsyncIterator[Store]:
    async with place.store() as opened:
        yield opened


async def fails(store: Store) -> None:
    """Check that a store does nothing any more, as its orchestrator is gone."""
    words = "took this one for dead.*open a new one"

    for _ in range(2):
        with pytest.raises(StoreFailed, match=words):
            await store.flush()

        store.save(job_record("late"))

    with pytest.raises(StoreFailed, match=words):
        await store.jobs()

    with pytest.raises(StoreFailed, match=words):
        await store.delete("JOB_t_1")

    with pytest.raises(StoreFailed, match=words):
        await store.claim(submission_record("late"))


# --------------------------------------------------------------------------- attributes


async def test_attributes_are_changed_once(store: Store) -> None:
    first = scenario_record(1, properties={"a": 1}, tags=("x",))
    store.save(first, scenario_record(2))
    changed = first._replace(name="new", properties={"b": (1,)}, tags=(), revision=7)
    assert await store.update(changed, before=0)
    assert await store.get(first.id) == changed
    assert not await store.update(changed._replace(name="late", revision=8), before=0)
    assert await store.update(changed._replace(name=None, revision=9), before=7)
    assert await store.scenarios() == [
        changed._replace(name=None, revision=9),
        scenario_record(2),
    ]


async def test_an_update_leaves_the_rest_alone(store: Store) -> None:
    first = scenario_record(1)
    store.save(first)
    other = first._replace(config_id="other", created=9.0, name="new", revision=1)
    assert await store.update(other, before=0)
    assert await store.get(first.id) == first._replace(name="new", revision=1)


async def test_what_is_not_there_is_not_changed(store: Store) -> None:
    assert not await store.update(scenario_record(1, revision=1), before=0)
    assert not await store.update(node_record(1, revision=1), before=0)
    assert await store.scenarios() == []
    assert await store.data_nodes() == []


async def test_attributes_of_a_data_node_stay_when_it_is_saved_anew(
    store: Store,
) -> None:
    store.save(node_record(1))
    changed = node_record(1, attributes='{"name": "a"}', revision=5)
    assert await store.update(changed, before=0)
    store.save(node_record(1))
    locked = await store.lock(node_record(1, editor_id="ann"), now=1.0)
    assert locked == changed._replace(editor_id="ann")
    assert not await store.update(changed._replace(revision=6), before=0)
    assert await store.data_nodes() == [locked]


async def test_data_nodes_by_their_ids(store: Store) -> None:
    nodes = [node_record(n, owner_id="s" if n else None) for n in range(3)]
    store.save(*nodes)
    assert await store.data_nodes(node_ids=[nodes[2].id, nodes[0].id, "x"]) == [
        nodes[0],
        nodes[2],
    ]
    assert await store.data_nodes(node_ids=[]) == []
    found = await store.data_nodes(node_ids=[one.id for one in nodes], owner_id="s")
    assert found == nodes[1:]


# ------------------------------------------------------------------------------ cycles


def in_cycle(number: int, cycle: CycleRecord, **changes: Any) -> tuple[Record, Record]:
    """Return a scenario, and its cycle as it is saved with it."""
    scenario = scenario_record(number, cycle_id=cycle.id, **changes)
    claimed = cycle._replace(primary_id=scenario.id, primary_created=scenario.created)
    return scenario, claimed


async def test_who_comes_first_is_primary(store: Store) -> None:
    cycle = cycle_record(1)
    store.save(*in_cycle(1, cycle))
    store.save(*in_cycle(2, cycle._replace(created=9.0)))
    kept = cycle._replace(primary_id="SCENARIO_c_1", primary_created=1.0)
    assert await store.get(cycle.id) == kept
    assert await store.cycles() == [kept]
    assert len(await store.scenarios(cycle_id=cycle.id)) == 2
    assert await store.scenarios(cycle_id="other") == []


async def test_another_becomes_primary(store: Store) -> None:
    cycle = cycle_record(1)
    store.save(*in_cycle(1, cycle), *in_cycle(2, cycle), scenario_record(3))
    kept = cycle._replace(primary_id="SCENARIO_c_2", primary_created=2.0)
    assert await store.promote("SCENARIO_c_2") == kept
    assert await store.promote("SCENARIO_c_2") == kept
    assert await store.get(cycle.id) == kept
    assert await store.promote("SCENARIO_c_3") is None
    assert await store.promote("SCENARIO_c_4") is None
    assert await store.cycles() == [kept]


async def test_a_primary_scenario_stays_as_long_as_there_are_others(
    store: Store,
) -> None:
    cycle = cycle_record(1)
    store.save(*in_cycle(1, cycle), *in_cycle(2, cycle))
    store.save(node_record(1, owner_id=cycle.id), node_record(2))
    store.save(version_record(1, kept="of the cycle"), basis_record(1))
    store.save(basis_record(2, scenario_id=cycle.id))

    with pytest.raises(DeletingPrimaryScenario) as raised:
        await store.delete_ended("SCENARIO_c_1")

    assert raised.value.cycle_id == cycle.id
    assert len(await store.scenarios()) == 2
    assert await store.delete_ended("SCENARIO_c_2") == []
    assert len(await store.cycles()) == 1
    assert await store.delete_ended("SCENARIO_c_1") == ["of the cycle"]
    assert await store.cycles() == []
    assert await store.data_nodes() == [node_record(2)]
    assert await store.versions() == []
    assert await store.bases(cycle.id) == []


async def test_versions_of_an_application_are_kept_listed_and_cleaned(
    store: Store,
) -> None:
    cycle, label = cycle_record(1), LabelRecord("1.0", False, "", 1.0)
    assert await store.label(label) == label
    assert await store.label(label._replace(created=2.0)) == label
    promoted = label._replace(is_production=True)
    assert await store.label(promoted) == promoted
    assert await store.label(label) == promoted
    later = LabelRecord("1.1", False, "", 3.0)
    await store.label(later)
    assert await store.relabel(later._replace(config="{}"), before="")
    assert not await store.relabel(later._replace(config="[]"), before="")
    assert await store.labels() == [promoted, later._replace(config="{}")]

    for number, version in ((1, "1.0"), (2, "1.0"), (3, "1.1"), (4, None)):
        _, claimed = in_cycle(number, cycle)
        named = scenario_record(number, cycle_id=cycle.id, version=version, name="n")
        await store.create(named, claimed)

    listed = await store.scenarios(versions=["1.0"])
    assert [one.id for one in listed] == ["SCENARIO_c_1"]
    listed = await store.scenarios(versions=["1.0", "1.1"])
    assert [one.version for one in listed] == ["1.0", "1.1"]
    assert len(await store.scenarios()) == 2
    second = scenario_record(5, version="1.0", cycle_id=cycle.id)
    store.save(second, node_record(1, owner_id=second.id))
    store.save(
        version_record(1, kept="of the second"),
        submission_record(1, scenario_id=second.id),
    )
    ids = ["SCENARIO_c_1", second.id]
    assert await store.clean("1.0", ids) is None
    run = submission_record(1, scenario_id=second.id)
    assert await store.clean("1.0", ids, [run]) == ["of the second"]
    assert [one.name for one in await store.labels()] == ["1.1"]
    assert [one.version for one in await store.scenarios()] == ["1.1"]
    (kept,) = await store.cycles()
    assert kept.primary_id is None
    assert await store.clean("1.1", ["SCENARIO_c_3"]) == []
    assert not await store.cycles()
    assert not await store.labels()
    changed = scenario_record(6, version="1.0", revision=1)
    store.save(changed)
    wanted = changed._replace(version="2.0", revision=2)
    assert await store.update(wanted, before=1)
    assert await store.get(changed.id) == wanted


async def test_a_place_that_is_vacant_is_taken_by_who_comes_next(store: Store) -> None:
    cycle = cycle_record(1)
    store.save(*in_cycle(1, cycle), *in_cycle(2, cycle))
    await store.delete("SCENARIO_c_1")  # without a look at what it is
    assert await store.get(cycle.id) == cycle
    store.save(*in_cycle(3, cycle))
    (kept,) = await store.cycles()
    assert (kept.primary_id, kept.primary_created) == ("SCENARIO_c_3", 3.0)


async def test_cycles_come_by_their_first_instants(store: Store) -> None:
    late, early = cycle_record(2), cycle_record(1)
    weekly = cycle_record(3, frequency="WEEKLY")
    store.save(late, weekly, early)
    assert await store.cycles() == [early, late, weekly]
    assert await store.cycles(frequency="WEEKLY") == [weekly]
    assert await store.cycles(page=Page(newest_first=True, limit=1)) == [weekly]
    assert await store.cycles(page=Page(limit=1, offset=1)) == [late]


async def test_the_first_time_zone_stays(store: Store) -> None:
    assert await store.time_zone("Europe/Paris") == "Europe/Paris"
    assert await store.time_zone("UTC") == "Europe/Paris"


async def test_scenarios_by_tag_and_rank_a_page_at_a_time(store: Store) -> None:
    cycles = [cycle_record(number) for number in range(3)]
    many = [
        scenario_record(
            number,
            created=float(number // 2),  # some have one date
            tags=("even",) if number % 2 == 0 else ("odd", "x"),
            cycle_id=cycles[number % 3].id,
        )
        for number in range(12)
    ]

    for one in many:
        claimed = cycles[int(one.id[-1]) % 3]._replace(id=str(one.cycle_id))
        store.save(
            one, claimed._replace(primary_id=one.id, primary_created=one.created)
        )

    even, primary = many[::2], many[:3]
    assert await store.scenarios(tag="even") == even
    assert await store.scenarios(tag="x", config_id="c") == many[1::2]
    assert await store.scenarios(tag="unknown") == []
    assert await store.scenarios(is_primary=True) == primary
    assert await store.scenarios(is_primary=False) == many[3:]
    assert await store.scenarios(tag="even", is_primary=True) == [many[0], many[2]]
    assert await store.scenarios(tag="even", is_primary=False) == even[2:]
    assert await store.scenarios(tag="odd", cycle_id=cycles[1].id) == [many[1], many[7]]

    for filters, found in (
        ({}, many),
        ({"tag": "even"}, even),
        ({"is_primary": True}, primary),
        ({"cycle_id": cycles[0].id}, many[::3]),
    ):
        for newest_first in (False, True):
            page = Page(newest_first, 2)
            wanted = found[::-1] if newest_first else found
            seen: list[Any] = []
            last: Any = None

            while part := await store.scenarios(**filters, after=last, page=page):
                seen += part
                last = part[-1]

            assert seen == wanted

    gone = many[4]
    await store.delete(gone.id)
    assert await store.scenarios(after=gone) == many[5:]
    left = await store.scenarios(after=gone, page=Page(newest_first=True))
    # Of one that is not there any more, those of its date may come once more.
    assert [one.id for one in left] == [one.id for one in (many[5], *many[3::-1])]


async def test_scenarios_by_properties(store: Store) -> None:
    given: list[dict[str, Any]] = [
        {"unit": "kg", "rate": 1},
        {"unit": "kg", "rate": 1.0, "when": (1, 2)},  # pickled
        {"unit": '"kg', "rate": True},
        {"unit": None, "rate": 0.1 + 0.2, "1 unit": "kg"},
        {"unit": "null", "rate": "1", "long": "x" * 201, "list": [1], "nul": "\0"},
    ]
    store.save(*(scenario_record(n, properties=part) for n, part in enumerate(given)))

    async def found(**properties: object) -> list[str]:
        records = await store.scenarios(properties=properties)
        return [record.id[-1] for record in records]

    assert await found(unit="kg") == ["0", "1"]
    assert await found(unit="kg", rate=1) == ["0", "1"]
    assert await found(rate=1.0, unit="kg") == ["0", "1"]
    assert await found(**{"rate": 0.1 + 0.2, "unit": None, "1 unit": "kg"}) == ["3"]
    assert await found(**{"rate": 0.1 + 0.2, "unit": 0, "1 unit": "kg"}) == []
    assert await found(rate=True) == ["2"]
    assert await found(rate="1", unit="null") == ["4"]
    assert await found(unit=None) == ["3"]
    assert await found(rate=0.1 + 0.2, unit=None) == ["3"]
    assert await found(unit="kg", rate=2) == await found(other=1) == []

    for wrong in ([1], (1,), "x" * 201, "\0", float("nan")):
        with pytest.raises(ValueError, match="texts of at most 200"):
            await found(unit=wrong)

    (record,) = await store.scenarios(properties={"unit": "kg"}, page=Page(limit=1))
    changed = record._replace(properties={"unit": "t", "rate": 1}, revision=1)
    assert await store.update(changed, before=0)
    assert not await store.update(record._replace(properties={}), before=0)
    assert (await found(unit="kg"), await found(unit="t")) == (["1"], ["0"])

    (pickled,) = await store.scenarios(properties={"unit": "kg"})
    assert await store.update(pickled._replace(name="n", revision=1), before=0)
    assert await found(unit="kg") == ["1"]
    await store.delete(record.id)
    assert await found(unit="t") == []


@pytest.mark.parametrize("key", ["name", "config_id", "id", "tags", "creation_date"])
async def test_sorted_scenarios_a_page_at_a_time(store: Store, key: str) -> None:
    names = [None, "b", "Z", "", "é", "b", None, "x" * 300, "_", "a b", "a"]
    tags = [(), ("a",), ("a", "b"), ("ab",), ("b",)]
    many = [
        scenario_record(
            number,
            name=name,
            created=float(number // 3),
            config_id="dcbaDC"[number % 6],
            id=f"SCENARIO_c_{(number * 7) % 11:x}",
            tags=tags[number % 5],
            properties={"even": number % 2 == 0},
        )
        for number, name in enumerate(names)
    ]
    store.save(*many)
    ways: dict[str, Any] = {
        "name": lambda one: one.name or "",
        "config_id": lambda one: one.config_id,
        "id": lambda one: one.id,
        "tags": lambda one: one.tags,
        "creation_date": lambda one: one.created,
    }

    for filters, some in (
        ({}, many),
        ({"properties": {"even": True}}, many[::2]),
        ({"tag": "a"}, [one for one in many if "a" in one.tags]),
    ):
        wanted = sorted(some, key=lambda one: (ways[key](one), one.created))
        given: dict[str, Any] = {**filters, "sort_key": key}
        assert await store.scenarios(**given) == wanted

        for newest_first in (False, True):
            page = Page(newest_first, 2)
            seen: list[Any] = []
            last: Any = None

            while part := await store.scenarios(**given, after=last, page=page):
                seen += part
                last = part[-1]

            assert seen == (wanted[::-1] if newest_first else wanted)


@pytest.mark.parametrize("most", [1, 4000])
async def test_scenarios_by_the_value_of_a_data_node(
    store: Store, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while the index has a part of the values only."""
    monkeypatch.setattr(_scenario_search, "MOST", most)
    day = "CYCLE_DAILY_1Z"
    store.save(cycle_record(1), *(scenario_record(number) for number in range(3)))
    store.save(scenario_record(3, cycle_id=day))
    own = {
        f"DATANODE_{n}": f"SCENARIO_c_{n[-1]}" for n in ("n_0", "n_1", "n_2", "other_2")
    }
    shared = {f"DATANODE_day_{day}": day, "DATANODE_all_GLOBAL": None}
    store.save(
        *(
            DataNodeRecord(node_id, config_of(node_id), owner_id)
            for node_id, owner_id in (own | shared).items()
        ),
        version_record(1, node_id="DATANODE_n_0", kept=b"5"),
        version_record(2, node_id="DATANODE_n_0", kept=b"6"),
        version_record(1, node_id="DATANODE_n_1", kept=b"5"),
        version_record(2, node_id="DATANODE_n_1", kept=None, is_kept=False),
        version_record(1, node_id="DATANODE_other_2", kept=b"5"),
        version_record(1, node_id="DATANODE_n_2", kept="file"),
        version_record(1, node_id=f"DATANODE_day_{day}", kept=b"7"),
        version_record(1, node_id="DATANODE_all_GLOBAL", kept=b"8"),
    )

    async def found(config_id: str, *accepted: bytes) -> list[str]:
        scope = {"all": "GLOBAL", "day": "CYCLE"}.get(config_id, "SCENARIO")
        records = await store.scenarios(value=(config_id, scope, accepted))
        return [record.id[-1] for record in records]

    assert await found("n", b"5") == ["1"]
    assert await found("n", b"5", b"6") == ["0", "1"]
    assert await found("day", b"7") == ["3"]
    assert await found("all", b"8") == ["0", "1", "2", "3"]
    assert await found("unknown", b"5") == await found("n", b"file") == []
    long = b"5" * 300
    store.save(
        version_record(3, node_id="DATANODE_n_0", kept=b"5"),
        version_record(3, node_id="DATANODE_n_2", kept=long),
        version_record(2, node_id=f"DATANODE_day_{day}", kept=long),
        version_record(2, node_id="DATANODE_all_GLOBAL", kept=long),
    )
    assert await found("n", b"5") == ["0", "1"]
    assert await found("n", long) == ["2"]
    assert await found("day", long) == ["3"]
    assert await found("all", long) == ["0", "1", "2", "3"]
    assert [await found(name, long[:-1]) for name in ("n", "day", "all")] == [[]] * 3
    assert await found("day", b"7") == await found("all", b"8") == []
    store.save(version_record(1, node_id="DATANODE_n_1", kept=None, is_kept=False))
    assert await found("n", b"5") == ["0"]
    await store.delete(scenario_record(0).id)
    assert await found("n", b"5") == []


async def test_scenarios_are_found_by_values_as_they_are_made(store: Store) -> None:
    wanted = "n", "SCENARIO", [b"5", b"6"]
    assert await store.scenarios(value=wanted) == []
    made = [scenario_record(number, created=10.0 - number) for number in range(4)]
    store.save(
        version_record(1, node_id="DATANODE_n_0", kept=b"1")
    )  # of another kind first
    store.save(
        *made,
        *(
            DataNodeRecord(f"DATANODE_n_{number}", "n", record.id)
            for number, record in enumerate(made)
        ),
        *(
            version_record(
                2, node_id=f"DATANODE_n_{number}", kept=b"56"[number % 2 :][:1]
            )
            for number in range(4)
        ),
    )
    assert await store.scenarios(value=wanted) == made[::-1]
    first = await store.scenarios(value=wanted, page=Page(limit=2))
    assert first == made[:1:-1]
    rest = await store.scenarios(value=wanted, after=first[-1], page=Page(limit=2))
    assert rest == made[1::-1]

    for value, expected in ((b"5", made[2::-2]), (b"6", made[3::-2])):
        one = "n", "SCENARIO", [value]
        assert await store.scenarios(value=one) == expected
        assert await store.scenarios(value=one, after=expected[0]) == expected[1:]
        assert await store.scenarios(value=one, sort_key="id") == expected[::-1]
        newest = Page(newest_first=True)
        assert await store.scenarios(value=one, page=newest) == expected[::-1]


async def test_changed_sequences_are_kept(store: Store) -> None:
    first = scenario_record(1, sequences={"one": {"tasks": ["a"]}, "gone": None})
    store.save(first)
    assert await store.get(first.id) == first
    changed = first._replace(sequences={"two": {"tasks": []}}, revision=1)
    assert await store.update(changed, before=0)
    assert await store.scenarios() == [changed]


# ----------------------------------------------------------------------------- records


@pytest.mark.smoke
async def test_it_keeps_records_by_id(store: Store) -> None:
    store.save(*ONE_OF_EACH)
    await store.flush()

    for record in ONE_OF_EACH:
        if not isinstance(
            record, BasisRecord | VersionRecord | LogRecord | InputRecord
        ):
            assert await store.get(record.id) == record
            assert type(await store.get(record.id)) is type(record)

    for strange in ("SCENARIO_c_2", "", "DATANODE_n_1@1", "TASK_t_1", "JOB_t_1@log"):
        assert await store.get(strange) is None


async def test_it_lists_what_it_keeps(store: Store) -> None:
    store.save(*ONE_OF_EACH)

    scenario, node, submission, job, orchestrator, version, basis, log, given = (
        ONE_OF_EACH
    )
    assert await store.scenarios() == [scenario]
    assert await store.data_nodes() == [node]
    assert await store.submissions() == [submission]
    assert await store.jobs() == [job]
    assert await store.orchestrators() == [orchestrator]
    assert await store.versions() == [version]
    assert await store.bases("SCENARIO_c_1") == [basis]
    assert await store.bases("SCENARIO_c_2") == []
    assert await store.log("JOB_t_1") == log
    assert await store.log("JOB_t_2") is None
    assert await store.inputs("SUBMISSION_s_1", "SUBMISSION_s_2") == [given]
    assert await store.inputs("SUBMISSION_s_2") == []


async def test_a_record_replaces_the_one_with_its_id(store: Store) -> None:
    store.save(scenario_record(1, name="old"), job_record(1, status="RUNNING"))
    store.save(scenario_record(1, name="new"), scenario_record(2))
    store.save(job_record(1, status="FAILED"), job_record(1, status="COMPLETED"))
    seen = {"n": "1-2-3", "m": "4-5-6"}
    store.save(basis_record(1), basis_record(1, fingerprint="new", contents=seen))
    store.save(orchestrator_record(1), orchestrator_record(1, lease=200.5))
    store.save(log_record(1), log_record(1, text="more", left_out=7), log_record(2))

    assert await store.scenarios() == [
        scenario_record(1, name="new"),
        scenario_record(2),
    ]
    assert await store.jobs() == [job_record(1, status="COMPLETED")]
    assert await store.bases("SCENARIO_c_1") == [
        basis_record(1, fingerprint="new", contents=seen)
    ]
    assert await store.orchestrators() == [orchestrator_record(1, lease=200.5)]
    assert await store.log("JOB_t_1") == log_record(1, text="more", left_out=7)


async def test_a_submission_keeps_its_graph_and_properties(store: Store) -> None:
    first = submission_record(1, graph="[1]", properties={"a": 1}, run_timeout=1.5)
    store.save(first)
    await store.flush()
    ended = first._replace(
        orchestrator_id="o",
        status=SubmissionStatus.CANCELED,
        finished=9.5,
        reason="enough",
        graph="[2]",
        properties={},
        priority=2.0,
        run_timeout=None,
    )
    store.save(ended, submission_record(2, properties={"b": (1,)}))

    assert await store.submissions() == [
        ended._replace(graph="[1]", properties={"a": 1}),
        submission_record(2, properties={"b": (1,)}),
    ]


async def test_a_data_node_keeps_its_lock(store: Store) -> None:
    store.save(node_record(1, editor_id="ann", editor_expires=5.0))
    store.save(node_record(1, owner_id="o", editor_id="bob"))

    assert await store.data_nodes() == [
        node_record(1, owner_id="o", editor_id="ann", editor_expires=5.0)
    ]


async def test_a_version_keeps_who_made_it(store: Store) -> None:
    made = version_record(
        7, kept="1.value", editor_id="ann", comment="c", holder_id="o", job_id="j"
    )
    store.save(made)
    store.save(version_record(7, kept=None, is_kept=False))

    assert await store.versions() == [
        made._replace(kept=None, is_kept=False, holder_id=None)
    ]
    assert await store.kept_names() == set()


async def test_a_first_version_is_saved_only_where_none_is_kept(store: Store) -> None:
    def first(number: int, **changes: Any) -> FirstVersionRecord:
        return FirstVersionRecord._make(version_record(number, **changes))

    last = first(5, kept="2.value", node_id="DATANODE_n_2", comment="c", facts="{}")
    store.save(node_record(1), first(9, holder_id="o"), last)
    store.save(first(9, kept=b"again"), first(7, kept="1.value"), version_record(8))
    await store.flush()
    assert await store.versions(node_id="DATANODE_n_1") == [
        version_record(9, holder_id="o"),
        version_record(8),
    ]
    assert await store.versions(node_id="DATANODE_n_2") == [last]

    for number in (8, 9):
        store.save(version_record(number, kept=None, is_kept=False))

    store.save(first(7))
    found = await store.versions(node_id="DATANODE_n_1", is_kept=True)
    assert found == [version_record(7)]


@pytest.mark.parametrize("kept", [None, b"", b"\0\xff", "name", "ä b", b"x" * 70_000])
async def test_it_keeps_values(store: Store, kept: bytes | str | None) -> None:
    record = version_record(2**63 - 1, kept=kept)
    store.save(record)

    assert await store.versions() == [record]
    assert type((await store.versions())[0].kept) is type(kept)


async def test_it_refuses_what_is_no_record(store: Store) -> None:
    with pytest.raises(TypeError, match="records of asyncflow, not 'text'"):
        store.save(job_record(1), "text")  # type: ignore[arg-type]  # a mistake

    assert await store.jobs() == []


async def test_kept_names_are_those_of_files(store: Store) -> None:
    store.save(
        version_record(1, kept="1.value"),
        version_record(2, kept=b"2"),
        version_record(3, kept=None),
        version_record(4, node_id="n", kept="4.value"),
        version_record(5, kept="5.value"),
        version_record(5, kept=None, is_kept=False),
        input_record(1, kept="6.value"),
        input_record(2, kept=b"7"),
    )
    assert await store.kept_names() == {"1.value", "4.value", "6.value"}


async def test_it_tells_whether_other_hosts_may_use_it(store: Store, kind: str) -> None:
    assert store.is_far is (kind == "postgres")


# ----------------------------------------------------------------------------- queries


async def test_a_query_filters(store: Store) -> None:
    scenarios = [
        scenario_record(number, config_id=config_id, name=name)
        for number, config_id, name in [(0, "c", "x"), (1, "d", "x"), (2, "c", None)]
    ]
    nodes = [node_record(1, owner_id="o"), node_record(2), node_record(3, owner_id="")]
    jobs = [
        job_record(1),
        job_record(2, status="FAILED", submission_id="s"),
        job_record(3, task_id="t", submission_id="s"),
    ]
    store.save(*scenarios, *nodes, *jobs)

    assert await store.scenarios(config_id="c") == [scenarios[0], scenarios[2]]
    assert await store.scenarios(config_id="c", name="x") == [scenarios[0]]
    assert await store.scenarios(created_from=1.0) == scenarios[1:]
    assert await store.scenarios(created_from=0.0, created_to=1.0) == scenarios[:1]
    assert await store.scenarios(created_to=0.0) == []
    assert await store.scenarios(config_id="x' OR 1=1 --") == []
    assert await store.data_nodes(owner_id="o") == nodes[:1]
    assert await store.data_nodes(owner_id="") == nodes[2:]
    assert await store.data_nodes() == nodes
    assert await store.jobs(submission_id="s") == jobs[1:]
    assert await store.jobs(submission_id="s", task_id="t") == jobs[2:]
    assert await store.jobs(status="FAILED") == [jobs[1]]
    assert await store.jobs(status="FAILED", task_id="t") == []


async def test_a_query_for_submissions_filters(store: Store) -> None:
    first, second, third = submissions = [
        submission_record(1, finished=0.0),
        submission_record(2, entity_id="e", status="FAILED", orchestrator_id="o"),
        submission_record(3, entity_id="e", scenario_id="s", orchestrator_id="o"),
    ]
    store.save(*submissions)

    assert await store.submissions(entity_id="e") == [second, third]
    assert await store.submissions(entity_id="e", status="FAILED") == [second]
    assert await store.submissions(scenario_id="s") == [third]
    assert await store.submissions(orchestrator_id="o") == [second, third]
    assert await store.submissions(is_finished=True) == [first]
    assert await store.submissions(is_finished=False) == [second, third]
    assert await store.submissions(is_finished=None) == submissions
    assert await store.submissions(is_finished=True, orchestrator_id="o") == []
    assert await store.submissions(
        is_finished=False, orchestrator_id="o", page=Page(newest_first=True, limit=1)
    ) == [third]


async def test_data_nodes_of_a_version_come_after_what_scenarios_share(
    store: Store,
) -> None:
    late = scenario_record(1, created=20.0, version="1")
    early = scenario_record(2, created=-10.0, version="1")
    other = scenario_record(3, created=15.0, version="2")
    none = scenario_record(4, created=5.0)
    owners = (late.id, None, early.id, other.id, "CYCLE_DAILY_1Z", none.id, late.id)
    nodes = [
        DataNodeRecord(f"DATANODE_n_{number}", "n", owner)
        for number, owner in enumerate(owners)
    ]
    store.save(late, early, other, none, *nodes)
    shared = [nodes[1], nodes[4]]
    wanted = [*shared, nodes[2], nodes[0], nodes[6]]
    assert await store.data_nodes(labels=["1"]) == wanted
    assert await store.data_nodes(labels=["1"], page=Page(True)) == wanted[::-1]
    page = Page(False, limit=2, offset=1)
    assert await store.data_nodes(labels=["1"], page=page) == wanted[1:3]
    assert await store.data_nodes(labels=["1"], owner_id=late.id) == wanted[3:]
    assert await store.data_nodes(labels=["2"], owner_id=late.id) == []
    assert await store.data_nodes(labels=[], node_ids=[nodes[0].id]) == []
    assert await store.data_nodes(labels=["3"]) == shared
    both = [*shared, nodes[2], nodes[3], nodes[0], nodes[6]]
    assert await store.data_nodes(labels=["2", "1"]) == both


async def test_submissions_are_found_by_their_scenarios_and_times(store: Store) -> None:
    store.save(
        scenario_record(1, config_id="c", name="Jan_1%", tags=("a", "b")),
        scenario_record(2, config_id="d", name=None, cycle_id="CYCLE_1", version="1"),
    )
    one, two = [f"SCENARIO_c_{number}" for number in (1, 2)]
    runs = [
        submission_record(1, scenario_id=one, submitted=10.0, finished=13.0),
        submission_record(2, scenario_id=two, submitted=20.0, reason="Too OLD"),
        submission_record(3, scenario_id=one, submitted=30.0, finished=31.0),
        submission_record(4, scenario_id="gone", submitted=40.0, finished=43.0),
    ]
    first, second, third, fourth = runs
    store.save(*runs)
    failure, success = (
        job_record(
            number, submission_id=third.id, status=status, reason="no column 'X'"
        )
        for number, status in ((1, "FAILED"), (2, "COMPLETED"))
    )
    store.save(failure, success._replace(submission_id=fourth.id))

    async def found(page: Page | None = None, **facts: Any) -> list[SubmissionRecord]:
        return await store.submissions(where=SubmissionFilter(**facts), page=page)

    assert await found() == runs
    assert await found(config_id="c") == [first, third]
    assert await found(config_id="c", cycle_id="CYCLE_1") == []
    assert await found(cycle_id="CYCLE_1") == await found(labels=["1"]) == [second]
    assert await found(tag="b") == [first, third]
    assert await found(text="jan_1%") == [first, third]
    assert await found(text="an%1") == await found(text="ja_") == []
    assert await found(text="old") == [second]
    assert await found(text="COLUMN 'x'") == [third]  # only failures are why
    assert await found(text=fourth.id[5:].lower()) == [fourth]
    assert await found(submitted_from=20.0, submitted_to=40.0) == [second, third]

    by_duration = [third, first, fourth, second]
    down = Page(newest_first=True)
    assert await found(by_duration=True) == by_duration
    assert await found(down, by_duration=True) == by_duration[::-1]

    for number, run in enumerate(runs):
        assert await found(after_id=run.id) == runs[number + 1 :]
        assert await found(down, after_id=run.id) == runs[:number][::-1]

    for number, run in enumerate(by_duration):
        facts: dict[str, Any] = {"by_duration": True, "after_id": run.id}
        assert await found(**facts) == by_duration[number + 1 :]
        assert await found(down, **facts) == by_duration[:number][::-1]

    assert await found(Page(limit=1), tag="a", after_id=second.id) == [third]
    assert await found(after_id="SUBMISSION_gone") == []
    where = SubmissionFilter(tag="a")
    assert await store.submissions(where=where, is_finished=False) == []
    assert await store.submissions(where=where, scenario_id=one) == [first, third]


async def test_a_query_for_versions_filters(store: Store) -> None:
    store.save(node_record(1, owner_id="s"), node_record(2, owner_id="s"))
    store.save(node_record(3))
    numbers = [(1, 30), (2, 10), (3, 20), (1, 5), (2, 40)]
    thirty, ten, twenty, five, forty = [
        version_record(number, node_id=f"DATANODE_n_{node}", is_kept=number > 9)
        for node, number in numbers
    ]
    store.save(thirty, ten, twenty, five, forty)

    # In the order of their first saves: clocks differ.
    assert await store.versions() == [thirty, ten, twenty, five, forty]
    assert await store.versions(owner_id="s") == [thirty, ten, five, forty]
    assert await store.versions(node_id="DATANODE_n_1") == [thirty, five]
    assert await store.versions(node_id="DATANODE_n_1", is_kept=True) == [thirty]
    assert await store.versions(node_id="DATANODE_n_3", owner_id="s") == []
    assert await store.versions(
        node_id="DATANODE_n_2", owner_id="s", page=Page(limit=1)
    ) == [ten]
    assert await store.versions(is_kept=False) == [five]
    assert await store.versions(
        node_ids=["DATANODE_n_3", "DATANODE_n_1", "DATANODE_n_4"]
    ) == [thirty, twenty, five]
    assert await store.versions(
        node_ids={"DATANODE_n_1", "DATANODE_n_3"}, owner_id="s", is_kept=True
    ) == [thirty]
    assert await store.versions(node_ids=[]) == []
    assert await store.versions(
        owner_id="s", page=Page(newest_first=True, limit=2)
    ) == [
        forty,
        five,
    ]
    assert await store.versions(page=Page(newest_first=True, offset=3)) == [ten, thirty]


async def test_the_value_of_a_version_stays_until_that_is_dropped(store: Store) -> None:
    made = version_record(30, kept=b"value")
    store.save(made, version_record(20))
    store.save(made._replace(kept=b"", holder_id="o"))  # who may not have it any more
    assert (await store.versions())[0] == made._replace(holder_id="o")
    store.save(made._replace(kept=None, is_kept=False))
    store.save(made._replace(kept=b"value", holder_id="o"))  # held after all
    assert (await store.versions())[0] == made._replace(holder_id="o")


async def test_what_was_seen_in_a_place_stays(store: Store) -> None:
    made = VersionRecord("DATANODE_n_1", 1, None)
    store.save(made)
    assert await store.versions() == [made]
    store.save(made._replace(fingerprint="1-2"))
    store.save(made, made._replace(is_kept=False))
    dropped = made._replace(fingerprint="1-2", is_kept=False)
    assert await store.versions() == [dropped]


@pytest.mark.parametrize("kept", [b"value", "1.value"])
async def test_what_is_pinned_stays_when_it_is_dropped(
    store: Store, kept: bytes | str
) -> None:
    names = [kept] if isinstance(kept, str) else []
    version = VersionRecord("DATANODE_n_1", 1, kept)
    runs = (submission_record(name, id=f"SUBMISSION_{name}") for name in "abc")
    store.save(version, *runs)
    current: dict[str, int | None] = {"DATANODE_n_1": None}
    store.pin("SUBMISSION_a", {**current, "DATANODE_n_2": None})
    store.pin("SUBMISSION_b", current)
    dropped = version._replace(kept=None, is_kept=False)
    store.save(dropped, VersionRecord("DATANODE_n_1", 2, b"2"))
    store.pin("SUBMISSION_c", current)
    assert (await store.versions())[0] == dropped._replace(kept=kept)
    assert await store.pinned("SUBMISSION_a") == {("DATANODE_n_1", 1)}
    assert await store.pinned("SUBMISSION_c") == {("DATANODE_n_1", 2)}
    assert await store.unpin("SUBMISSION_a") == []
    assert await store.kept_names() == {*names}
    assert await store.unpin("SUBMISSION_c") == []
    assert (await store.versions())[0] == dropped._replace(kept=kept)
    assert await store.unpin("SUBMISSION_b") == names
    assert (await store.versions())[0] == dropped
    assert await store.kept_names() == set()
    assert await store.pinned("SUBMISSION_b") == set()
    assert await store.unpin("SUBMISSION_b") == []


async def test_a_write_pins_what_it_replaces(store: Store) -> None:
    node_id = "DATANODE_n_1"
    store.save(scenario_record(1), node_record(1, owner_id="SCENARIO_c_1"))
    runs = [
        submission_record(name, id=f"SUBMISSION_{name}", scenario_id="SCENARIO_c_1")
        for name in "abcd"
    ]
    first, *others = (VersionRecord(node_id, number, b"") for number in (1, 2, 3, 4))
    store.save(first, *runs[:3], runs[3]._replace(finished=2.5))
    known = {"SUBMISSION_a": True, "SUBMISSION_b": False}
    assert await store.write(node_id, others[0], readers=known) is None
    assert await store.versions() == [first]
    assert await store.pinned("SUBMISSION_a") == set()

    known |= {"SUBMISSION_c": False, "SUBMISSION_d": True}
    assert await store.write(node_id, others[0], readers=known)
    assert await store.pinned("SUBMISSION_a") == {(node_id, 1)}
    assert await store.write(
        node_id, others[1], readers={**known, "SUBMISSION_c": True}
    )
    assert await store.pinned("SUBMISSION_a") == {(node_id, 1)}
    assert await store.pinned("SUBMISSION_b") == set()
    assert await store.pinned("SUBMISSION_c") == {(node_id, 2)}
    assert await store.pinned("SUBMISSION_d") == set()
    assert await store.versions() == [first, *others[:2]]

    await store.delete("SCENARIO_c_1")
    assert await store.write(node_id, others[2], readers={}) is False
    assert await store.versions() == []


async def test_one_version_is_pinned_for_a_run_that_goes_on(store: Store) -> None:
    run = submission_record(1)
    node_id = "DATANODE_n_1"
    store.save(*(VersionRecord(node_id, number, b"") for number in (1, 2, 3)))
    store.pin(run.id, {node_id: None})
    store.save(run)
    assert await store.pinned(run.id) == set()
    store.pin(run.id, {node_id: None})
    assert await store.pinned(run.id) == {(node_id, 3)}
    assert await store.unpin(run.id) == []
    store.pin(run.id, {node_id: 2})
    assert await store.pinned(run.id) == {(node_id, 2)}
    assert await store.pinned_for_ended() == []

    store.save(run._replace(finished=2.5))
    assert await store.pinned_for_ended() == [run.id]
    store.pin(run.id, {node_id: 1})
    assert await store.pinned(run.id) == {(node_id, 2)}
    await store.delete(run.id)
    assert await store.pinned_for_ended() == [run.id]
    assert await store.unpin(run.id) == []
    assert await store.pinned_for_ended() == []


async def test_it_lists_the_jobs_of_several_runs(store: Store) -> None:
    jobs = [job_record(n, submission_id=f"SUBMISSION_{n % 3}") for n in range(7)]
    store.save(*jobs)
    found = await store.jobs(submission_ids={"SUBMISSION_0", "SUBMISSION_2", "x'\""})
    assert found == [jobs[n] for n in (0, 2, 3, 5, 6)]
    assert (
        await store.jobs(submission_ids=["SUBMISSION_1"], page=Page(offset=1))
        == jobs[4:5]
    )
    assert await store.jobs(submission_ids=[]) == []
    store.save(failed := jobs[3]._replace(status=Status.FAILED))
    assert (await store.jobs(submission_ids=["SUBMISSION_0"], status="FAILED")) == [
        failed
    ]
    both = await store.jobs(
        submission_id="SUBMISSION_1", submission_ids=["SUBMISSION_0"]
    )
    assert both == []


async def test_a_query_gives_pages_in_order(store: Store) -> None:
    dated = [scenario_record(n, created=float(n // 2)) for n in (5, 1, 0, 4, 3)]
    jobs = [job_record(n) for n in (3, 1, 2)]
    nodes = [node_record(n) for n in (3, 1, 2)]
    submissions = [submission_record(n) for n in (3, 1, 2)]
    store.save(*dated, *jobs, *nodes, *submissions)
    store.save(dated[1], jobs[0], nodes[0], submissions[0])

    # By their date; those of one date as they were saved.
    ordered = [dated[1], dated[2], dated[4], dated[0], dated[3]]
    assert await store.scenarios() == ordered
    assert await store.scenarios(page=Page(newest_first=True)) == ordered[::-1]
    assert await store.scenarios(page=Page(limit=2)) == ordered[:2]
    assert await store.scenarios(page=Page(limit=2, offset=4)) == ordered[4:]
    assert await store.scenarios(page=Page(limit=0)) == []
    assert await store.scenarios(page=Page(offset=3)) == ordered[3:]
    assert await store.scenarios(page=Page(offset=9)) == []
    assert await store.scenarios(page=Page(newest_first=True, limit=2, offset=1)) == [
        ordered[3],
        ordered[2],
    ]

    assert await store.jobs() == jobs
    assert await store.jobs(page=Page(newest_first=True, limit=1)) == jobs[2:]
    assert await store.data_nodes(page=Page(offset=1)) == nodes[1:]
    assert await store.data_nodes(page=Page(newest_first=True)) == nodes[::-1]
    assert await store.submissions(page=Page(limit=2)) == submissions[:2]
    assert (
        await store.submissions(page=Page(newest_first=True, offset=2))
        == submissions[:1]
    )


async def test_a_record_that_moves_keeps_its_place(store: Store) -> None:
    jobs = [job_record(n, submission_id="s") for n in (1, 2, 3)]
    store.save(*jobs, jobs[0]._replace(submission_id="t"))
    assert await store.jobs(submission_id="s") == jobs[1:]

    store.save(jobs[0])
    assert await store.jobs(submission_id="s") == jobs


@pytest.mark.both_loops
async def test_flushes_and_queries_may_be_many_at_once(store: Store) -> None:
    async def save_and_ask(number: int) -> None:
        store.save(job_record(number, submission_id=str(number % 7)))
        await store.flush()
        assert await store.get(f"JOB_t_{number}") is not None
        assert await store.jobs(submission_id=str(number % 7)) != []

    async with anyio.create_task_group() as group:
        for number in range(100):
            group.start_soon(save_and_ask, number)

    assert len(await store.jobs()) == 100


# ---------------------------------------------------------------------------- deletion


async def test_it_deletes_records(store: Store) -> None:
    store.save(*ONE_OF_EACH, scenario_record(2), job_record(2, submission_id="s"))
    ids = [record.id for record in ONE_OF_EACH]
    assert await store.delete(*ids, "SCENARIO_unknown") == []
    assert await store.delete() == []

    assert await store.scenarios() == [scenario_record(2)]
    assert await store.jobs() == [job_record(2, submission_id="s")]
    assert await store.data_nodes() == []
    assert await store.submissions() == []
    assert await store.versions() == []
    assert await store.orchestrators() == []
    assert await store.bases("SCENARIO_c_1") == []
    assert await store.log("JOB_t_1") is None
    assert await store.get(ONE_OF_EACH[0].id) is None

    # What is saved again comes last.
    store.save(job_record(1))
    assert [job.id for job in await store.jobs()] == ["JOB_t_2", "JOB_t_1"]


async def save_two_scenarios(store: Store) -> None:
    for name in ("a", "b"):
        owner = f"SCENARIO_c_{name}"
        node, run = node_record(name, owner_id=owner), f"SUBMISSION_s_{name}"
        store.save(
            scenario_record(name),
            node,
            version_record(1, node_id=node.id, kept=f"{name}1.value"),
            version_record(2, node_id=node.id, kept=b"2", holder_id="o"),
            version_record(3, node_id=node.id, kept=f"{name}3.value"),
            submission_record(name, scenario_id=owner, graph=name),
            job_record(f"{name}_1", submission_id=run),
            job_record(f"{name}_2", submission_id=run),
            log_record(f"{name}_1"),
            log_record(f"{name}_2"),
            basis_record(name, scenario_id=owner),
        )


async def test_what_a_scenario_has_goes_with_it(store: Store) -> None:
    await save_two_scenarios(store)
    store.save(node_record("shared"), orchestrator_record(1))

    names = await store.delete("SCENARIO_c_a")

    assert sorted(names) == ["a1.value", "a3.value"]
    assert [one.id for one in await store.scenarios()] == ["SCENARIO_c_b"]
    assert [one.id for one in await store.data_nodes()] == [
        "DATANODE_n_b",
        "DATANODE_n_shared",
    ]
    assert {one.node_id for one in await store.versions()} == {"DATANODE_n_b"}
    assert len(await store.versions()) == 3
    assert [one.id for one in await store.submissions()] == ["SUBMISSION_s_b"]
    assert {one.submission_id for one in await store.jobs()} == {"SUBMISSION_s_b"}
    assert len(await store.jobs()) == 2
    assert await store.bases("SCENARIO_c_a") == []
    assert len(await store.bases("SCENARIO_c_b")) == 1
    assert len(await store.orchestrators()) == 1
    assert await store.kept_names() == {"b1.value", "b3.value"}
    assert await store.log("JOB_t_a_1") is None
    assert await store.log("JOB_t_a_2") is None
    assert await store.log("JOB_t_b_2") == log_record("b_2")


async def test_jobs_go_with_a_submission(store: Store) -> None:
    await save_two_scenarios(store)
    assert await store.delete("SUBMISSION_s_a") == []

    assert {one.submission_id for one in await store.jobs()} == {"SUBMISSION_s_b"}
    assert len(await store.scenarios()) == 2
    assert len(await store.versions()) == 6
    assert await store.log("JOB_t_a_1") is None
    assert await store.log("JOB_t_b_1") == log_record("b_1")
    await store.delete("JOB_t_b_1")
    assert await store.log("JOB_t_b_1") is None
    assert await store.log("JOB_t_b_2") == log_record("b_2")

    # A submission of that id that comes later has its own graph.
    store.save(submission_record("a", graph="new"))
    assert [one.graph for one in await store.submissions()] == ["b", "new"]


async def test_versions_go_with_a_data_node(store: Store) -> None:
    await save_two_scenarios(store)
    names = await store.delete("DATANODE_n_a", "DATANODE_n_b")

    assert sorted(names) == ["a1.value", "a3.value", "b1.value", "b3.value"]
    assert await store.versions() == []
    assert await store.data_nodes() == []
    assert len(await store.scenarios()) == 2


async def test_the_values_that_it_holds_go_with_an_orchestrator(store: Store) -> None:
    held = version_record(1, holder_id="ORCHESTRATOR_1", kept="1.value", comment="c")
    store.save(orchestrator_record(1), orchestrator_record(2), held)
    store.save(version_record(2, holder_id="ORCHESTRATOR_1", node_id="n"))
    store.save(version_record(3, holder_id="ORCHESTRATOR_2"), version_record(4))

    assert await store.delete("ORCHESTRATOR_1") == ["1.value"]
    assert await store.orchestrators() == [orchestrator_record(2)]
    assert await store.versions() == [
        held._replace(kept=None, is_kept=False, holder_id=None),
        version_record(2, kept=None, is_kept=False, node_id="n"),
        version_record(3, holder_id="ORCHESTRATOR_2"),
        version_record(4),
    ]


async def test_it_keeps_the_order_of_saves_and_deletes(store: Store) -> None:
    async with anyio.create_task_group() as group:
        store.save(job_record(1))
        group.start_soon(store.delete, "JOB_t_1")
        await anyio.lowlevel.checkpoint()
        await anyio.lowlevel.checkpoint()
        store.save(job_record(1, status="FAILED"))

    assert await store.jobs() == [job_record(1, status="FAILED")]


# -------------------------------------------------------------------- several may want it


async def test_inputs_are_those_of_the_claim_that_was_first(store: Store) -> None:
    store.save(scenario_record(1))
    first = submission_record(1)
    second = first._replace(orchestrator_id="o")
    given = [input_record(1), input_record(1, node_id="m", kept="m.value")]

    assert await store.claim(first, given) == first
    assert await store.claim(second, [input_record(1, node_id="other")]) == first
    assert await store.inputs(first.id) == given

    third = submission_record(3)
    await store.submit(third, [input_record(3)])()
    assert await store.inputs(third.id, first.id) in (
        [input_record(3), *given],
        [*given, input_record(3)],
    )

    lost = submission_record(4, scenario_id="SCENARIO_c_gone")

    with pytest.raises(NotFound):
        await store.submit(lost, [input_record(4)])()

    with pytest.raises(NotFound):
        await store.claim(lost, [input_record(4)])

    assert await store.inputs(lost.id) == []


async def test_inputs_go_with_their_submission(store: Store) -> None:
    runs = [submission_record(number, finished=1.0) for number in range(3)]
    store.save(scenario_record(1), *runs)
    store.save(*(input_record(number, kept=f"{number}.value") for number in range(3)))

    assert await store.delete(runs[0].id) == ["0.value"]
    await store.prune(runs[1].id)
    assert await store.kept_names() == {"2.value"}
    assert await store.delete("SCENARIO_c_1") == ["2.value"]
    assert await store.inputs(*(run.id for run in runs)) == []


async def test_a_name_is_made_once(store: Store) -> None:
    first = scenario_record(1, name="é\0")
    node = node_record(1, owner_id=first.id)

    assert await store.create(first, node, version_record(1)) == first.id
    other = scenario_record(2, name="é\0")
    late = node_record(2, owner_id=other.id)
    assert await store.create(other, late, version_record(2)) == first.id
    assert await store.scenarios() == [first]
    assert await store.data_nodes() == [node]
    assert await store.versions() == [version_record(1)]

    another = scenario_record(3, name="é\0", config_id="d")
    assert await store.create(another) == another.id

    store.save(scenario_record(-1, name="é\0"))
    assert await store.create(other) == "SCENARIO_c_-1"
    await store.delete(first.id, "SCENARIO_c_-1")
    assert await store.create(other) == other.id


async def test_a_submission_is_claimed_once(store: Store) -> None:
    store.save(scenario_record(1))
    first = submission_record(1, graph="[1]", properties={"a": (1,)})
    second = first._replace(orchestrator_id="o", graph="[2]", properties={})

    assert await store.claim(first) == first
    assert await store.claim(second) == first
    assert await store.submissions() == [first]

    store.save(first._replace(status=SubmissionStatus.FAILED))
    assert await store.claim(second) == first._replace(status=SubmissionStatus.FAILED)

    await store.delete(first.id)
    assert await store.claim(second) == second
    assert await store.get(first.id) == second


async def test_a_run_is_kept_where_its_scenario_is(store: Store) -> None:
    store.save(scenario_record(1))
    first = submission_record(1, graph="[1]", properties={"a": (1,)})
    saved = store.submit(first)
    await saved()
    await saved()
    assert await store.submissions() == [first]
    store.save(first._replace(finished=2.5))
    await store.delete("SCENARIO_c_1")

    gone = store.submit(first)
    store.pin(first.id, {"DATANODE_n_1": None})

    with pytest.raises(NotFound, match="SCENARIO_c_1"):
        await gone()

    with pytest.raises(NotFound, match="SCENARIO_c_1"):
        await store.claim(first)

    assert await store.submissions() == []
    assert await store.pinned_for_ended() == []


async def test_what_goes_on_is_not_deleted(store: Store) -> None:
    store.save(scenario_record(1), version_record(1, kept="1.value"))
    store.save(node_record(1, owner_id="SCENARIO_c_1"))
    run, other = submission_record(1), submission_record(2)
    store.save(run, other._replace(finished=2.5))
    names = await store.delete_ended("SCENARIO_c_1")
    assert names is None
    assert await store.delete_ended(run.id) is None
    heirs = run._replace(orchestrator_id="o")
    assert await store.delete_ended("SCENARIO_c_1", [heirs, other]) is None
    assert len(await store.submissions()) == 2
    assert len(await store.scenarios()) == len(await store.versions()) == 1

    assert await store.delete_ended(other.id) == []
    assert await store.delete_ended("SCENARIO_c_1", [run]) == ["1.value"]
    assert await store.submissions() == []
    assert await store.scenarios() == []
    assert await store.delete_ended("SCENARIO_c_1") == []


async def test_a_data_node_is_locked_by_one(store: Store) -> None:
    free = node_record(1, owner_id="o")
    ann = free._replace(editor_id="ann", editor_expires=10.0)
    bob = free._replace(editor_id="bob", editor_expires=30.0)
    store.save(free)

    assert await store.lock(ann, now=5.0) == ann
    assert await store.lock(bob, now=5.0) == ann
    assert await store.lock(bob, now=10.0) == ann
    longer = ann._replace(editor_expires=20.0)
    assert await store.lock(longer, now=15.0) == longer
    assert await store.lock(bob, now=20.5) == bob
    assert await store.lock(longer, now=25.0) == bob
    assert await store.data_nodes() == [bob]

    assert await store.lock(free, now=25.0) == free
    assert await store.lock(free, now=25.0) == free
    assert await store.data_nodes() == [free]


async def test_a_lock_may_have_no_end(store: Store) -> None:
    store.save(node_record(1))
    for_ever = node_record(1, editor_id="ann")

    assert await store.lock(for_ever, now=5.0) == for_ever
    assert await store.lock(node_record(1, editor_id="bob"), now=1e12) == for_ever


async def test_a_lock_changes_nothing_else(store: Store) -> None:
    store.save(node_record(1, owner_id="o"))
    other = node_record(1, config_id="other", editor_id="ann")

    assert await store.lock(other, now=5.0) == node_record(
        1, owner_id="o", editor_id="ann"
    )
    assert await store.lock(node_record(2, editor_id="ann"), now=5.0) is None
    assert len(await store.data_nodes()) == 1


async def test_a_dead_orchestrator_is_adopted(store: Store) -> None:
    dead, heir = orchestrator_record(1), orchestrator_record(2)
    ended = submission_record(1, finished=2.5)
    going = submission_record(2)
    others = submission_record(3, orchestrator_id="o")
    held = version_record(1, holder_id=dead.id)
    others_too = version_record(2, holder_id="o")
    store.save(dead, heir, ended, going, others, held, others_too, version_record(3))

    await store.adopt(dead.id, heir.id)

    assert await store.orchestrators() == [heir]
    going = going._replace(orchestrator_id=heir.id)
    assert await store.submissions() == [ended, going, others]
    held = held._replace(holder_id=heir.id)
    assert await store.versions() == [held, others_too, version_record(3)]

    # Another was faster.
    await store.adopt(dead.id, "late")
    assert await store.submissions() == [ended, going, others]


async def test_what_is_unknown_is_not_adopted(store: Store) -> None:
    store.save(submission_record(1), version_record(1, holder_id="ORCHESTRATOR_1"))
    await store.adopt("ORCHESTRATOR_1", "ORCHESTRATOR_2")

    assert await store.submissions() == [submission_record(1)]
    assert await store.versions() == [version_record(1, holder_id="ORCHESTRATOR_1")]


async def test_who_has_renewed_its_lease_is_not_adopted(store: Store) -> None:
    store.save(orchestrator_record(1, lease=100.0), submission_record(1))

    await store.adopt("ORCHESTRATOR_1", "ORCHESTRATOR_2", lease_until=99.5)
    assert await store.orchestrators() == [orchestrator_record(1, lease=100.0)]
    assert await store.submissions(orchestrator_id="ORCHESTRATOR_1") != []

    await store.adopt("ORCHESTRATOR_1", "ORCHESTRATOR_2", lease_until=100.0)
    assert await store.orchestrators() == []
    assert await store.submissions(orchestrator_id="ORCHESTRATOR_2") != []


async def test_a_lease_is_of_the_clock_of_the_store(store: Store) -> None:
    before = await store.now()
    await store.register(orchestrator_record(1, lease=5.0), lease=100.0)
    (record,) = await store.orchestrators()
    after = await store.now()
    assert before - 0.01 <= record.lease - 100.0 <= after + 0.01
    assert abs(after - time.time()) < 10


async def test_who_was_taken_for_dead_writes_nothing(place: Place) -> None:
    async def be_adopted() -> None:
        async with place.store() as store:
            await store.register(orchestrator_record(1))
            assert await store.orchestrators() == [orchestrator_record(1)]
            store.save(job_record(1))
            await store.flush()

            await store.adopt("ORCHESTRATOR_1", "ORCHESTRATOR_2")
            store.save(job_record(2))
            await fails(store)

    with pytest.raises(StoreFailed, match="took this one for dead"):
        await be_adopted()


async def test_who_has_gone_by_itself_may_write(store: Store) -> None:
    await store.register(orchestrator_record(1))
    store.save(version_record(1, holder_id="ORCHESTRATOR_1", kept="1.value"))

    assert await store.delete("ORCHESTRATOR_1") == ["1.value"]
    store.save(job_record(1))
    assert await store.jobs() == [job_record(1)]

    await store.register(orchestrator_record(2))
    assert await store.orchestrators() == [orchestrator_record(2)]


async def test_it_can_be_opened_again(place: Place) -> None:
    store = place.store()

    for _ in range(2):
        async with store:
            store.save(*ONE_OF_EACH)
            await store.register(orchestrator_record(1))
            assert len(await store.jobs()) == 1
            assert isinstance((await store.submissions())[0], SubmissionRecord)


# ------------------------------------------------------------------------------- old runs


async def test_what_has_finished_is_pruned(store: Store) -> None:
    runs = [
        submission_record(n, finished=None if n == 3 else 100.0 - n)
        for n in (1, 2, 3, 4, 5)
    ]
    jobs = [job_record(n, submission_id=runs[n - 1].id) for n in (1, 2, 3, 4, 5)]
    logs = [LogRecord(jobs[n - 1].id, f"printed {n}") for n in (1, 3, 4)]
    store.save(*runs, *jobs, *logs)
    one, two, _three, four, five = [run.id for run in runs]

    assert await store.prunable() == [one, two, four, five]
    assert await store.prunable(limit=2) == [one, two]
    assert await store.prunable(keep=0) == [one, two, four, five]
    assert await store.prunable(keep=3) == [one]
    assert await store.prunable(keep=9) == []
    assert await store.prunable(finished_before=97.0) == [four, five]
    assert await store.prunable(finished_before=97.0, keep=1) == [four]
    assert await store.prunable(has_log=True) == [one, four]
    assert await store.prunable(has_log=True, keep=2) == [one]

    assert await store.prune(four, logs_only=True) == (0, 0, 1, 0)
    assert await store.log(jobs[3].id) is None
    assert await store.jobs(submission_id=four) == [jobs[3]]

    assert await store.prune(one, two, "SUBMISSION_unknown") == (2, 2, 1, 0)
    assert await store.submissions() == runs[2:]
    assert await store.jobs() == jobs[2:]
    assert await store.log(jobs[0].id) is None
    assert await store.log(jobs[2].id) == logs[1]
    assert await store.prune() == (0, 0, 0, 0)
    assert await store.shrink() == 0
