"""What the PostgreSQL store promises beyond the contract of all stores."""

from __future__ import annotations

import os
import pickle
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import permutations
from pathlib import Path

import anyio
import psycopg
import pytest
from anyio import create_task_group, fail_after, run_process, to_thread

from asyncflow.errors import NotOpen, RecordDamaged, StoreFailed
from asyncflow.records import DataNodeRecord, JobRecord, Record, ScenarioRecord
from asyncflow.status import Status
from asyncflow.stores import _sql
from asyncflow.stores._postgres import SCHEMA, PostgresDatabase, _own
from asyncflow.stores.postgres import PostgresStore
from tests.support import shared_tasks
from tests.support.listing import listing
from tests.support.postgres import Server
from tests.support.postgres import database as database
from tests.support.postgres import server as server
from tests.support.records import (
    Color,
    job_record,
    log_record,
    node_record,
    scenario_record,
    submission_record,
)

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("database")]

_sql.migrations(SCHEMA)  # read before an event loop runs

ROOT = Path(__file__).parents[2]
KNOWN = _sql.newest_version(SCHEMA)


@pytest.fixture
def url(server: Server, database: str) -> str:
    return server.url(database)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / ".asyncflow" / "values"


async def ask(url: str, folder: Path) -> list[Record]:
    """Open a store anew, and return some of what is in it."""
    async with PostgresStore(url, folder) as store:
        return [*await store.scenarios(), *await store.jobs()]


async def fill(url: str, folder: Path, *records: Record) -> None:
    async with PostgresStore(url, folder) as store:
        store.save(*records)


async def refused(url: str, folder: Path, words: str) -> StoreFailed:
    """Check that a store cannot be opened, and that this tells no secret."""
    store = PostgresStore(url, folder, patience=0.3)

    with pytest.raises(StoreFailed, match=words) as caught:
        await store.__aenter__()

    error: StoreFailed = pickle.loads(pickle.dumps(caught.value))
    assert error.file in str(error)
    assert error.remedy in str(error)
    assert "secret" not in str(error) + error.file + repr(store)
    assert "_opened" not in repr(store)
    return error


# ------------------------------------------------------------------------- connecting


async def test_a_connection_may_be_named_in_two_ways(
    server: Server, folder: Path
) -> None:
    await fill(server.url("tests"), folder, job_record(1))
    other = f"host={server.folder} dbname=tests user=asyncflow"

    assert await ask(other, folder) == [job_record(1)]


