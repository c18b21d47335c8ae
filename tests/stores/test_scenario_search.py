"""Searches give the same in every store, by whatever index they begin."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import attrs
import pytest
from anyio import fail_after, to_thread

from asyncflow.options import Page
from asyncflow.records import DataNodeRecord, Record, ScenarioRecord
from asyncflow.stores import _scenario_list, _scenario_search
from asyncflow.stores.memory import MemoryStore
from asyncflow.stores.sqlite import SqliteStore
from tests.support.records import cycle_record, version_record
from tests.support.stores import STORES, Place
from tests.support.stores import kind as kind
from tests.support.stores import place as place
from tests.support.stores import server as server
from tests.support.stores import tables as tables

COUNT = 40
ASKED: dict[str, tuple[Any, ...]] = {
    "config_id": ("c", "d"),
    "name": ("n1", "n2"),
    "cycle_id": ("CYCLE_DAILY_1Z", "CYCLE_DAILY_2Z"),
    "tag": ("rare", "common"),
    "is_primary": (True, False),
    "properties": ({"a": 1}, {"a": 1, "b": "x"}, {"a": 1, "b": "x", "c": None}),
    "value": (
        ("n", "SCENARIO", [b"0"]),
        ("n", "SCENARIO", [b"0", b"1"]),
        ("day", "CYCLE", [b"1"]),
        ("all", "GLOBAL", [b"1"]),
        ("all", "GLOBAL", [b"2"]),
    ),
    "versions": (("1.0",), ("1.0", "2.0")),
    "created_from": (3.0,),
}
SORT_KEYS = ("creation_date", "name", "config_id", "id", "tags")


def made(number: int) -> list[Record]:
    config_id = "cd"[number % 2]
    record = ScenarioRecord(
        f"SCENARIO_{config_id}_{number}",
        config_id,
        f"n{number % 4}" if number % 4 else None,
        float(number % 20),
        {"a": number % 2, "b": "xy"[number % 3 == 0], "c": None},
        tags=("common", "rare") if number % 9 == 0 else ("common",) * (number % 3 > 0),
        cycle_id=f"CYCLE_DAILY_{number % 3}Z",
        version=f"{number % 3}.0",
    )
    node_id = f"DATANODE_n_{number}"
    value = version_record(1, node_id=node_id, kept=str(number % 3).encode())
    return [record, DataNodeRecord(node_id, "n", record.id), value]


def records() -> list[Record]:
    found = [record for number in range(COUNT) for record in made(number)]

    for day in range(3):
        cycle_id, node_id = f"CYCLE_DAILY_{day}Z", f"DATANODE_day_CYCLE_DAILY_{day}Z"
        primary = f"SCENARIO_{'cd'[day % 2]}_{day}"
        found += [
            cycle_record(day, primary_id=primary, primary_created=float(day)),
            DataNodeRecord(node_id, "day", cycle_id),
            version_record(1, node_id=node_id, kept=str(day % 2).encode()),
        ]

    shared = "DATANODE_all_GLOBAL"
    return [
        *found,
        DataNodeRecord(shared, "all", None),
        version_record(1, node_id=shared, kept=b"1"),
    ]


@pytest.mark.anyio
@pytest.mark.parametrize("kind", STORES, indirect=True, scope="session")
@pytest.mark.parametrize(
    ("few", "most"), [(0, 1), (0, 4000), (3, 1), (3, 4000), (4000, 3)]
)
async def test_all_stores_find_the_same(
    place: Place, few: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_scenario_search, "MOST", most)

    for module in (_scenario_list, _scenario_search):
        monkeypatch.setattr(module, "FEW", few)

    chance = random.Random(few)

    async with place.store() as store, MemoryStore() as other:
        for one in (store, other):
            one.save(*records())

        for _ in range(150):
            names = chance.sample([*ASKED], chance.randrange(4))
            asked: dict[str, Any] = {name: chance.choice(ASKED[name]) for name in names}
            asked["sort_key"] = chance.choice(SORT_KEYS)
            newest = Page(newest_first=chance.random() < 0.5)
            expected = await other.scenarios(**asked, page=newest)
            assert await store.scenarios(**asked, page=newest) == expected, asked

            if expected:
                last = chance.choice(expected)
                rest = await other.scenarios(**asked, page=newest, after=last)
                page = newest._replace(limit=5)
                found = await store.scenarios(**asked, page=page, after=last)
                assert found == rest[:5], asked


@pytest.mark.anyio
async def test_an_index_of_values_grows_by_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No search waits for it, nor does who writes; a later opening goes on with it."""
    monkeypatch.setattr(_scenario_search, "MOST", COUNT // 4)
    path = tmp_path / "asyncflow.db"
    wanted = "n", "SCENARIO", [b"1"]

    def filled() -> list[int | None]:
        with closing(sqlite3.connect(path)) as connection:
            return [row[0] for row in connection.execute("SELECT filled FROM searched")]

    async with SqliteStore(path) as store:
        store.save(*records())
        found = await store.scenarios(value=wanted)
        assert len(found) == len(range(1, COUNT, 3))

    first = await to_thread.run_sync(filled)
    assert first in ([], [COUNT // 4])

    async with SqliteStore(path) as store:
        with fail_after(10):
            while await to_thread.run_sync(filled) != [None]:
                assert await store.scenarios(value=wanted) == found

        assert await store.scenarios(value=wanted) == found


def test_a_search_begins_with_what_the_fewest_have() -> None:
    asked = _scenario_list.Asked(
        columns={"config_id": "c"},
        tag="tag",
        is_primary=True,
        properties={"a": 1, "b": 2},
    )
    wanted = _scenario_list.parts(asked)
    assert [part.kind for part in wanted] == [
        *("tag", "property", "property", "primary", "config_id")
    ]

    def query(counts: list[int], sort_key: str = "creation_date") -> set[str]:
        ordered = attrs.evolve(asked, sort_key=sort_key)
        given = _scenario_list.filters(ordered, wanted, counts)
        return {name for name in given if name.startswith("by_")}

    assert query([5, 4, 3, 9, 9]) == {"by_property"}
    assert query([2, 4, 3, 9, 9]) == {"by_tag"}
    assert query([2, 4, 3, 1, 9]) == {"by_primary"}
    assert query([2, 4, 3, 9, 1]) == {"by_config_id"}
    many = _scenario_list.FEW + 1
    assert query([many] * 5) == {"by_tag"}
    assert query([many] * 5, "name") == set()
    assert query([many, 7, many, many, many], "name") == {"by_property"}
