"""Fingerprints that a data node's own query or function gives."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import attrs
import pytest
from anyio import to_thread

from asyncflow import ConfigError, Configuration, DataNodeReadingError, Orchestrator
from asyncflow.drivers._options import told_by
from asyncflow.drivers.generic import GenericDriver, GenericOptions
from asyncflow.drivers.mongo_collection import MongoDriver
from tests.support.databases import Database
from tests.support.databases import database as database
from tests.support.databases import server_or_none as server_or_none
from tests.support.documents import driver as driver
from tests.support.flows import configuration, statuses
from tests.support.postgres import server as server

QUERY = "SELECT count(*), max(id) FROM items"


@pytest.fixture
def items(database: Database) -> Database:
    database.run("INSERT INTO items (id) VALUES (1)")
    return database


def newest(connection: Any) -> Any:
    from sqlalchemy import text

    return connection.execute(text("SELECT max(id) FROM items")).scalar()


@pytest.mark.parametrize("fingerprint", [QUERY, newest])
@pytest.mark.parametrize("kind", ["table", "query"])
def test_databases(items: Database, kind: str, fingerprint: Any) -> None:
    more: dict[str, Any] = {"read_query": "SELECT * FROM items"}
    options = more if kind == "query" else {}
    found = getattr(items, kind)(fingerprint=fingerprint, **options)
    before = found.fingerprint()
    assert before
    assert found.fingerprint() == before
    items.run("INSERT INTO items (id) VALUES (2)")
    assert found.fingerprint() != before


def test_collections(driver: MongoDriver) -> None:
    def count(collection: Any) -> int:
        found: int = collection.count_documents({})
        return found

    found = type(driver)(None, attrs.evolve(driver.options, fingerprint=count))
    assert found.fingerprint() == "0"
    found.publish(found.write([{"a": 1}], "/x/J-1.value", "node"), "/x/J-1.value")
    assert found.fingerprint() == "1"
    assert driver.fingerprint() is None


def test_functions(tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    path.write_text("[1]")

    def text(of: Path) -> str:
        return of.read_text()

    options = GenericOptions(read_fct=text, read_fct_args=[path], fingerprint=text)
    found = GenericDriver(None, options)
    assert found.fingerprint() == "[1]"
    path.write_text("[1]" * 100)
    assert len(found.fingerprint() or "") == 32


def test_any_value_is_one() -> None:
    assert told_by(None) is None
    assert told_by(0) == "0"
    assert told_by([(1, None)]) == "[(1, None)]"


def shop(folder: Path) -> Path:
    path = folder / "shop.db"

    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE items (id INTEGER)")
        database.execute("INSERT INTO items VALUES (1)")

    return path


def insert(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("INSERT INTO items SELECT max(id) + 1 FROM items")


def declare(path: Path, fingerprint: object) -> Configuration:
    config = configuration("standalone", 1)
    items = config.configure_sql_table_data_node(
        "items",
        url=f"sqlite:///{path}",
        table_name="items",
        exposed_type="list[dict]",
        fingerprint=fingerprint,  # type: ignore[arg-type]  # a wrong one, too
    )
    number = config.configure_data_node("number")
    task = config.configure_task(
        "count", len, items, number, skippable=True, executor="thread"
    )
    config.configure_scenario("flow", task)
    return config


@pytest.mark.anyio
async def test_a_task_that_reads_a_table_is_skipped(tmp_path: Path) -> None:
    path = await to_thread.run_sync(shop, tmp_path)
    config = declare(path, QUERY)

    async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
        scenario = await orchestrator.create_scenario("flow")
        await scenario.submit()
        assert statuses((await scenario.submit()).jobs) == ["SKIPPED"]
        await to_thread.run_sync(insert, path)
        submission = await scenario.submit()
        assert submission.jobs[0].reason == (
            f"`items` was changed by something else, at sqlite:///{path}#items"
        )
        assert await scenario.number.read() == 2
        assert [one.comment for one in await scenario.items.edits()] == [
            "default data",
            "changed outside",
        ]


def first(rows: list[dict[str, int]]) -> int:
    return rows[0]["id"]


def rows_of(number: int) -> list[dict[str, int]]:
    return [{"id": number}]


def file_mark(path: Path) -> float:
    return path.stat().st_mtime_ns


def load(path: Path) -> object:
    return json.loads(path.read_text())


def dump(value: object, path: Path) -> None:
    path.write_text(json.dumps(value))


@pytest.mark.anyio
@pytest.mark.parametrize("storage_type", ["sql_table", "generic", "csv"])
async def test_what_a_run_has_written_is_known_to_the_next(
    tmp_path: Path, storage_type: str
) -> None:
    await to_thread.run_sync(shop, tmp_path)
    own = [tmp_path / "own.json"]
    places: dict[str, dict[str, Any]] = {
        "sql_table": {
            "url": f"sqlite:///{tmp_path}/shop.db",
            "table_name": "items",
            "exposed_type": "list[dict]",
            "fingerprint": QUERY,
        },
        "generic": {
            "read_fct": load,
            "read_fct_args": own,
            "write_fct": dump,
            "write_fct_args": own,
            "fingerprint": file_mark,
        },
        "csv": {
            "default_path": f"file://{tmp_path}/own.csv",
            "storage_options": {"auto_mkdir": True},
            "exposed_type": "list[dict]",
        },
    }
    config = configuration("standalone", 1)
    number = config.configure_data_node("number", default_data=3)
    middle = config.configure_data_node("middle", storage_type, **places[storage_type])
    result = config.configure_data_node("result")
    writes = config.configure_task("write", rows_of, number, middle, skippable=True)
    reads = config.configure_task("read", first, middle, result, skippable=True)
    config.configure_scenario("flow", [writes, reads])

    async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
        scenario = await orchestrator.create_scenario("flow")
        await scenario.submit()
        submission = await scenario.submit()
        assert statuses(submission.jobs) == ["SKIPPED", "SKIPPED"]
        await scenario.middle.write([{"id": 4}])
        again = await scenario.tasks["read"].submit()
        assert again.jobs[0].reason == "`middle` has a new version"
        again = await scenario.tasks["read"].submit()
        assert statuses(again.jobs) == ["SKIPPED"]


@pytest.mark.anyio
async def test_a_wrong_query_is_told(tmp_path: Path) -> None:
    path = await to_thread.run_sync(shop, tmp_path)
    config = declare(path, "SELECT wrong FROM items")

    async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
        scenario = await orchestrator.create_scenario("flow")
        await scenario.submit()
        submission = await scenario.submit()
        assert statuses(submission.jobs) == ["COMPLETED"]
        assert "no such column: wrong" in submission.jobs[0].reason

        with pytest.raises(DataNodeReadingError, match=r"'items' at .*no such column"):
            await scenario.items.fingerprint()


def test_functions_by_their_names(config: Configuration, tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(
        """
        [DATA_NODE.a]
        storage_type = "generic"
        read_fct = "json:loads"
        read_fct_args = ["[1]"]
        fingerprint = "json:loads"

        [DATA_NODE.b]
        storage_type = "sql"
        url = "sqlite:///a.db"
        write_query_builder = "json:dumps"
        fingerprint = "json:loads"
        """
    )
    config.load(file)
    options: Any = [config.data_nodes[name].driver_options() for name in "ab"]
    assert options[0].read_fct is options[0].fingerprint is json.loads
    assert options[1].write_query_builder is json.dumps
    exported = tmp_path / "exported.toml"
    config.export(exported)
    assert exported.read_text().count('"json:loads"') == 3
    file.write_text(
        """
        [DATA_NODE.c]
        storage_type = "generic"
        read_fct = "json:nothing"
        """
    )

    with pytest.raises(ConfigError, match="'json' has no 'nothing'") as caught:
        config.load(file)

    assert "read_fct" in [one.field for one in caught.value.problems]
