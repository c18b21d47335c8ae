"""What the SQLite store promises beyond the contract of all stores."""

from __future__ import annotations

import json
import os
import pickle
import re
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, closing, contextmanager
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from anyio import create_task_group, move_on_after, run_process

from asyncflow.errors import StoreFailed, StoreUnavailable
from asyncflow.records import (
    DataNodeRecord,
    JobRecord,
    Record,
    ScenarioRecord,
    SubmissionRecord,
    VersionRecord,
)
from asyncflow.status import AttemptKind, Status, SubmissionStatus
from asyncflow.stores import _sql
from asyncflow.stores._sqlite import SqliteDatabase
from asyncflow.stores.sqlite import SqliteStore
from tests.support import shared_tasks
from tests.support.listing import listing
from tests.support.records import (
    ONE_OF_EACH,
    job_record,
    node_record,
    scenario_record,
    submission_record,
    version_record,
)
from tests.support.stores import change, fill

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
KNOWN = _sql.newest_version("schema")
_sql.migrations("schema")  # read before an event loop runs


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "asyncflow.db"


async def ask(path: Path) -> list[Record]:
    """Open a file anew, and return all that is in it."""
    async with SqliteStore(path) as store:
        jobs = await store.jobs()
        logs = [await store.log(job.id) for job in jobs]
        return [
            *await store.scenarios(),
            *await store.data_nodes(),
            *await store.submissions(),
            *jobs,
            *await store.orchestrators(),
            *await store.versions(),
            *[
                basis
                for scenario in await store.scenarios()
                for basis in await store.bases(scenario.id)
            ],
            *[log for log in logs if log is not None],
            *await store.inputs(*(run.id for run in await store.submissions())),
        ]


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep everybody from writing."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")

        try:
            yield
        finally:
            connection.rollback()


# ----------------------------------------------------------------------- what comes back


@pytest.mark.parametrize(
    "name", ["a b/größe ☃.db", "what?#%41&mode=ro.db", "-x;--'", "a.sqlite", "a.values"]
)
async def test_any_path_will_do(tmp_path: Path, name: str) -> None:
    path = tmp_path / "über uns" / name
    await fill(path, *ONE_OF_EACH)

    values = path.stem + ".values" if path.suffix == ".db" else path.name + ".values"
    assert sorted(os.listdir(path.parent)) == sorted([path.name, values])
    assert await ask(path) == ONE_OF_EACH


@pytest.mark.smoke
async def test_a_relative_path_begins_where_the_store_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SqliteStore("here.db")
    monkeypatch.chdir(tmp_path)

    async with store:
        monkeypatch.chdir("/")
        store.save(job_record(1))
        assert await store.jobs() == [job_record(1)]

    assert await ask(tmp_path / "here.db") == [job_record(1)]


def plan(path: Path, query: str, **given: object) -> str:
    """Return how SQLite carries a query out."""
    given = listing(query, given)
    text = _sql.query(SqliteDatabase.queries, query).text(given)

    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(
            f"EXPLAIN QUERY PLAN {text}",
            {"limit": 9, "offset": 0, **given},
        ).fetchall()

    return "; ".join(row[3] for row in rows)


@pytest.mark.parametrize(
    ("query", "given"),
    [
        ("scenario", {"id": "x"}),
        ("scenario", {"config_id": "x"}),
        ("scenario", {"config_id": "x", "newest_first": True}),
        ("scenario", {"config_id": "x", "created_from": 0.0, "created_to": 1.0}),
        ("scenario", {"name": "x"}),
        ("scenario", {"created_from": 0.0}),
        ("scenario", {"cycle_id": "x", "newest_first": True}),
        ("scenario", {"tag": "x", "newest_first": True}),
        ("scenario", {"tag": "x", "after": scenario_record(1)}),
        ("scenario", {"properties": {"x": 1}, "after": scenario_record(1)}),
        ("scenario", {"sort_key": "name", "after": scenario_record(1)}),
        ("scenario", {"sort_key": "config_id", "after": scenario_record(1)}),
        ("scenario", {"sort_key": "id", "after": scenario_record(1)}),
        (
            "scenario",
            {"sort_key": "name", "newest_first": True, "after": scenario_record(1)},
        ),
        ("data_node", {"owner_id": "x"}),
        ("submission", {"entity_id": "x", "newest_first": True}),
        ("data_node", {"id": "x"}),
        ("submission", {"status": "x"}),
        ("submission", {"id": "x"}),
        ("submission", {"scenario_id": "x", "newest_first": True}),
        ("submission", {"orchestrator_id": "x", "is_unfinished": True}),
        ("version", {"node_id": "x"}),
        ("version", {"node_id": "x", "newest_first": True, "is_kept": True}),
        ("basis", {"scenario_id": "x"}),
        ("orchestrator", {"id": "x"}),
        ("job", {"id": "x"}),
        ("job", {"submission_id": "x"}),
        ("job", {"submission_id": "x", "newest_first": True}),
        ("job", {"task_id": "x"}),
        ("job", {"status": "x", "newest_first": True}),
    ],
)
async def test_an_index_serves_a_query(
    path: Path, query: str, given: dict[str, object]
) -> None:
    await fill(path)
    found = plan(path, query, **given)

    assert found.startswith("SEARCH")
    assert query == "version" or "TEMP B-TREE" not in found  # those of one data node


