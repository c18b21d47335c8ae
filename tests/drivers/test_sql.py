"""Tables and queries of databases, as values: SQLite, and PostgreSQL."""

from __future__ import annotations

import os
import signal
import sqlite3
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import anyio
import attrs
import numpy as np
import pandas
import polars
import pytest
from anyio import to_thread
from sqlalchemy import Engine, create_engine, event, text

from asyncflow import Configuration, DataNodeConfig, Orchestrator, SubmissionFailed
from asyncflow.abc import Driver
from asyncflow.drivers._sql import SqlDriver
from asyncflow.drivers.sql import SqlQueryDriver
from asyncflow.drivers.sql_table import SqlTableDriver, SqlTableOptions
from asyncflow.errors import DataNodeReadingError, DataNodeWritingError
from asyncflow.filters import JoinOperator, as_where
from asyncflow.selection import preview
from tests.support.databases import Database
from tests.support.databases import database as database
from tests.support.databases import server_or_none as server_or_none
from tests.support.postgres import Server
from tests.support.postgres import server as server

ROWS = [
    {"id": 1, "name": "ä", "price": 1.5},
    {"id": 2, "name": None, "price": 2.5},
    {"id": 3, "name": "c'; DROP TABLE items; --", "price": None},
]


def write(driver: Driver, value: object, path: str = "J-1") -> None:
    driver.publish(driver.write(value, path, "node"), path)


def ids(value: Any) -> list[int]:
    return [row["id"] for row in value]


@pytest.mark.smoke
def test_what_is_written_is_read(database: Database) -> None:
    driver = database.table()
    write(driver, ROWS)
    assert driver.read(None) == ROWS
    write(driver, ROWS[:1])
    assert driver.read(None) == ROWS[:1]
    write(driver, [])
    assert driver.read(None) == []


@pytest.mark.parametrize("kind", ["pandas", "polars", "arrow", "numpy", "list[dict]"])
def test_exposed_types(database: Database, kind: str) -> None:
    driver = database.table(exposed_type=kind)
    write(driver, ROWS)
    value = driver.read(None)
    write(driver, value)
    assert database.table().read(None) == ROWS
    write(driver, [])
    assert len(driver.read(None)) == 0  # type: ignore[arg-type]  # a table


@attrs.frozen
class Item:
    id: int
    name: str | None
    price: float | None


def test_objects_of_a_class(database: Database) -> None:
    driver = database.table(exposed_type=Item)
    write(driver, [Item(**row) for row in ROWS])  # type: ignore[arg-type]  # by name
    assert driver.read(None) == [Item(**row) for row in ROWS]  # type: ignore[arg-type]  # by name


def test_frames_of_other_libraries(database: Database) -> None:
    write(database.table(), polars.DataFrame(ROWS))
    assert database.table().read(None) == ROWS
    write(database.table(), pandas.DataFrame(ROWS))
    assert database.table().read(None) == ROWS


@pytest.mark.parametrize("kind", ["table", "query"])
def test_parts_are_asked_for(database: Database, kind: str) -> None:
    write(database.table(), ROWS)
    driver = (
        database.table()
        if kind == "table"
        else database.query(read_query="SELECT * FROM items ORDER BY id;")
    )
    assert driver.read(None, columns=["price"])[0] == {"price": 1.5}  # type: ignore[index]  # rows

    for where, expected in [
        (("id", 1, ">"), [2, 3]),
        (("name", None), [2]),
        (("name", None, "!="), [1, 3]),
        (("name", "ä", "!="), [2, 3]),
        (("name", "c'; DROP TABLE items; --"), [3]),
        (("name", "' OR '1'='1"), []),
        ([("id", 1, ">"), ("price", 3, "<")], [2]),
    ]:
        assert ids(driver.read(None, where=as_where(where))) == expected

    for part in ({"columns": ["prize"]}, {"where": as_where(("prize", 1))}):
        with pytest.raises(DataNodeReadingError, match=r"no column 'prize'.*id, name"):
            driver.read(None, **part)

    assert len(database.rows()) == 3


