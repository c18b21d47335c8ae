"""Collections of MongoDB, as values: mongomock, or ASYNCFLOW_TEST_MONGO's server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import attrs
import mongomock
import pytest
from bson.errors import InvalidDocument

from asyncflow.drivers.mongo_collection import MongoDriver, MongoOptions
from asyncflow.errors import DataNodeReadingError, DataNodeWritingError
from asyncflow.filters import as_where
from asyncflow.worker.intent import settled_here
from tests.support.documents import SERVER
from tests.support.documents import driver as driver

ROWS = [{"id": 1, "name": "ä"}, {"id": 2, "name": None}, {"id": 3, "name": "c"}]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have what is noted of staged values lie where nothing else is."""
    monkeypatch.chdir(tmp_path)


def write(driver: MongoDriver, value: object, path: str = "J-1.value") -> None:
    driver.publish(driver.write(value, path, "node"), path)


def read(driver: MongoDriver, **part: Any) -> list[dict[str, Any]]:
    found: Any = driver.read(None, **part)
    return [{key: one[key] for key in one if key != "_id"} for one in found]


def names(driver: MongoDriver) -> list[str]:
    client = driver.client()
    found = client[driver.options.db_name].list_collection_names()
    client.close()
    return sorted(found)


def test_what_is_written_is_read(driver: MongoDriver) -> None:
    assert driver.read(None) == []
    write(driver, ROWS)
    assert read(driver) == ROWS
    write(driver, ROWS[:1])
    assert read(driver) == ROWS[:1]
    write(driver, [])
    assert read(driver) == []
    assert names(driver) == ["items"]


def test_what_was_read_can_be_written(driver: MongoDriver) -> None:
    write(driver, ROWS)
    value = driver.read(None)
    write(driver, value)
    assert driver.read(None) == value


@attrs.frozen
class Item:
    id: int
    name: str | None


def test_documents_of_a_class(driver: MongoDriver) -> None:
    driver.options = attrs.evolve(driver.options, custom_document=Item)
    write(driver, [Item(**row) for row in ROWS])  # type: ignore[arg-type]  # by name
    assert driver.read(None) == [Item(**row) for row in ROWS]  # type: ignore[arg-type]  # by name


def test_a_preview_asks_for_its_documents_alone(driver: MongoDriver) -> None:
    driver.publish(driver.write([{"a": 1}, {"a": 2}, {"a": 3}], "J-1", "n"), "J-1")
    whole: Any = driver.read(None)

    for rows in (0, 2, 9):
        shown = driver.preview(None, rows)
        assert shown.total == 3
        assert [dict(zip(shown.columns, row, strict=True)) for row in shown.rows] == (
            whole[:rows]
        )


def test_parts_are_asked_for(driver: MongoDriver) -> None:
    write(driver, ROWS)
    assert driver.read(None, columns=["name"])[0] == {"name": "ä"}  # type: ignore[index]  # rows

    for where, expected in [
        (("id", 1, ">"), [2, 3]),
        (("name", None), [2]),
        (("name", None, "!="), [1, 3]),
        (("name", "ä", "!="), [2, 3]),
        (("name", {"$ne": 1}), []),
        ([("id", 1, ">"), ("name", "c")], [3]),
    ]:
        found = read(driver, where=as_where(where))
        assert [one["id"] for one in found] == expected


def test_a_date_is_midnight_of_its_day(driver: MongoDriver) -> None:
    write(
        driver, [{"at": datetime.fromisoformat(f"2024-01-0{day}")} for day in (1, 2, 3)]
    )
    found = read(driver, where=as_where(("at", date(2024, 1, 2), ">=")))
    assert [one["at"].day for one in found] == [2, 3]