@pytest.mark.parametrize(
    ("given", "index"),
    [
        ({"label": "x"}, "SEARCH scenario USING INDEX scenario_by_version"),
        ({"label": "x", "newest_first": True}, "INDEX scenario_by_version (version=?)"),
        ({"labels": "{}"}, "SCAN scenario USING INDEX scenario_by_date"),
    ],
)
async def test_data_nodes_of_a_version_come_in_order(
    path: Path, given: dict[str, object], index: str
) -> None:
    await fill(path)
    found = plan(path, "labelled_data_node", **given)
    assert "SCAN data_node USING INDEX data_node_shared" in found
    assert index in found
    assert "SEARCH data_node USING INDEX data_node_by_owner (owner_id=?)" in found
    assert "TEMP B-TREE FOR ORDER BY" not in found  # two lists are merged


async def test_a_text_is_looked_for_in_what_there_is_least_to_read_of(
    path: Path,
) -> None:
    await fill(path)

    parts = plan(path, "with_text", text="%x%")
    assert "SCAN submission USING COVERING INDEX submission_by_reason" in parts
    assert "INDEX submission_by_scenario" in parts
    assert parts.count("SCAN submission") == 1
    assert "SEARCH job USING COVERING INDEX job_by_failure" in parts
    assert "TEMP B-TREE" not in parts

    parts = plan(path, "with_text", text="%a%", of_id=True)
    assert "SCAN submission USING COVERING INDEX sqlite_autoindex" in parts

    parts = plan(path, "submission_list", numbers='{"7": null}', newest_first=True)
    assert "SCAN submission" not in parts

    parts = plan(path, "submission_list", text="%x%", newest_first=True)
    found = (
        "SEARCH job USING COVERING INDEX job_by_failure (status=? AND submission_id=?)"
    )
    assert found in parts


async def test_a_first_page_needs_no_sorting(path: Path) -> None:
    await fill(path)

    for query in ("scenario", "data_node", "submission", "job"):
        for newest_first in (False, True):
            assert "TEMP" not in plan(path, query, newest_first=newest_first)

    for key in ("name", "config_id", "id"):
        assert "TEMP" not in plan(path, "scenario", sort_key=key, newest_first=True)


async def test_jobs_of_some_runs_are_not_looked_for_among_all_with_a_status(
    tmp_path: Path,
) -> None:
    path = tmp_path / "asyncflow.db"
    await fill(path, job_record(1))
    found = plan(path, "job", submission_ids='{"x": null}', status_within="FAILED")
    assert "job_by_submission" in found
    assert "job_by_status" not in found


# --------------------------------------------------------------------------- the writer


async def test_commits_are_grouped(path: Path) -> None:
    commits: list[str] = []

    def note(statement: str) -> None:
        if statement.startswith("COMMIT"):
            commits.append(statement)

    async with SqliteStore(path) as store:
        assert store._opened is not None
        database = store._opened.database
        assert isinstance(database, SqliteDatabase)
        database._writing.set_trace_callback(note)

        # While one transaction waits for the other process, the rest gathers.
        with locked(path):
            for number in range(1000):
                store.save(job_record(number), node_record(number))

        async with create_task_group() as group:
            for _ in range(100):
                group.start_soon(store.flush)

        assert 1 <= len(commits) <= 2

        await store.flush()
        assert len(await store.jobs()) == 1000
        assert len(commits) <= 2