@pytest.mark.parametrize("end", [" -- all", ";", "; -- all\n-- of them\n", ";;"])
def test_a_query_may_end_in_a_comment(database: Database, end: str) -> None:
    write(database.table(), ROWS)
    driver = database.query(read_query=f"SELECT id, name FROM items{end}")
    assert sorted(ids(driver.read(None))) == [1, 2, 3]
    assert ids(driver.read(None, columns=["id"], where=as_where(("id", 2)))) == [2]
    assert driver.preview(None, 9).total == 3


def test_columns_of_one_name_are_refused(database: Database) -> None:
    write(database.table(), ROWS)
    query = "SELECT a.id, b.name, b.id, b.price AS {} FROM items AS a, items AS b"
    driver = database.query(read_query=query.format("price"))
    found: list[str] = []

    for part in ({}, {"columns": ["id"]}, {"where": as_where(("name", "ä"))}):
        with pytest.raises(
            DataNodeReadingError, match=r"cannot be read: (two|.*ambig)"
        ):
            driver.read(None, **part)

    with pytest.raises(DataNodeReadingError, match="are 'id': give them aliases"):
        driver.preview(None, 1)

    aliased = 'SELECT id, price AS "id:1" FROM items'  # as SQLite names the second one
    found = [*database.query(read_query=aliased).read(None, columns=["id:1"])[0]]  # type: ignore[index]  # rows
    assert found == ["id:1"]


class Counting(SqlDriver):
    """Counts the rows and the cells that come from the database."""

    fetched: tuple[int, int] = 0, 0

    def value_of(
        self,
        names: Sequence[str],
        rows: Sequence[Any],
        wanted: Sequence[str] | None = None,
    ) -> object:
        self.fetched = len(rows), sum(map(len, rows))
        return super().value_of(names, rows, wanted)


class CountingTable(Counting, SqlTableDriver):
    pass


class CountingQuery(Counting, SqlQueryDriver):
    pass


@pytest.mark.parametrize("kind", ["table", "query"])
def test_only_what_is_asked_for_leaves_the_database(
    database: Database, kind: str
) -> None:
    write(database.table(), [{"id": at, "name": f"n{at}"} for at in range(1000)])
    table = CountingTable(None, database.table().options)
    query = database.query(read_query="SELECT * FROM items")
    driver = table if kind == "table" else CountingQuery(None, query.options)
    told: list[tuple[str, Any]] = []

    def tell(_: object, __: object, statement: str, parameters: Any, *___: Any) -> None:
        told.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", tell)

    try:
        word = "n7' OR 1=1 --"
        both = [("name", "n7"), ("name", word)]
        where = as_where(both, JoinOperator.OR)
        assert driver.read(None, columns=["id"], where=where) == [{"id": 7}]
    finally:
        event.remove(Engine, "before_cursor_execute", tell)

    assert driver.fetched == (1, 1)
    statement, parameters = told[-1]
    assert "n7" not in statement
    values = parameters.values() if isinstance(parameters, dict) else parameters
    assert {*values} == {"n7", word}


def test_a_write_that_fails_leaves_what_was_there(database: Database) -> None:
    driver = database.table()
    write(driver, ROWS)

    for wrong, what in [
        ([{"id": 1}, {"id": 1}], "rules of the table"),
        ([{"id": 1, "prize": 2}], "no column 'prize'.*id, name, price"),
        (7, "a value of type int is no table"),
    ]:
        with pytest.raises(DataNodeWritingError, match=what) as caught:
            write(driver, wrong)

        assert "data node 'node'" in str(caught.value)
        assert driver.read(None) == ROWS


def test_nobody_sees_what_is_not_published(database: Database) -> None:
    driver = database.table()
    write(driver, ROWS)
    kept = driver.write([], "J-2", "node")
    assert len(database.rows()) == 3
    driver.discard(kept, "J-2")
    assert len(database.rows()) == 3
    write(driver, [], "J-3")
    assert database.rows() == []


def test_the_tables_of_one_job_are_one_transaction(database: Database) -> None:
    items, others = database.table(), database.table(table_name="others")
    items.write(ROWS, "J-1", "items")
    others.write([{"id": 7}], "J-2", "others")
    items.publish(None, "J-1")
    assert database.rows() == []
    others.publish(None, "J-2")
    assert (len(database.rows()), database.rows("others")) == (3, [(7,)])