async def test_what_is_missing_comes_from_the_environment(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGHOST", str(server.folder))
    monkeypatch.setenv("PGUSER", "asyncflow")
    await fill("postgresql:///tests", folder, job_record(1))

    assert await ask(server.url("tests"), folder) == [job_record(1)]


async def test_a_server_that_cannot_be_reached_is_told(folder: Path) -> None:
    words = r"cannot be reached.*look at the host"
    await refused("postgresql://u:secret@127.0.0.1:1/d", folder, words)
    error = await refused(f"host={folder} dbname=d password=secret", folder, words)
    assert f"host={folder}" in error.file
    assert not folder.exists()  # noqa: ASYNC240  # a test


async def test_a_database_that_is_not_there_is_told_at_once(
    server: Server, folder: Path
) -> None:
    """Another try does not help, as it may where the server is being restarted."""
    store = PostgresStore(server.url("nowhere"), folder)

    with fail_after(5), pytest.raises(StoreFailed, match="no such database"):
        await store.__aenter__()


async def test_a_connection_that_cannot_be_read_is_told(folder: Path) -> None:
    await refused("host= password=secret =", folder, "cannot be read.*give a URL")


async def test_a_password_is_asked_for(server: Server, folder: Path) -> None:
    server.run("CREATE ROLE guarded LOGIN SUPERUSER PASSWORD 'right'")
    url = server.url("tests", "guarded")

    try:
        await refused(url, folder, "asks for a password.*PGPASSWORD")
        await refused(
            url.replace("guarded@", "guarded:secret@"),
            folder,
            "does not accept the password.*PGPASSWORD",
        )
        await fill(url.replace("guarded@", "guarded:right@"), folder, job_record(1))
    finally:
        server.run("DROP OWNED BY guarded CASCADE", "tests")
        server.run("DROP ROLE guarded")


async def test_a_user_or_database_that_is_not_there_is_told(
    server: Server, folder: Path
) -> None:
    words = "no such database or user.*createdb"
    await refused(server.url("nowhere"), folder, words)
    await refused(server.url("tests", "nobody"), folder, words)
    await refused(server.url("tests", "stranger"), folder, "pg_hba.conf")


async def test_who_may_not_make_tables_is_told(server: Server, folder: Path) -> None:
    server.run("CREATE ROLE limited LOGIN")
    limited = server.url("tests", "limited")

    try:
        await refused(limited, folder, "may not do that.*grant it CREATE")

        # An empty schema that somebody has made for it will do.
        server.run("CREATE SCHEMA asyncflow AUTHORIZATION limited", "tests")
        await fill(limited, folder, job_record(1))
        assert await ask(limited, folder) == [job_record(1)]
    finally:
        server.run("DROP OWNED BY limited CASCADE", "tests")
        server.run("DROP ROLE limited")


async def test_a_read_only_database_is_told(
    url: str, server: Server, folder: Path
) -> None:
    await fill(url, folder, job_record(1))
    server.run("ALTER DATABASE tests SET default_transaction_read_only = on")

    try:
        with pytest.raises(StoreFailed, match=r"may not be written.*primary"):
            await fill(url, folder, job_record(2))
    finally:
        server.run("ALTER DATABASE tests RESET default_transaction_read_only")

    assert await ask(url, folder) == [job_record(1)]


async def test_a_database_without_unicode_is_refused(
    server: Server, folder: Path
) -> None:
    server.run("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1'")

    try:
        await refused(server.url("latin"), folder, "keeps texts as LATIN1.*UTF8")
    finally:
        server.run("DROP DATABASE latin")


async def test_a_missing_psycopg_is_told() -> None:
    code = """
import sys
sys.modules["psycopg"] = None
from asyncflow.errors import UsageError
try:
    import asyncflow.stores.postgres
except UsageError as error:
    print(error)
"""
    done = await run_process([sys.executable, "-c", code], cwd=ROOT)
    assert b"pip install '.[postgres]'" in done.stdout


# ------------------------------------------------------------------------- the schema


async def test_a_newer_schema_is_refused(
    url: str, server: Server, folder: Path
) -> None:
    await fill(url, folder, job_record(1))
    server.run(f"UPDATE asyncflow.store SET schema_version = {KNOWN + 3}", "tests")

    error = await refused(url, folder, f"version {KNOWN + 3}.*versions up to {KNOWN}")
    assert "upgrade asyncflow" in error.remedy


async def test_another_programs_schema_is_refused(
    url: str, server: Server, folder: Path
) -> None:
    server.run("CREATE SCHEMA asyncflow", "tests")
    server.run("CREATE TABLE asyncflow.job (id text)", "tests")
    await refused(url, folder, "another program")


async def test_other_schemas_are_left_alone(
    url: str, server: Server, folder: Path
) -> None:
    await fill(url, folder, job_record(1))
    tables = server.ask(
        "SELECT DISTINCT schemaname FROM pg_tables WHERE schemaname !~ '^pg_' "
        "AND schemaname <> 'information_schema'",
        "tests",
    )
    assert tables == [("asyncflow",)]


async def test_several_make_the_tables_at_once(url: str, folder: Path) -> None:
    async with create_task_group() as group:
        for number in range(6):
            group.start_soon(fill, url, folder, job_record(number))

    assert len(await ask(url, folder)) == 6


async def test_version_1_is_migrated(server: Server, url: str, folder: Path) -> None:
    server.run(
        "CREATE SCHEMA asyncflow; SET search_path TO asyncflow;"
        + _sql.migrations(SCHEMA)[1]
        + "INSERT INTO submission (id, entity_id, scenario_id, orchestrator_id, status,"
        " submitted_at, reason, force, on_failure)"
        " VALUES ('s', 'e', 'c', 'o', 'FAILED', 1.5, '', TRUE, 'stop');"
        "INSERT INTO graph VALUES (1, '[]', '{}', NULL);"
        "INSERT INTO job (id, task_id, submission_id, status, reason, traceback)"
        " VALUES ('j', 't', 's', 'FAILED', 'why', 'tb')",
        "tests",
    )
    assert await ask(url, folder) == [
        JobRecord("j", "t", "s", Status.FAILED, "why", None, None, "tb")
    ]

    async with PostgresStore(url, folder) as store:
        (run,) = await store.submissions()
        assert (run.force, run.priority, run.run_timeout) == (True, 0.0, None)
        store.save(job_record(1), log_record(1))
        assert await store.log("JOB_t_1") == log_record(1)


async def test_version_7_is_migrated(server: Server, url: str, folder: Path) -> None:
    earlier = "".join(text for n, text in _sql.migrations(SCHEMA).items() if n <= 7)
    server.run(
        "CREATE SCHEMA asyncflow; SET search_path TO asyncflow;"
        + earlier
        + "INSERT INTO scenario (id, config_id, name, creation_date, properties)"
        " VALUES ('SCENARIO_c_1', 'c', 'n', 1.5, '{\"a\": 1}');"
        "INSERT INTO data_node (id, config_id, editor_id) VALUES ('d', 'd', 'ann')",
        "tests",
    )
    first = ScenarioRecord("SCENARIO_c_1", "c", "n", 1.5, {"a": 1})

    async with PostgresStore(url, folder) as store:
        assert await store.scenarios() == [first]
        assert await store.scenarios(properties={"a": 1.0}) == [first]
        assert await store.data_nodes() == [DataNodeRecord("d", "d", None, "ann")]
        changed = first._replace(tags=("x",), revision=1)
        assert await store.update(changed, before=0)
        assert await store.time_zone("UTC") == "UTC"
        assert await store.cycles() == []


async def test_tasks_that_scenarios_share_are_one_for_them(
    server: Server, url: str, folder: Path
) -> None:
    earlier = "".join(text for n, text in _sql.migrations(SCHEMA).items() if n <= 23)
    server.run(
        "CREATE SCHEMA asyncflow; SET search_path TO asyncflow;"
        + earlier
        + shared_tasks.BEFORE,
        "tests",
    )

    async with PostgresStore(url, folder) as store:
        await shared_tasks.check_shared_tasks(store)


PARAMETERS = dict.fromkeys(["id", "name", "config_id", "owner_id", "node_id"], "x")


@pytest.mark.parametrize(
    ("query", "given"),
    [
        ("scenario", {"id": "x"}),
        ("scenario", {"config_id": "x", "newest_first": True}),
        ("scenario", {"config_id": "x", "created_from": 0.0, "created_to": 1.0}),
        ("scenario", {"name": "x"}),
        ("scenario", {"created_from": 0.0}),
        ("scenario", {"properties": {"x": 1}, "after": scenario_record(1)}),
        ("scenario", {"sort_key": "name", "after": scenario_record(1)}),
        ("data_node", {"owner_id": "x"}),
        ("labelled_data_node", {"label": "x"}),
        ("submission", {"entity_id": "x", "newest_first": True}),
        ("submission", {"scenario_id": "x"}),
        ("submission", {"orchestrator_id": "x", "is_unfinished": True}),
        ("version", {"node_id": "x", "newest_first": True, "is_kept": True}),
        ("version", {"owner_id": "x"}),
        ("basis", {"scenario_id": "x"}),
        ("job", {"submission_id": "x", "newest_first": True}),
        ("job", {"task_id": "x"}),
        ("job", {"status": "x", "newest_first": True}),
    ],
)
async def test_an_index_serves_a_query(
    url: str, folder: Path, query: str, given: dict[str, object]
) -> None:
    await fill(url, folder)
    lines = await to_thread.run_sync(plan, url, query, given)

    assert "Index" in lines
    assert "Seq Scan" not in lines


async def test_a_text_is_looked_for_in_what_there_is_least_to_read_of(
    url: str, folder: Path
) -> None:
    await fill(url, folder)
    given: dict[str, object] = {"text": "%x%"}
    lines = await to_thread.run_sync(plan, url, "with_text", given)
    assert "submission_by_reason" in lines
    assert "submission_by_scenario" in lines
    assert "Seq Scan on submission" not in lines
    assert "job_by_failure" in lines

    given = {"numbers": '{"7": null}', "newest_first": True}
    lines = await to_thread.run_sync(plan, url, "submission_list", given)
    assert "Seq Scan on submission" not in lines
    assert "submission_pkey" in lines


MANY = """
INSERT INTO asyncflow.scenario (id, config_id, name, creation_date, properties, tags)
SELECT 'SCENARIO_c_' || number, 'c', 'n' || number, number, '{}', '[]'
FROM generate_series(1, 30000) AS number;
INSERT INTO asyncflow.tag (name, creation_date, seq)
SELECT 't', creation_date, seq FROM asyncflow.scenario WHERE seq % 100 = 0;
VACUUM ANALYZE asyncflow.scenario;
VACUUM ANALYZE asyncflow.tag;
"""


@pytest.mark.parametrize("sort_key", ["name", "config_id", "id", "tags"])
async def test_a_few_of_many_are_found_first_and_sorted_then(
    url: str, server: Server, folder: Path, sort_key: str
) -> None:
    """As PostgreSQL plans it by itself, by the settings of the store's connections."""
    await fill(url, folder)

    def planned() -> str:
        with psycopg.connect(url, autocommit=True) as connection:
            for statement in filter(None, map(str.strip, MANY.split(";"))):
                connection.execute(statement.encode())

            settle(connection)
            given = listing("scenario", {"tag": "t", "sort_key": sort_key})
            text = _sql.query(PostgresDatabase.queries, "scenario").text(given)
            paged = {"limit": 100, "offset": 0, **given}
            rows = connection.execute(b"EXPLAIN " + _own(text), paged).fetchall()

        return "\n".join(row[0] for row in rows)

    lines = await to_thread.run_sync(planned)
    assert "using scenario_pkey on scenario" in lines


async def test_no_statement_is_compiled(url: str, folder: Path) -> None:
    """That takes longer than the statement: a new store opened in seconds."""
    await fill(url, folder)

    def planned() -> str:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("SET jit_above_cost = 0")
            settle(connection)
            rows = connection.execute("EXPLAIN SELECT count(*) FROM job").fetchall()

        return "\n".join(row[0] for row in rows)

    assert "JIT" not in await to_thread.run_sync(planned)


def settle(connection: psycopg.Connection) -> None:
    """Give a connection the settings that those of a store have."""
    session = _sql.query(PostgresDatabase.queries, "session").text({})
    connection.execute(_own(session))


def plan(url: str, query: str, given: dict[str, object]) -> str:
    """Return how PostgreSQL carries a query out where tables are large."""
    given = listing(query, given)
    text = _sql.query(PostgresDatabase.queries, query).text(given)

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET search_path = asyncflow")
        connection.execute("SET enable_seqscan = off")
        connection.execute("SET enable_bitmapscan = off")
        rows = connection.execute(
            b"EXPLAIN " + _own(text), {"limit": 9, "offset": 0, **given}
        ).fetchall()

    return "\n".join(row[0] for row in rows)


# ------------------------------------------------------------------------- its folder


async def test_each_database_has_a_folder_of_its_own(
    url: str, server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.run("CREATE DATABASE another")
    monkeypatch.chdir(folder.parents[1])

    try:
        one, two = PostgresStore(url), PostgresStore(url, folder)
        other = PostgresStore(server.url("another"))

        with pytest.raises(NotOpen):
            _ = one.values_folder

        async with one, two, other:
            monkeypatch.chdir("/")
            assert one.values_folder == two.values_folder
            assert os.path.dirname(one.values_folder) == str(folder)
            assert os.path.dirname(other.values_folder) == str(folder)
            assert one.values_folder != other.values_folder
    finally:
        server.run("DROP DATABASE another")

    assert (folder.parent / ".gitignore").read_text().endswith("*\n")  # a test
    assert {one.stat().st_mode & 0o777 for one in folder.iterdir()} == {0o700}  # noqa: ASYNC240  # a test


async def test_a_folder_that_cannot_be_made_is_told(url: str, folder: Path) -> None:
    folder.parent.parent.joinpath("file").touch()
    await refused(
        url, folder.parent.parent / "file" / "values", "folder cannot be made"
    )


# ------------------------------------------------------------------------- what goes wrong


def cut(server: Server) -> None:
    """Close all connections to the database."""
    server.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'tests'"
    )


async def test_a_lost_connection_is_made_anew(
    url: str, server: Server, folder: Path
) -> None:
    async with PostgresStore(url, folder) as store:
        for number in range(20):
            store.save(job_record(number))
            await store.flush()
            cut(server)
            store.save(job_record(f"{number} b"))
            assert len(await store.jobs()) == 2 * number + 2


async def test_a_lost_connection_is_made_anew_for_who_reads(
    url: str, server: Server, folder: Path
) -> None:
    async with PostgresStore(url, folder) as store:
        store.save(job_record(1))
        await store.flush()

        for _ in range(2):
            cut(server)
            assert await store.jobs() == [job_record(1)]


async def test_a_connection_lost_in_a_transaction_loses_nothing(
    url: str, server: Server, folder: Path
) -> None:
    async with PostgresStore(url, folder) as store:
        store.save(job_record(1))
        await store.flush()

        with locked(url, "JOB_t_1"):
            store.save(job_record(2), job_record(1, status="FAILED"))
            await to_thread.run_sync(wait_until_it_waits, server)
            cut_others(server)

        assert await store.jobs() == [job_record(1, status="FAILED"), job_record(2)]


@contextmanager
def locked(url: str, job_id: str) -> Iterator[None]:
    """Keep everybody from writing a job."""
    with psycopg.connect(url, application_name="locker") as connection:
        connection.execute(
            "SELECT TRUE FROM asyncflow.job WHERE id = %s FOR UPDATE", [job_id]
        )
        yield
        connection.rollback()


def wait_until_it_waits(server: Server) -> None:
    question = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"

    while server.ask(question, "postgres") == [(0,)]:
        time.sleep(0.002)


def cut_others(server: Server) -> None:
    server.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = 'tests' AND application_name = 'asyncflow'"
    )