async def test_a_cancelled_flush_harms_nobody(path: Path) -> None:
    async with SqliteStore(path) as store:
        with locked(path):
            store.save(job_record(1))

            with move_on_after(0) as scope:
                await store.flush()

            with move_on_after(0):
                await store.delete("JOB_t_2")

            store.save(job_record(2))

        assert scope.cancelled_caught
        assert await store.jobs() == [job_record(1), job_record(2)]


async def test_a_graph_is_written_once(path: Path) -> None:
    graph = "x" * 1_000_000

    async with SqliteStore(path) as store:
        store.save(submission_record(1, graph=graph))
        await store.flush()
        size = log_size(path)
        store.save(submission_record(1, graph=graph, status="COMPLETED"))
        await store.flush()

        assert log_size(path) - size < 50_000


async def test_many_graphs_at_once_are_each_its_submissions(path: Path) -> None:
    records = [
        submission_record(number, graph=f"[{number}]", properties={"number": number})
        for number in range(200)
    ]

    async with SqliteStore(path) as store:
        store.save(*records)
        await store.flush()
        assert await store.submissions() == records


async def test_a_new_file_has_large_pages_and_an_old_one_keeps_its_own(
    path: Path, tmp_path: Path
) -> None:
    await fill(path, job_record(1))
    assert page_size(path) == 8192

    old = tmp_path / "old.db"
    change(old, "PRAGMA journal_mode = WAL", *statements(_sql.migrations("schema")[1]))
    await fill(old, job_record(1))
    assert page_size(old) == 4096
    assert await ask(old) == [job_record(1)]