def test_a_preview_asks_for_its_rows_alone(database: Database) -> None:
    write(database.table(), [{"id": at} for at in range(100)])
    driver = CountingTable(None, database.table().options)
    shown = driver.preview(None, 3)
    assert (len(shown.rows), shown.total, driver.fetched[0]) == (3, 100, 3)
    assert shown == preview(driver.read(None), 3)


@pytest.mark.parametrize(
    "text", ["SELECT * FROM items ORDER BY id DESC;", "WITH q AS (SELECT 1) SELECT 2"]
)
def test_a_preview_of_a_query(database: Database, text: str) -> None:
    write(database.table(), [{"id": at} for at in range(100)])
    driver = database.query(read_query=text)
    assert driver.preview(None, 3) == preview(driver.read(None), 3)

    with pytest.raises(DataNodeReadingError, match="nothing"):
        database.query(read_query="SELECT * FROM nothing").preview(None, 3)


def test_append(database: Database) -> None:
    driver = database.table()
    write(driver, ROWS[:1])
    driver.publish(driver.append(ROWS[1:], None, "J-2", "node"), "J-2")
    assert driver.read(None) == ROWS


def test_queries_that_write(database: Database) -> None:
    def build(value: list[dict[str, Any]]) -> list[Any]:
        return ["DELETE FROM items", ("INSERT INTO items (id) VALUES (:id)", value)]

    driver = database.query(
        read_query="SELECT id FROM items", write_query_builder=build
    )
    write(driver, pandas.DataFrame({"id": [5]}))  # a table is as its rows
    write(driver, pandas.DataFrame({"id": []}))
    assert driver.read(None) == []
    write(driver, [{"id": np.int64(1)}, {"id": 2}])
    assert driver.read(None) == [{"id": 1}, {"id": 2}]

    with pytest.raises(DataNodeWritingError, match="rules of the table"):
        write(driver, [{"id": 3}, {"id": 3}])

    assert driver.read(None) == [{"id": 1}, {"id": 2}]

    with pytest.raises(DataNodeWritingError, match="it has no append_query_builder"):
        driver.append([], None, "J-1", "node")


def fails(value: object) -> Any:
    raise ZeroDivisionError(f"by {value}")


def fails_later(value: object) -> Iterator[Any]:
    yield "DELETE FROM items"
    fails(value)


@pytest.mark.parametrize("build", [fails, fails_later])
def test_an_error_of_a_builder_is_the_cause(database: Database, build: Any) -> None:
    write(database.table(), ROWS)
    driver = database.query(write_query_builder=build)
    match = "'node' at .* its write_query_builder raised ZeroDivisionError: by 3: mend"

    with pytest.raises(DataNodeWritingError, match=match) as told:
        write(driver, 3)

    assert type(told.value.__cause__) is ZeroDivisionError
    assert len(database.rows()) == 3


@pytest.mark.parametrize(
    ("column", "cell"),
    [("id", "x"), ("id", 1.5), ("price", "x"), ("name", True), ("name", 5)],
    ids=str,
)
def test_what_a_column_does_not_hold_is_refused(
    database: Database, column: str, cell: object
) -> None:
    write(database.table(), ROWS)
    match = f"column '{column}' is .*does not hold {cell!r}: write what it holds"

    with pytest.raises(DataNodeWritingError, match=match):
        write(database.table(), [{column: cell}])

    assert len(database.rows()) == 3


def test_numbers_of_another_kind_are_held(database: Database) -> None:
    write(database.table(), [{"id": 2.0, "price": 3}, {"id": "4", "price": "2.5"}])
    assert [row[0] for row in database.rows()] == [2, 4]


def test_what_is_missing_is_named(database: Database) -> None:
    with pytest.raises(DataNodeReadingError, match=r"no table nothing.*create it"):
        database.table(table_name="nothing").read(None)

    with pytest.raises(DataNodeWritingError, match=r"no table nothing.*create it"):
        write(database.table(table_name="nothing"), [])

    with pytest.raises(DataNodeReadingError, match=r"nothing.*: correct the query"):
        database.query(read_query="SELECT * FROM nothing").read(None)

    with pytest.raises(DataNodeReadingError, match=r"weight.*: correct the query"):
        database.query(read_query="SELECT weight FROM items").read(None)

    with pytest.raises(DataNodeReadingError, match="no column 'weight': use one of id"):
        database.table().read(None, columns=["weight"])

    with pytest.raises(DataNodeReadingError, match="no column 'weight': use one of id"):
        database.table().read(None, where=as_where(("weight", 1)))

    with pytest.raises(DataNodeWritingError, match=r"'node' at .*no column 'weight'"):
        write(database.table(), [{"id": 1, "weight": 2}])


