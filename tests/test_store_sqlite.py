"""What the SQLite store promises beyond the contract of all stores."""

from __future__ import annotations

import enum
import math
import os
import pickle
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from anyio import create_task_group, move_on_after, open_process, run_process, to_thread
from anyio.streams.buffered import BufferedByteReceiveStream
from hypothesis import given, settings
from hypothesis import strategies as st

from asyncflow.errors import NotOpen, NotPicklable, StoreFailed, UsageError
from asyncflow.records import (
    DataNodeRecord,
    JobRecord,
    Record,
    ScenarioRecord,
    SubmissionRecord,
)
from asyncflow.stores import _sql
from asyncflow.stores.sqlite import SqliteStore
from tests.test_contracts import (
    ONE_OF_EACH,
    job_record,
    node_record,
    scenario_record,
    submission_record,
)

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[1]
KNOWN = max(_sql.migrations("schema"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "asyncflow.db"


async def ask(path: Path) -> list[Record]:
    """Open a file anew, and return all that is in it."""
    async with SqliteStore(path) as store:
        return [
            *await store.scenarios(),
            *await store.data_nodes(),
            *await store.submissions(),
            *await store.jobs(),
        ]


async def fill(path: Path, *records: Record) -> None:
    async with SqliteStore(path) as store:
        store.save(*records)


def change(path: Path, *statements: str) -> None:
    """Change a closed file behind our back."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


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


class Color(enum.Enum):
    RED = "red"


UNUSUAL: list[Record] = [
    scenario_record(1, properties={"tuple": (1, [2]), "enum": Color.RED}),
    scenario_record(2, properties={"": {1: "int key"}, "é": math.inf, "b": b"\0"}),
    scenario_record(3, name="\0", properties={"half a pair": "\udc80", "long": 7**99}),
    scenario_record(4, name="", properties={"two halves": "\ud83d\ude00", "no": None}),
    scenario_record(5, name="\udc80 name", properties={"flags": [True, 1, 1.0]}),
    scenario_record(6, creation_date=1763900000.1234567, properties={"a": -0.0}),
    node_record(1, kept=b""),
    node_record(2, kept=""),
    node_record(3, kept="/a/path"),
    node_record(4, kept=None, version=None, edited_at=None),
    node_record(5, kept=b"\xff" * 100_000, version=2**40),
    node_record(6, kept="/no/utf-8/\udcff", owner_id="é"),
    submission_record(1, properties={"made": Color.RED}),
    job_record(1, reason="OSError: no file 'a\udce9'", traceback="\ud800\0\n"),
    job_record(2, run_at=None, finished_at=None),
]


async def test_records_are_the_same_after_reopening(path: Path) -> None:
    for records in (ONE_OF_EACH, UNUSUAL):
        await fill(path, *records)
        again = {record.id: record for record in await ask(path)}

        for record in records:
            assert repr(again[record.id]) == repr(record)

    async with SqliteStore(path) as store:
        assert await store.scenarios(name="\udc80 name") == [UNUSUAL[4]]
        await store.delete(*(record.id for record in UNUSUAL))


KEPT = st.none() | st.binary() | st.text(st.characters())
TEXT = st.text(st.characters())
TIME = st.floats(allow_nan=False)
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(TEXT | st.integers(), inner)
        | st.tuples(inner)
    ),
    max_leaves=8,
)
PROPERTIES = st.dictionaries(TEXT, VALUE, max_size=3)
VERSION = st.none() | st.integers(0, 2**63 - 1)
RECORD = st.one_of(
    st.builds(ScenarioRecord, TEXT, TEXT, st.none() | TEXT, TIME, PROPERTIES),
    st.builds(
        DataNodeRecord,
        *(TEXT, TEXT, st.none() | TEXT, VERSION, KEPT),
        *(st.none() | TIME, st.none() | TEXT),
    ),
    st.builds(SubmissionRecord, TEXT, TEXT, TEXT, TIME, st.none() | TIME, PROPERTIES),
    st.builds(
        JobRecord,
        *(TEXT, TEXT, TEXT, TEXT, TEXT, st.none() | TIME, st.none() | TIME, TEXT),
    ),
)


@settings(max_examples=50)
@given(records=st.lists(RECORD, max_size=8, unique_by=lambda record: record.id))
async def test_any_records_come_back(records: list[Record]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "asyncflow.db")
        await fill(path, *records)
        found = {record.id: record for record in await ask(path)}

    assert found == {record.id: record for record in records}
    assert all(type(found[record.id]) is type(record) for record in records)


async def test_a_property_that_cannot_be_kept_is_refused(path: Path) -> None:
    lost = scenario_record(1, properties={"file": [1, threading.Lock()]})

    async with SqliteStore(path) as store:
        with pytest.raises(NotPicklable, match=r"SCENARIO_c_1\['file'\]\[1\]"):
            store.save(job_record(1), lost)

        store.save(job_record(2))
        await store.flush()

    assert await ask(path) == [job_record(2)]


async def test_a_property_that_cannot_be_loaded_is_named(path: Path) -> None:
    await fill(path, scenario_record(1), scenario_record(2))
    lost = pickle.dumps(Color.RED).replace(b"Color", b"Colon").hex()
    change(path, f"UPDATE scenario SET properties = x'{lost}' WHERE name IS NULL")

    async with SqliteStore(path) as store:
        with pytest.raises(StoreFailed, match=r"SCENARIO_c_1.*AttributeError.*delete"):
            await store.scenarios()

        await store.delete("SCENARIO_c_1", "SCENARIO_c_2")
        assert await store.scenarios() == []


@pytest.mark.parametrize("name", ["a b/größe ☃.db", "what?#%41&mode=ro.db", "-x;--'"])
async def test_any_path_will_do(tmp_path: Path, name: str) -> None:
    path = tmp_path / "über uns" / name
    await fill(path, *ONE_OF_EACH)

    assert os.listdir(path.parent) == [path.name]  # the log is merged
    assert await ask(path) == ONE_OF_EACH


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


async def test_ten_thousand_scenarios(path: Path) -> None:
    many = [scenario_record(n, properties={"n": n, "é": "x"}) for n in range(10_000)]

    async with SqliteStore(path) as store:
        for record in many:
            store.save(record)

        assert await store.scenarios() == many
        assert await store.scenarios(newest_first=True, limit=20) == many[:-21:-1]


def plan(path: Path, query: str, **given: object) -> str:
    """Return how SQLite carries a query out."""
    parameters = dict.fromkeys(
        ["id", "name", "config_id", "created_from", "created_to", "owner_id"]
    )
    parameters |= dict.fromkeys(["entity_id", "status", "submission_id", "task_id"])
    text = _sql.queries("queries.sql")[query].text(given)

    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(
            f"EXPLAIN QUERY PLAN {text}",
            {**parameters, "limit": 9, "offset": 0, **given},
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
        ("data_node", {"owner_id": "x"}),
        ("submission", {"entity_id": "x", "newest_first": True}),
        ("submission", {"status": "x"}),
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
    assert "TEMP B-TREE" not in found


async def test_a_first_page_needs_no_sorting(path: Path) -> None:
    await fill(path)

    for query in ("scenario", "data_node", "submission", "job"):
        for newest_first in (False, True):
            assert "TEMP" not in plan(path, query, newest_first=newest_first)


# --------------------------------------------------------------------------- the writer


async def test_commits_are_grouped(path: Path) -> None:
    commits: list[str] = []

    def note(statement: str) -> None:
        if statement.startswith("COMMIT"):
            commits.append(statement)

    async with SqliteStore(path) as store:
        assert store._opened is not None
        store._opened.database._writing.set_trace_callback(note)

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


async def test_leaving_writes_what_is_left(path: Path) -> None:
    async with SqliteStore(path) as store:
        for number in range(100):
            store.save(job_record(number))

    assert len(await ask(path)) == 100


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


@pytest.mark.both_loops
async def test_a_query_during_the_closing_has_an_end(path: Path) -> None:
    found: list[int] = []

    async def ask_late() -> None:
        try:
            found.append(len(await store.jobs()))
        except NotOpen:
            found.append(1000)

    async with create_task_group() as group, SqliteStore(path) as store:
        for number in range(1000):
            store.save(job_record(number))

        for _ in range(20):
            group.start_soon(ask_late)

        await anyio.lowlevel.checkpoint()

    assert found == [1000] * 20


async def test_a_cancel_leaves_nothing_open(path: Path) -> None:
    with move_on_after(0) as scope:
        async with SqliteStore(path) as store:
            store.save(job_record(1))
            await anyio.sleep_forever()

    assert scope.cancelled_caught
    assert await ask(path) == [job_record(1)]


async def test_it_must_be_open(path: Path) -> None:
    store = SqliteStore(path)

    with pytest.raises(NotOpen, match="async with"):
        store.save(job_record(1))

    async with store:
        with pytest.raises(UsageError, match="open already"):
            await store.__aenter__()

    with pytest.raises(NotOpen):
        await store.jobs()


# ----------------------------------------------------------------------- other processes


WRITE = """
import sys, anyio
from asyncflow.stores.sqlite import SqliteStore
from tests.test_contracts import job_record, node_record

async def main(path, name, rounds):
    async with SqliteStore(path) as store:
        for number in range(rounds):
            for part in range(5):
                key = f"{name}_{number}_{part}"
                store.save(job_record(key), node_record(key))
            await store.flush()
            assert await store.get(f"JOB_t_{key}")
            print(number, flush=True)

anyio.run(main, sys.argv[1], sys.argv[2], int(sys.argv[3]))
"""


def writer(path: Path, name: str, rounds: int) -> list[str]:
    return [sys.executable, "-c", WRITE, str(path), name, str(rounds)]


async def test_what_was_flushed_survives_kill_9(path: Path) -> None:
    command = writer(path, "x", 10**9)
    last = -1

    async with await open_process(command, cwd=ROOT, stderr=None) as process:
        assert process.stdout is not None

        lines = BufferedByteReceiveStream(process.stdout)

        while last < 50:
            last = int(await lines.receive_until(b"\n", 20))

        process.send_signal(signal.SIGKILL)

    assert process.returncode == -signal.SIGKILL
    found = {record.id for record in await ask(path)}
    wanted = {f"{n}_{part}" for n in range(last + 1) for part in range(5)}
    assert {f"JOB_t_x_{key}" for key in wanted} <= found

    # Each call of `save` is there as a whole, or not at all.
    jobs = {key.removeprefix("JOB_t") for key in found if key.startswith("JOB")}
    assert jobs == {key.removeprefix("DATANODE_n") for key in found} - {
        key for key in found if key.startswith("JOB")
    }


async def test_several_processes_write_one_file(path: Path) -> None:
    """They also make it at the same time."""
    async with create_task_group() as group:
        for name in "abc":
            group.start_soon(run_writer, path, name)

    found = await ask(path)
    assert len(found) == 3 * 40 * 5 * 2

    for name in "abc":
        jobs = [one.id for one in found if one.id.startswith(f"JOB_t_{name}_")]
        assert jobs == [
            f"JOB_t_{name}_{n}_{part}" for n in range(40) for part in range(5)
        ]


async def run_writer(path: Path, name: str) -> None:
    await run_process(writer(path, name, 40), cwd=ROOT, stderr=None)


async def test_two_stores_see_each_others_commits(path: Path) -> None:
    async with SqliteStore(path) as one, SqliteStore(path) as two:
        one.save(job_record(1))
        await one.flush()
        assert await two.jobs() == [job_record(1)]

        two.save(job_record(1, status="FAILED"))
        await two.flush()
        assert await one.get("JOB_t_1") == job_record(1, status="FAILED")

        await one.delete("JOB_t_1")
        assert await two.jobs() == []


async def test_a_lock_is_waited_for(path: Path) -> None:
    async with SqliteStore(path) as store, create_task_group() as group:
        with locked(path):
            store.save(job_record(1))
            group.start_soon(store.flush)
            await anyio.lowlevel.checkpoint()

        assert await store.jobs() == [job_record(1)]


async def test_a_lock_is_not_waited_for_for_ever(path: Path) -> None:
    async def write() -> None:
        async with SqliteStore(path, busy_timeout=0.01) as store:
            with locked(path):
                store.save(job_record(1))
                await store.flush()

    with pytest.raises(StoreFailed, match="another process kept it locked"):
        await write()

    assert await ask(path) == []

    with locked(path), pytest.raises(StoreFailed, match="locked"):
        await SqliteStore(path, busy_timeout=0.01).__aenter__()


FORGET = """
import asyncio, sys
from asyncflow.stores.sqlite import SqliteStore
from tests.test_contracts import job_record

async def main():
    await store.__aenter__()
    for number in range(100):
        store.save(job_record(number))

store = SqliteStore(sys.argv[1])
loop = asyncio.new_event_loop()
loop.run_until_complete(main())
"""


async def test_a_program_that_forgets_the_store_ends_and_loses_nothing(
    path: Path,
) -> None:
    command = [sys.executable, "-c", FORGET, str(path)]
    await run_process(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    assert len(await ask(path)) == 100


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
    await refused(path, "another program")


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
    await refused(tmp_path, "the file cannot be opened")


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
    """Check that a write that fails is told, and all from then on.

    :param spoil: makes the next writes fail
    """
    large = [node_record(n, kept=b"x" * 100_000) for n in range(2, 50)]

    async with SqliteStore(path) as store:
        store.save(*ONE_OF_EACH)
        await store.flush()
        spoil()
        store.save(job_record(2), *large)

        for _ in range(2):
            with pytest.raises(StoreFailed, match=words):
                await store.flush()

            store.save(job_record(3))

        with pytest.raises(StoreFailed, match=words):
            await store.jobs()

        with pytest.raises(StoreFailed, match=words):
            await store.delete("JOB_t_1")


async def test_a_full_disk_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    path = folder / "asyncflow.db"
    words = "the disk is full.*free some space"

    with mounted(folder, "size=1m"):
        with pytest.raises(StoreFailed, match=words):
            await fail(path, words, lambda: None)

        assert await ask(path) == ONE_OF_EACH


async def test_an_error_of_the_disk_is_told_and_nothing_is_lost(path: Path) -> None:
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    words = "the disk reported an error"

    def spoil() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, old[1]))

    try:
        with pytest.raises(StoreFailed, match=words):
            await fail(path, words, spoil)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)

    assert await ask(path) == ONE_OF_EACH


async def test_a_failure_that_nobody_asked_for_is_told_on_leaving(path: Path) -> None:
    async def write() -> None:
        async with SqliteStore(path, busy_timeout=0.01) as store:
            with locked(path):
                store.save(job_record(1))
                await to_thread.run_sync(wait_until_it_gives_up, store)

    with pytest.raises(StoreFailed, match="locked"):
        await write()


def wait_until_it_gives_up(store: SqliteStore) -> None:
    assert store._opened is not None

    while store._opened.writer.failure is None:
        pass


# ---------------------------------------------------------------------------- the SQL text


def test_a_line_may_depend_on_a_parameter() -> None:
    query = _sql.queries("queries.sql")["scenario"]
    nothing = query.text({"name": None, "newest_first": False})
    all_of_it = query.text({"name": "", "created_from": 0.0, "newest_first": True})

    assert ":name" not in nothing
    assert "DESC" not in nothing
    assert "name = :name" in all_of_it
    assert "creation_date >= :created_from" in all_of_it
    assert "creation_date DESC, seq DESC" in all_of_it
    assert all_of_it.count("seq") == 1


def test_migrations_are_numbered_without_gaps() -> None:
    versions = _sql.migrations("schema")
    assert list(versions) == list(range(1, len(versions) + 1))

    for version, statements in versions.items():
        assert statements[-1].strip() == f"PRAGMA user_version = {version};"