def page_size(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        return int(size)


def log_size(path: Path) -> int:
    return path.with_name(path.name + "-wal").stat().st_size


# ----------------------------------------------------------------------- other processes


async def test_a_lock_is_waited_for(path: Path) -> None:
    async with SqliteStore(path) as store, create_task_group() as group:
        with locked(path):
            store.save(job_record(1))
            group.start_soon(store.flush)
            await anyio.lowlevel.checkpoint()

        assert await store.jobs() == [job_record(1)]


async def test_who_leaves_a_locked_store_is_told_what_is_lost(path: Path) -> None:
    async def write() -> None:
        async with AsyncExitStack() as stack:
            store = SqliteStore(path, busy_timeout=0.01, patience=0.01)
            lock = stack.enter_context(ExitStack())
            await stack.enter_async_context(store)
            lock.enter_context(locked(path))
            store.save(job_record(1), job_record(2))

    words = "2 changes could not be written in time.*another process kept it locked"

    with pytest.raises(StoreFailed, match=words):
        await write()

    assert await ask(path) == []

    with locked(path), pytest.raises(StoreFailed, match="locked"):
        await SqliteStore(path, busy_timeout=0.01).__aenter__()


# --------------------------------------------------------------------------- migrations


OLD = """
INSERT INTO scenario VALUES (1, 'SCENARIO_c_{key}', 'c', 'n', 1.5, '{{"a": 1}}');
INSERT INTO scenario VALUES (2, 'SCENARIO_c_2', 'c', NULL, 2.5, {pickled});
INSERT INTO data_node VALUES
    (1, 'a', 'a', 'SCENARIO_c_{key}', 3, 1700000000.5, 'JOB_1', x'01', NULL),
    (2, 'b', 'b', NULL, 1, 1700000001.5, NULL, NULL, '/tmp/gone'),
    (3, 'c', 'c', NULL, 2, 1700000002.0, NULL, NULL, NULL),
    (4, 'd', 'd', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO submission VALUES
    (1, 'SUBMISSION_1', 'SCENARIO_c_{key}', 'COMPLETED', 1.5, 2.5, '{{}}'),
    (3, 'SUBMISSION_3', 'SEQUENCE_s_SCENARIO_c_{key}', 'RUNNING', 3.5, NULL, {pickled}),
    (4, 'SUBMISSION_4', 'TASK_t_{key}', 'FAILED', 4.5, 5.5, '{{}}'),
    (5, 'SUBMISSION_5', 'TASK_t_gone', 'FAILED', 4.5, 5.5, '{{}}');
INSERT INTO job VALUES (1, 'JOB_t_1', 't', 's', 'FAILED', 'why', NULL, 2.5, 'tb');
"""


def schema(path: Path) -> list[str]:
    """Return what a file is made of, without comments and layout."""
    with closing(sqlite3.connect(path)) as connection:
        pragmas = ("application_id", "user_version")
        found = [f"{one} {read_pragma(connection, one)}" for one in pragmas]
        made = connection.execute("SELECT sql FROM sqlite_master WHERE sql NOT NULL")
        texts = [re.sub(r"--.*|\"", "", text) for (text,) in made]
        return found + sorted(re.sub(r"\s*([(),])\s*|\s+", r"\1 ", t) for t in texts)


def read_pragma(connection: sqlite3.Connection, name: str) -> int:
    (value,) = connection.execute(f"PRAGMA {name}").fetchone()
    return int(value)


async def test_a_new_file_is_as_if_migrated(path: Path, tmp_path: Path) -> None:
    change(path, *statements(_sql.migrations("schema")[1]))
    new = tmp_path / "new.db"

    async with SqliteStore(path), SqliteStore(new):
        assert schema(new) == schema(path)
        assert schema(new)[1] == f"user_version {KNOWN}"


async def test_version_1_is_migrated(path: Path) -> None:
    key = "0123456789abcdef" * 2
    pickled = f"x'{pickle.dumps({'t': (1,)}, 5).hex()}'"
    change(path, *statements(_sql.migrations("schema")[1]))
    change(path, *statements(OLD.format(key=key, pickled=pickled)))

    scenario = f"SCENARIO_c_{key}"
    old = submission_record(1, orchestrator_id="", graph="[]", scenario_id=scenario)
    assert await ask(path) == [
        ScenarioRecord(scenario, "c", "n", 1.5, {"a": 1}),
        ScenarioRecord("SCENARIO_c_2", "c", None, 2.5, {"t": (1,)}),
        DataNodeRecord("a", "a", scenario),
        *(DataNodeRecord(name, name, None) for name in "bcd"),
        old._replace(
            id="SUBMISSION_1",
            entity_id=scenario,
            status=SubmissionStatus.COMPLETED,
            finished=2.5,
        ),
        old._replace(
            id="SUBMISSION_3",
            entity_id=f"SEQUENCE_s_{scenario}",
            status=SubmissionStatus.CANCELED,
            submitted=3.5,
            finished=3.5,
            reason="its process ended",
            properties={"t": (1,)},
        ),
        old._replace(
            id="SUBMISSION_4",
            entity_id=f"TASK_t_{key}",
            status=SubmissionStatus.FAILED,
            submitted=4.5,
            finished=5.5,
        ),
        old._replace(
            id="SUBMISSION_5",
            entity_id="TASK_t_gone",
            scenario_id="TASK_t_gone",
            status=SubmissionStatus.FAILED,
            submitted=4.5,
            finished=5.5,
        ),
        JobRecord("JOB_t_1", "t", "s", Status.FAILED, "why", None, 2.5, "tb"),
        VersionRecord("a", 1_700_000_000_500_000_000, b"\1", job_id="JOB_1"),
        VersionRecord("b", 1_700_000_001_500_000_000, None, is_kept=False),
        VersionRecord("c", 1_700_000_002_000_000_000, None),
    ]


async def test_version_2_is_migrated(path: Path) -> None:
    for version in (1, 2):
        change(path, *statements(_sql.migrations("schema")[version]))

    change(
        path,
        "INSERT INTO submission VALUES "
        "(7, 's', 'e', 'c', 'o', 'FAILED', 1.5, 2.5, '', TRUE, 'stop')",
        "INSERT INTO graph VALUES (7, '[]', '{}', NULL)",
        "INSERT INTO job VALUES (9, 'j', 't', 's', 'FAILED', 'why', 1.5, NULL, 'tb')",
    )
    (run, job) = await ask(path)
    assert job == JobRecord("j", "t", "s", Status.FAILED, "why", 1.5, None, "tb")
    assert isinstance(run, SubmissionRecord)
    assert (run.id, run.force, run.on_failure) == ("s", True, "stop")
    assert (run.priority, run.run_timeout) == (0.0, None)

    await fill(path, job_record(1))
    assert [one.id for one in await ask(path)] == ["s", "j", "JOB_t_1"]


KEPT = Path(__file__).parent / "files"
"""Stores of earlier schemas, as programs have left them."""


async def test_a_store_of_version_8_is_migrated(path: Path) -> None:
    change(path, *statements((KEPT / "schema_8.sql").read_text("utf-8")))

    async with SqliteStore(path) as store:
        one, two = await store.scenarios()
        assert (one.name, one.tags, one.revision) == ("one", (), 0)
        assert one.properties == {"unit": "kg", "region": "EU"}
        assert await store.scenarios(properties={"unit": "kg", "region": "EU"}) == [one]
        assert await store.scenarios(properties={"unit": "kg"}) == [
            one
        ]  # two's: pickled
        assert two.properties == {"unit": "kg", "when": (1, 2)}
        nodes = {node.id: node for node in await store.data_nodes()}
        assert len(nodes) == 8
        assert nodes["DATANODE_rate_GLOBAL"].editor_id == "ann"
        assert {node.attributes for node in nodes.values()} == {""}
        (run,) = await store.submissions()
        assert run.status is SubmissionStatus.COMPLETED
        assert len(await store.jobs(submission_id=run.id)) == 2
        assert len(await store.versions()) == 7
        assert len(await store.bases(one.id)) == 1
        assert await store.update(two._replace(name="new", revision=1), before=0)
        assert len(await store.scenarios(properties={"unit": "kg"})) == 2
        assert one.sequences == two.sequences == {}


async def test_tasks_that_scenarios_share_are_one_for_them(path: Path) -> None:
    for version in range(1, 25):
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(_sql.migrations("schema")[version])

    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(shared_tasks.BEFORE)

    async with SqliteStore(path) as store:
        await shared_tasks.check_shared_tasks(store)


async def test_properties_of_earlier_schemas_are_found(path: Path) -> None:
    for version in range(1, 13):
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(_sql.migrations("schema")[version])

    given = {"t": 'a"b', "i": 7, "w": 2.0, "f": 0.1, "b": True, "n": None, "l": [1]}
    texts = json.dumps(given), "{broken", "[1, 2]"

    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(
            "INSERT INTO scenario (id, config_id, creation_date, properties)"
            " VALUES (?, 'c', 1.0, ?)",
            [(f"SCENARIO_c_{number}", text) for number, text in enumerate(texts)],
        )

    async with SqliteStore(path) as store:
        for name, value in given.items():
            if name != "l":
                (found,) = await store.scenarios(properties={name: value})
                assert found.id == "SCENARIO_c_0"


async def test_attempts_without_a_kind_are_read(path: Path) -> None:
    reasons = {
        "ValueError: its worker process": AttemptKind.RAISED,
        "its worker process was killed by SIGKILL (9)": AttemptKind.CRASHED,
        "no worker process could be started": AttemptKind.CRASHED,
        "its executor told no outcome": AttemptKind.CRASHED,
        "TIMED_OUT: it ran longer": AttemptKind.TIMED_OUT,
        "STALLED: it reported nothing": AttemptKind.STALLED,
    }
    attempts = [[n, None, 1.5, reason, ""] for n, reason in enumerate(reasons)]
    await fill(path, job_record(1))
    change(path, f"UPDATE job SET attempts = '{json.dumps(attempts)}'")
    (job,) = await ask(path)
    assert isinstance(job, JobRecord)
    assert [one.kind for one in job.attempts] == [*reasons.values()]


async def test_a_migration_that_fails_changes_nothing(path: Path) -> None:
    change(path, *statements(_sql.migrations("schema")[1]))
    change(
        path,
        "CREATE TABLE graph (x)",
        "INSERT INTO job VALUES (1, 'j', 't', 's', 'FAILED', '', 0, 0, '')",
    )

    with pytest.raises(StoreFailed, match=r"SQLite refused.*graph already exists"):
        await ask(path)

    change(path, "DROP TABLE graph")
    assert [one.id for one in await ask(path)] == ["j"]


async def test_several_stores_migrate_one_file(path: Path) -> None:
    change(path, *statements(_sql.migrations("schema")[1]))

    async with create_task_group() as group:
        for number in range(5):
            group.start_soon(fill, path, job_record(number))

    assert {one.id for one in await ask(path)} == {f"JOB_t_{n}" for n in range(5)}


def statements(text: str) -> list[str]:
    return [f"{part};" for part in text.split(";\n")]


# ------------------------------------------------------------------------- what goes wrong


def content(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


async def refused(path: Path, words: str) -> StoreFailed:
    """Check that opening a file fails, and leaves it as it is."""
    before = content(path)

    with pytest.raises(StoreFailed, match=words) as caught:
        await SqliteStore(path).__aenter__()

    assert content(path) == before
    error: StoreFailed = pickle.loads(pickle.dumps(caught.value))
    assert error.file == str(path)
    assert str(path) in str(error)
    assert error.remedy in str(error)
    return error


async def test_a_newer_schema_is_refused(path: Path) -> None:
    await fill(path, job_record(1))
    change(path, f"PRAGMA user_version = {KNOWN + 3}")

    error = await refused(path, f"version {KNOWN + 3}.*versions up to {KNOWN}")
    assert "upgrade asyncflow" in error.remedy


async def test_another_programs_database_is_refused(path: Path) -> None:
    change(path, "CREATE TABLE job (id)")
    await anyio.Path(path).chmod(0o644)
    await refused(path, "another program")
    assert (await anyio.Path(path).stat()).st_mode & 0o777 == 0o644


@pytest.mark.parametrize("text", [b"a,b\n1,2\n" * 1000, b"\0" * 4096, b"xy"])
async def test_what_is_no_database_is_refused(path: Path, text: bytes) -> None:
    await anyio.Path(path).write_bytes(text)
    await refused(path, "not an SQLite database.*move the file away")


async def test_an_empty_file_becomes_a_store(path: Path) -> None:
    await anyio.Path(path).touch()
    await fill(path, job_record(1))
    assert await ask(path) == [job_record(1)]


def damage(path: Path) -> None:
    """Leave only the first pages."""
    size = path.stat().st_size

    with path.open("r+b") as file:
        file.seek(8192)
        file.write(b"\xa5" * (size - 8192))


async def test_a_damaged_file_is_told(path: Path) -> None:
    await fill(path, *(scenario_record(number) for number in range(2000)))
    damage(path)

    with pytest.raises(StoreFailed, match=r"damaged.*\.recover"):
        await ask(path)

    with pytest.raises(StoreFailed, match="damaged"):
        await fill(path, scenario_record(1))


async def test_a_path_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    await refused(tmp_path / "file" / "asyncflow.db", "its folder cannot be made")
    await refused(tmp_path, "is a folder")


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[None]:
    """Mount a small disk, where this user may."""
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]

    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root mounts disks")

    if subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode:
        pytest.skip("disks cannot be mounted here")

    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


async def test_a_read_only_folder_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    path = folder / "asyncflow.db"

    if os.geteuid() != 0:
        await fill(path, job_record(1))
        path.chmod(0o400)
        folder.chmod(0o500)

        try:
            await refused(path, "may not be written")
            await refused(folder / "new.db", "cannot be opened")
            await refused(folder / "new" / "new.db", "its folder cannot be made")
        finally:
            folder.chmod(0o700)

        return

    with mounted(folder, "size=4m"):
        await fill(path, job_record(1))
        await run_process(["mount", "-o", "remount,ro", str(folder)])
        await refused(path, "may not be written.*writable|cannot be opened")
        await refused(folder / "new.db", "cannot be opened")
        await refused(folder / "new" / "new.db", "its folder cannot be made")


async def fail(path: Path, words: str, spoil: Callable[[], None]) -> None:
    """Check that a write that fails for now is told to who reads, and to who leaves.

    :param spoil: makes the next writes fail
    """
    large = [version_record(n, kept=b"x" * 100_000) for n in range(2, 50)]

    async with SqliteStore(path, patience=0.05) as store:
        store.save(*ONE_OF_EACH)
        await store.flush()
        spoil()
        store.save(job_record(2), *large)

        for _ in range(2):
            with pytest.raises(StoreUnavailable, match=words):
                await store.jobs()

            store.save(job_record(3))

        assert isinstance(store.failure, StoreUnavailable)

        with move_on_after(0.01) as scope:
            await store.flush()

        assert scope.cancelled_caught


async def test_a_full_disk_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    path = folder / "asyncflow.db"
    words = "the disk is full.*free some space"

    with mounted(folder, "size=1m"):
        with pytest.raises(StoreFailed, match=f"51 changes could not.*{words}"):
            await fail(path, words, lambda: None)

        assert await ask(path) == ONE_OF_EACH


async def test_an_error_of_the_disk_is_told_and_nothing_is_lost(path: Path) -> None:
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    words = "the disk reported an error"

    def spoil() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, old[1]))

    try:
        with pytest.raises(StoreFailed, match=f"51 changes could not.*{words}"):
            await fail(path, words, spoil)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)

    assert await ask(path) == ONE_OF_EACH