def test_files_that_are_no_databases(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("text " * 1000)
    (tmp_path / "folder.db").mkdir()

    for name, remedy in (
        ("text", "bring the database back"),
        ("folder", "correct its"),
    ):
        driver = Database(f"sqlite:///{tmp_path / name}.db").table()

        with pytest.raises(DataNodeReadingError, match=f"{name}.db#items .*{remedy}"):
            driver.read(None)

        with pytest.raises(DataNodeWritingError, match=f"'node' at .*{remedy}"):
            write(driver, [])


def test_a_lock_of_postgresql_is_told(database: Database) -> None:
    if "sqlite" in database.url:
        pytest.skip("it has locks of its own: see above")

    def build(_: object) -> list[str]:
        return ["SET LOCAL lock_timeout = 1", "LOCK TABLE items"]

    driver = database.query(write_query_builder=build)
    engine = create_engine(database.address)

    with engine.begin() as connection:
        connection.execute(text("LOCK TABLE items"))

        with pytest.raises(
            DataNodeWritingError, match="another program holds its lock"
        ):
            write(driver, [])

    engine.dispose()


def test_no_database(tmp_path: Path) -> None:
    place = {"db_engine": "sqlite", "db_name": "no", "table_name": "t"}
    options = SqlTableOptions(**place, sqlite_folder_path=tmp_path)  # type: ignore[arg-type]  # by name

    with pytest.raises(DataNodeReadingError, match=r"there is no database .*no\.db"):
        SqlTableDriver(None, options).read(None)

    assert list(tmp_path.iterdir()) == []


def test_a_locked_database(tmp_path: Path) -> None:
    file = tmp_path / "shop.db"
    Database(f"sqlite:///{file}").run("CREATE TABLE items (id INTEGER)")
    driver = Database(f"sqlite:///{file}?timeout=0.05").table()
    other = sqlite3.connect(file, isolation_level=None)

    try:
        other.execute("BEGIN EXCLUSIVE")

        with pytest.raises(
            DataNodeWritingError, match="another program holds its lock"
        ):
            write(driver, [{"id": 1}])
    finally:
        other.close()

    write(driver, [{"id": 1}])


@pytest.mark.parametrize(
    "change",
    [
        {"url": "postgresql://guarded:hunter2@/tests?host={}"},
        {"url": "postgresql://guarded:hunter2@/nothing?host={}"},
        {"url": "postgresql://me:hunter2@/tests?host=/nowhere/at/all"},
        {
            "db_engine": "postgresql",
            "db_name": "tests",
            "db_username": "guarded",
            "db_password": "hunter2",
            "db_extra_args": {"host": "{}"},
            "url": None,
        },
    ],
    ids=["credentials", "database", "server", "taipy"],
)
def test_who_may_not_or_cannot_connect_is_told(
    server: Server, change: dict[str, Any]
) -> None:
    config = Configuration()
    folder = str(server.folder)
    filled: dict[str, Any] = {
        key: one.replace("{}", folder) if isinstance(one, str) else one
        for key, one in change.items()
    }

    if "db_extra_args" in filled:
        filled["db_extra_args"] = {"host": folder}

    node = config.configure_data_node("node", "sql_table", table_name="t", **filled)
    driver = SqlTableDriver(None, node.driver_options())

    with pytest.raises(DataNodeReadingError, match="see that the server runs") as one:
        driver.read(None)

    with pytest.raises(DataNodeWritingError, match="see that the server runs") as two:
        write(driver, [])

    shown = (
        f"{one.value}{two.value}{one.value!r}{node!r}{driver.options!r}{driver.place}"
    )
    assert "hunter2" not in shown


def test_a_missing_package(tmp_path: Path) -> None:
    config = Configuration()
    place: dict[str, Any] = {"table_name": "t", "exposed_type": "list[dict]"}
    config.configure_data_node("a", "sql_table", url="mysql+nodriver://h/d", **place)
    (problem,) = config.problems()
    assert "needs nodriver" in problem.message
    assert "pip install" in problem.remedy

    config.clear()
    config.configure_data_node("a", "sql_table", table_name="t", default_data=[])
    found = {one.field: one.message for one in config.problems()}
    assert "it is not said where the database is" in found["storage_type"]
    assert "has what is in its place" in found["default_data"]


def test_what_is_shown_of_a_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_HOST", "inner.example")
    config = Configuration()
    node = config.configure_sql_table_data_node(
        "a", "d", "postgresql", "t", db_password="hunter2", db_host="ENV[SHOP_HOST]"
    )
    driver = SqlTableDriver(None, node.driver_options())
    assert driver.describe()["place"] == "postgresql://ENV[SHOP_HOST]:5432/d#t"
    assert driver.place == "postgresql://inner.example:5432/d#t"


def test_places(tmp_path: Path) -> None:
    def place(**options: Any) -> str | None:
        made = SqlTableOptions(table_name="t", **options)
        return SqlTableDriver(None, SqlTableDriver.rooted(made, str(tmp_path))).place

    name = {"db_engine": "sqlite", "db_name": "shop"}
    assert place(**name) == place(url="sqlite:///shop.db")
    assert place(**name) == f"sqlite:///{tmp_path}/shop.db#t"
    assert place(url="postgresql+psycopg://a:b@h/d") == "postgresql://h:5432/d#t"
    assert place(url="postgresql:///d?host=/run") == "postgresql:///run:5432/d#t"
    other = {"db_engine": "postgresql", "db_name": "d", "db_password": "b"}
    assert place(**other, db_host="h") == place(url="postgresql://c@h:5432/d")
    assert place(**other, db_host="H.") == place(url="postgresql://h/d")
    local = {place(**other, db_host=one) for one in ("localhost", "127.0.0.1", "::1")}
    assert {place(url="postgresql://[::1]/d"), place(**other)} == local
    assert len(local) == 1
    assert place(url="mariadb://h/d") == place(url="mysql+pymysql://h:3306/d")
    assert place(url="sqlite:///file:shop.db?uri=true") == place(**name)


@pytest.mark.parametrize(
    ("url", "names"),
    [
        ("postgresql://h/d", ("t", "public.t")),
        ("mssql://h/d", ("t", "dbo.t")),
        ("sqlite:////d.db", ("t", "main.t", "T", "MAIN.t")),
    ],
)
def test_names_of_one_table(url: str, names: tuple[str, ...]) -> None:
    places = {
        SqlTableDriver(None, SqlTableOptions(url=url, table_name=name)).place
        for name in (*names, "other.t")
    }
    assert len(places) == 2


def test_a_place_is_shown_as_it_is_given() -> None:
    options = SqlTableOptions(url="postgresql://127.0.0.1/d", table_name="public.t")
    driver = SqlTableDriver(None, options)
    assert driver.describe()["place"] == "postgresql://127.0.0.1:5432/d#public.t"


@pytest.mark.parametrize(
    "place",
    [
        {"db_engine": "sqlite", "db_name": "shop", "sqlite_folder_path": "~"},
        {"url": "sqlite:///~/shop.db"},
    ],
    ids=["folder", "url"],
)
def test_a_database_in_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: dict[str, str]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    options = SqlTableOptions(table_name="items", **place)  # type: ignore[arg-type]  # texts
    assert SqlTableDriver.rooted(options, "/elsewhere").file == str(
        tmp_path / "shop.db"
    )


def test_a_database_that_is_named_by_a_uri(tmp_path: Path) -> None:
    file = tmp_path / "shop.db"
    Database(f"sqlite:///{file}").run("CREATE TABLE items (id INTEGER)")
    options = SqlTableOptions(
        url="sqlite:///file:shop.db?uri=true&mode=ro",
        table_name="items",
        exposed_type="list[dict]",
    )
    driver = SqlTableDriver(None, SqlTableDriver.rooted(options, str(tmp_path)))
    assert driver.read(None) == []

    with pytest.raises(DataNodeWritingError, match="let this user write the file"):
        write(driver, [{"id": 1}])


# --------------------------------------------------------------------------------- runs


def doubled(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"id": row["id"] * 2} for row in rows]