@pytest.mark.skipif(bool(SERVER), reason="it looks into mongomock")
def test_only_what_is_asked_for_leaves_the_server(
    driver: MongoDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(driver, [{"id": at, "name": f"n{at}"} for at in range(1000)])
    find = mongomock.Collection.find
    asked: list[Any] = []
    fetched: list[Any] = []

    def counted(collection: Any, query: Any, fields: Any) -> Iterator[Any]:
        asked.append(query)

        for one in find(collection, query, fields):
            fetched.append(one)
            yield one

    monkeypatch.setattr(mongomock.Collection, "find", counted)
    where = as_where([("name", "n7"), ("id", 1, ">")])
    assert driver.read(None, columns=["id"], where=where) == [{"id": 7}]
    assert fetched == [{"id": 7}]
    assert asked == [{"$and": [{"name": {"$eq": "n7"}}, {"id": {"$gt": 1}}]}]


def test_nobody_sees_what_is_not_published(driver: MongoDriver) -> None:
    write(driver, ROWS)
    kept = driver.write([], "J-2.value", "node")
    assert read(driver) == ROWS
    assert len(names(driver)) == 2
    driver.discard(kept, "J-2.value")
    assert read(driver) == ROWS
    assert names(driver) == ["items"]


def test_a_write_that_fails_leaves_what_was_there(driver: MongoDriver) -> None:
    write(driver, ROWS)

    with pytest.raises(DataNodeWritingError):
        write(driver, [{"_id": 1}, {"_id": 1}], "J-2.value")

    assert read(driver) == ROWS
    assert names(driver) == ["items"]


def test_indexes_stay(driver: MongoDriver) -> None:
    write(driver, ROWS)
    client = driver.client()
    collection = client[driver.options.db_name]["items"]
    collection.create_index([("id", 1)], unique=True, name="own")
    write(driver, ROWS[:2], "J-2.value")
    found = collection.index_information()
    client.close()
    assert found["own"]["unique"]


def test_no_server() -> None:
    options = MongoOptions(
        db_name="d",
        collection_name="c",
        db_host="127.0.0.1",
        db_port=1,
        db_username="me",
        db_password="hunter2",
        db_extra_args={"serverSelectionTimeoutMS": 100},
    )
    driver = MongoDriver(None, options)

    with pytest.raises(DataNodeReadingError, match="see that the server runs") as one:
        driver.read(None)

    with pytest.raises(
        DataNodeWritingError, match="data node 'node' at mongodb"
    ) as two:
        driver.write([], "J-1", "node")

    assert "hunter2" not in f"{one.value} {two.value} {driver.place}"


def append(driver: MongoDriver, value: object, path: str = "J-2.value") -> None:
    driver.publish(driver.append(value, None, path, "node"), path)


def test_append(driver: MongoDriver) -> None:
    append(driver, ROWS[:1])
    append(driver, ROWS[1:])
    assert read(driver) == ROWS
    assert names(driver) == ["items"]


def test_what_was_added_in_part_is_added_once(driver: MongoDriver) -> None:
    """As after a crash in the middle."""
    write(driver, ROWS[:1])
    driver.append(ROWS[1:], None, "J-2.value", "node")
    client = driver.client()
    database = client[driver.options.db_name]
    first = database["asyncflow_appended_items_J-2"].find_one()
    database["items"].insert_one(first)
    client.close()
    assert driver.is_published(None, "J-2.value") is False
    driver.publish(None, "J-2.value")
    assert read(driver) == ROWS
    assert driver.is_published(None, "J-2.value")


def test_what_was_added_in_part_goes_with_the_rest(driver: MongoDriver) -> None:
    """As at the start after a program was killed that appended by hand."""
    write(driver, ROWS[:1])
    driver.append(ROWS[1:], None, "J-2.value", "node")
    client = driver.client()
    database = client[driver.options.db_name]
    first = database["asyncflow_appended_items_J-2"].find_one()
    database["items"].insert_one(first)
    client.close()
    driver.discard(None, "J-2.value")
    assert read(driver) == ROWS[:1]
    assert names(driver) == ["items"]
    append(driver, ROWS[1:], "J-3.value")
    driver.discard(None, "J-3.value")  # what is there is no more of its making
    assert read(driver) == ROWS


def test_what_a_killed_job_has_staged_is_discarded(
    driver: MongoDriver, tmp_path: Path
) -> None:
    write(driver, ROWS)
    path = str(tmp_path / "ORCHESTRATOR_1-2.value")
    driver.write([], path, "node")
    assert (len(names(driver)), len([*tmp_path.iterdir()])) == (2, 1)
    assert settled_here("JOB_1", [("node", driver, path)]) is None
    assert (names(driver), [*tmp_path.iterdir()]) == (["items"], [])
    assert read(driver) == ROWS


def test_an_append_that_fails_adds_nothing(driver: MongoDriver) -> None:
    write(driver, [{"_id": 1, "id": 7}])
    client = driver.client()
    client[driver.options.db_name]["items"].create_index("id", unique=True)
    client.close()

    with pytest.raises(DataNodeWritingError, match="has a document with _id 1"):
        append(driver, [{"_id": 1, "id": 8}])

    with pytest.raises(DataNodeWritingError, match=r"E11000.*: mend the documents"):
        append(driver, [{"id": 6}, {"id": 7}])

    assert read(driver) == [{"id": 7}]
    assert names(driver) == ["items"]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "LOCALHOST"])
def test_places(host: str) -> None:
    options = MongoOptions(db_name="d", collection_name="c", db_host=host)
    driver = MongoDriver(None, options)
    assert driver.place == "mongodb://localhost:27017/d.c"
    assert driver.describe()["place"] == f"mongodb://{host}:27017/d.c"


def test_what_bson_cannot_hold_is_told() -> None:
    error = InvalidDocument("cannot encode object: {1}")
    assert "return documents" in MongoDriver(None, None).tell(error).remedy