async def test_a_property_that_cannot_be_loaded_is_named(
    url: str, server: Server, folder: Path
) -> None:
    await fill(url, folder, scenario_record(1), scenario_record(2))
    lost = pickle.dumps(Color.RED).replace(b"Color", b"Colon").hex()
    server.run(f"UPDATE asyncflow.scenario SET pickled = '\\x{lost}'", "tests")

    async with PostgresStore(url, folder) as store:
        first, _ = await store.scenarios()

        with pytest.raises(RecordDamaged, match=r"SCENARIO_c_1.*Colon.*delete"):
            len(first.properties)

        await store.delete("SCENARIO_c_1", "SCENARIO_c_2")
        assert await store.scenarios() == []


# ------------------------------------------------------------------- who wants the same


async def test_who_locks_in_another_order_waits_or_tries_again(
    url: str, folder: Path
) -> None:
    """Each transaction writes the same rows, in an order of its own."""
    orders = list(permutations(range(3)))[:3]

    async def write(order: tuple[int, ...]) -> None:
        async with PostgresStore(url, folder) as store:
            for turn in range(10):
                store.save(
                    *(job_record(n, reason=f"{turn} {order}") for n in order),
                    *(node_record(n) for n in order),
                )
                await store.delete(*(f"DATANODE_n_{n}" for n in order))

    async with create_task_group() as group:
        for order in orders:
            group.start_soon(write, order)

    jobs = await ask(url, folder)
    assert len(jobs) == 3


async def test_claims_and_deletions_of_one_id_harm_nobody(
    url: str, folder: Path
) -> None:
    async def claim(name: str) -> None:
        own = submission_record(1, orchestrator_id=name)

        async with PostgresStore(url, folder) as store:
            for _ in range(30):
                found = await store.claim(own)
                assert found.graph == own.graph

                if found == own:
                    await store.delete(own.id)

    await fill(url, folder, scenario_record(1))

    async with create_task_group() as group:
        for name in "abcd":
            group.start_soon(claim, name)

    async with PostgresStore(url, folder) as store:
        assert await store.submissions() == []


# ------------------------------------------------------------------------- what is kept


async def test_a_large_group_is_written_as_a_whole(url: str, folder: Path) -> None:
    async with PostgresStore(url, folder) as store:
        with anyio.fail_after(30):
            store.save(*(job_record(n) for n in range(10_000)))
            assert len(await store.jobs()) == 10_000