def doubled_wrongly(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"id": 1} for _ in rows]


def declare(config: Configuration, database: Database, function: Any) -> None:
    def node(name: str) -> DataNodeConfig:
        return config.configure_data_node(
            name,
            "sql_table",
            url=database.url,
            table_name=name,
            exposed_type="list[dict]",
        )

    task = config.configure_task("double", function, node("items"), node("others"))
    config.configure_scenario("shop", task)


@pytest.mark.anyio
async def test_a_run(config: Configuration, path: str, database: Database) -> None:
    database.run("INSERT INTO items (id) VALUES (1), (2)")
    declare(config, database, doubled)

    with anyio.fail_after(40):
        async with Orchestrator(config, store=path) as orchestrator:
            scenario = await orchestrator.create_scenario("shop")
            await scenario.submit()
            assert await scenario.others.read() == [{"id": 2}, {"id": 4}]
            await scenario.others.write([{"id": 9}])
            assert database.rows("others") == [(9,)]


@pytest.mark.anyio
async def test_a_run_that_fails(
    config: Configuration, path: str, database: Database
) -> None:
    database.run("INSERT INTO items (id) VALUES (1), (2)")
    database.run("INSERT INTO others (id) VALUES (7)")
    declare(config, database, doubled_wrongly)

    with anyio.fail_after(40):
        async with Orchestrator(config, store=path) as orchestrator:
            scenario = await orchestrator.create_scenario("shop")

            with pytest.raises(SubmissionFailed) as caught:
                await scenario.submit()

    told = str(caught.value.exceptions[0])
    assert "others" in told
    assert database.rows("others") == [(7,)]


def emptied_then_killed(rows: list[dict[str, Any]]) -> Iterator[Any]:
    yield "DELETE FROM others"
    yield "INSERT INTO others (id) VALUES (1)"
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.anyio
async def test_a_killed_write_leaves_what_was_there(
    config: Configuration, path: str, database: Database
) -> None:
    database.run("INSERT INTO others (id) VALUES (7)")
    given = config.configure_data_node("given", default_data=[{"id": 1}])
    made = config.configure_data_node(
        "made", "sql", url=database.url, write_query_builder=emptied_then_killed
    )
    task = config.configure_task("copy", doubled, given, made, crash_retries=0)
    config.configure_scenario("shop", task)

    with anyio.fail_after(40):
        async with Orchestrator(config, store=path) as orchestrator:
            scenario = await orchestrator.create_scenario("shop")

            with pytest.raises(SubmissionFailed):
                await scenario.submit()

    assert database.rows("others") == [(7,)]


def kept_text(folder: Path) -> str:
    files = [one.read_bytes() for one in folder.rglob("*") if one.is_file()]
    return b"".join(files).decode("latin1")


@pytest.mark.anyio
@pytest.mark.parametrize("executor", ["process", "thread"])
async def test_a_password_is_nowhere(
    tmp_path: Path,
    config: Configuration,
    path: str,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    executor: str,
) -> None:
    monkeypatch.setenv("SHOP", server.url("tests", "guarded:hunter2"))
    given = config.configure_data_node("given", default_data=[{"id": 1}])
    made = config.configure_data_node(
        "made", "sql_table", url="ENV[SHOP]", table_name="t", exposed_type="list[dict]"
    )
    task = config.configure_task("copy", doubled, given, made, executor=executor)
    config.configure_scenario("shop", task)
    told: list[str] = []

    with anyio.fail_after(40):
        async with Orchestrator(config, store=path) as orchestrator:
            scenario = await orchestrator.create_scenario("shop")
            submission = scenario.submit()
            told += [repr(event) async for event in submission]

            with pytest.raises(SubmissionFailed) as caught:
                await submission

            with pytest.raises(DataNodeReadingError) as read:
                await scenario.made.read()

            with pytest.raises(DataNodeWritingError) as written:
                await scenario.made.write([])

            told += [repr(job.reason) for job in submission.jobs]

    for one in (caught, read, written):
        told += traceback.format_exception(one.value)

    told += [caplog.text, repr(config.data_nodes), repr(scenario.made)]
    assert "hunter2" not in await to_thread.run_sync(kept_text, tmp_path)
    assert "hunter2" not in "".join(told)
    assert (
        f"data node 'made' at postgresql://{server.folder}:5432/tests#t cannot"
        in "".join(told)
    )
