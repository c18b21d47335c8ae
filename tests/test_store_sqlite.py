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
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager
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
    OrchestratorRecord,
    Record,
    ScenarioRecord,
    SubmissionRecord,
    VersionRecord,
)
from asyncflow.stores import _sql
from asyncflow.stores._sqlite import SqliteDatabase
from asyncflow.stores.sqlite import SqliteStore
from tests.records import (
    ONE_OF_EACH,
    basis_record,
    job_record,
    node_record,
    orchestrator_record,
    scenario_record,
    submission_record,
    version_record,
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
            *await store.orchestrators(),
            *await store.versions(),
            *[
                basis
                for scenario in await store.scenarios()
                for basis in await store.bases(scenario.id)
            ],
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
    node_record(1, owner_id="é", config_id="\udcff"),
    node_record(2, editor_id="\0", editor_expires=1763900000.1234567),
    submission_record(1, properties={"made": Color.RED}, reason="\ud800"),
    submission_record(2, graph='["\udc80", "\0"]', properties={"a": "\udc80"}),
    submission_record(3, graph="x" * 700_000, finished_at=0.0, force=True),
    job_record(1, reason="OSError: no file 'a\udce9'", traceback="\ud800\0\n"),
    job_record(2, run_at=None, finished_at=None),
    orchestrator_record(1, host="\udcff", pid=2**40, lease=math.inf),
    version_record(1, kept=b""),
    version_record(2, kept=""),
    version_record(3, kept="/a/path", comment="\0\n", editor_id=""),
    version_record(4, kept=None, is_kept=False),
    version_record(2**40, kept=b"\xff" * 100_000, job_id="j", holder_id="o"),
    version_record(2**63 - 1, kept="/no/utf-8/\udcff", comment="\udcff"),
    basis_record(1, inputs={}, outputs={"é\0": 2**63 - 1}),
]


@pytest.mark.parametrize("records", [ONE_OF_EACH, UNUSUAL], ids=["usual", "unusual"])
async def test_records_are_the_same_after_reopening(
    path: Path, records: list[Record]
) -> None:
    await fill(path, *records)
    again = {record.id: record for record in await ask(path)}

    for record in records:
        assert repr(again[record.id]) == repr(record)

    async with SqliteStore(path) as store:
        for record in records:
            if isinstance(record, ScenarioRecord):
                assert await store.scenarios(name=record.name or "-") == (
                    [record] if record.name else []
                )

        names = await store.delete(*(record.id for record in records))
        assert set(names) == {
            record.kept
            for record in records
            if isinstance(record, VersionRecord) and isinstance(record.kept, str)
        }

    assert await ask(path) == []


TEXT = st.text(st.characters())
MAYBE = st.none() | TEXT
TIME = st.floats(allow_nan=False)
NUMBER = st.integers(0, 2**63 - 1)
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
NUMBERS = st.dictionaries(st.text(), NUMBER, max_size=2)
RECORD = st.one_of(
    st.builds(ScenarioRecord, TEXT, TEXT, MAYBE, TIME, PROPERTIES),
    st.builds(DataNodeRecord, TEXT, TEXT, MAYBE, MAYBE, st.none() | TIME),
    st.builds(
        SubmissionRecord,
        *(TEXT, TEXT, TEXT, TEXT, TEXT, TIME, st.none() | TIME),
        *(TEXT, st.booleans(), TEXT, TEXT, PROPERTIES),
    ),
    st.builds(
        JobRecord,
        *(TEXT, TEXT, TEXT, TEXT, TEXT, st.none() | TIME, st.none() | TIME, TEXT),
    ),
    st.builds(OrchestratorRecord, TEXT, TEXT, NUMBER, TEXT, TEXT, TIME),
    st.builds(
        VersionRecord,
        *(TEXT, NUMBER, st.none() | st.binary() | TEXT, st.booleans()),
        *(MAYBE, MAYBE, TEXT, MAYBE),
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
    change(path, f"UPDATE scenario SET pickled = x'{lost}' WHERE name IS NULL")

    async with SqliteStore(path) as store:
        with pytest.raises(StoreFailed, match=r"SCENARIO_c_1.*AttributeError.*delete"):
            await store.scenarios()

        await store.delete("SCENARIO_c_1", "SCENARIO_c_2")
        assert await store.scenarios() == []


async def test_a_text_that_cannot_be_read_is_told(path: Path) -> None:
    await fill(path, scenario_record(1))
    change(path, "UPDATE scenario SET config_id = x'80'")

    async with SqliteStore(path) as store:
        with pytest.raises(StoreFailed, match="damaged"):
            await store.scenarios()


@pytest.mark.parametrize(
    "name", ["a b/größe ☃.db", "what?#%41&mode=ro.db", "-x;--'", "a.sqlite", "a.values"]
)
async def test_any_path_will_do(tmp_path: Path, name: str) -> None:
    path = tmp_path / "über uns" / name
    await fill(path, *ONE_OF_EACH)

    values = path.stem + ".values" if path.suffix == ".db" else path.name + ".values"
    assert sorted(os.listdir(path.parent)) == sorted([path.name, values])
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

        await store.flush()
        start = time.perf_counter()
        assert await store.scenarios() == many
        assert (
            time.perf_counter() - start < 1.0
        )  # 0.05 s on a machine that does no more
        assert await store.scenarios(newest_first=True, limit=20) == many[:-21:-1]


def plan(path: Path, query: str, **given: object) -> str:
    """Return how SQLite carries a query out."""
    text = _sql.queries("sqlite.sql")[query].text(given)

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


async def test_a_graph_is_written_once(path: Path) -> None:
    graph = "x" * 1_000_000

    async with SqliteStore(path) as store:
        store.save(submission_record(1, graph=graph))
        await store.flush()
        size = log_size(path)
        store.save(submission_record(1, graph=graph, status="COMPLETED"))
        await store.flush()

        assert log_size(path) - size < 50_000


def log_size(path: Path) -> int:
    return path.with_name(path.name + "-wal").stat().st_size


# ----------------------------------------------------------------------- its folder


async def test_values_have_a_folder_beside_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = SqliteStore(".asyncflow/asyncflow.db")

    with pytest.raises(NotOpen):
        _ = store.values_folder

    async with store:
        monkeypatch.chdir("/")
        assert store.values_folder == str(tmp_path / ".asyncflow/asyncflow.values")

    folder = tmp_path / ".asyncflow"
    assert (folder / "asyncflow.values").stat().st_mode & 0o777 == 0o700
    assert (folder / ".gitignore").read_text().splitlines()[-1] == "*"  # a test


async def test_a_folder_that_was_there_stays_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / ".asyncflow"
    values = folder / "asyncflow.values"
    values.mkdir(parents=True, mode=0o755)

    async with SqliteStore(folder / "asyncflow.db"):
        pass

    assert values.stat().st_mode & 0o777 == 0o755
    assert sorted(os.listdir(folder)) == ["asyncflow.db", "asyncflow.values"]


async def test_two_files_have_two_folders(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a.db", "a.sqlite", "a.db.values", "b.db")]
    (tmp_path / "other").mkdir()
    paths.append(tmp_path / "other" / "b.db")

    async with AsyncExitStack() as stack:
        stores = [await stack.enter_async_context(SqliteStore(one)) for one in paths]
        assert len({store.values_folder for store in stores}) == len(paths)


async def test_one_file_has_one_folder(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path)

    async with SqliteStore(tmp_path / "a.db") as one, SqliteStore(link / "a.db") as two:
        assert one.values_folder == two.values_folder


# ----------------------------------------------------------------------- other processes


WRITE = """
import sys, anyio
from asyncflow.stores.sqlite import SqliteStore
from tests.records import job_record, node_record

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
from tests.records import job_record

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


@pytest.mark.parametrize("count", [2, 5])
async def test_a_submission_is_claimed_by_one_of_many(path: Path, count: int) -> None:
    claims: list[SubmissionRecord] = []

    async def claim(store: SqliteStore, name: str) -> None:
        own = submission_record(1, orchestrator_id=name)
        claims.append(await store.claim(own))

    async with opened(path, count) as stores:
        async with create_task_group() as group:
            for number, store in enumerate(stores):
                group.start_soon(claim, store, str(number))

        assert await stores[0].submissions() == claims[:1]

    assert len(set(map(repr, claims))) == 1
    assert len(claims) == count


async def test_a_data_node_is_locked_by_one_of_many(path: Path) -> None:
    got: list[DataNodeRecord | None] = []

    async def lock(store: SqliteStore, name: str) -> None:
        got.append(await store.lock(node_record(1, editor_id=name), now=1.0))

    async with opened(path, 4) as stores:
        stores[0].save(node_record(1))
        await stores[0].flush()

        async with create_task_group() as group:
            for number, store in enumerate(stores):
                group.start_soon(lock, store, str(number))

        assert await stores[0].data_nodes() == got[:1]

    assert len(set(got)) == 1
    assert len(got) == 4


async def test_a_dead_orchestrator_is_adopted_by_one_of_many(path: Path) -> None:
    async with opened(path, 4) as stores:
        stores[0].save(
            orchestrator_record("dead"),
            *(submission_record(n, orchestrator_id="ORCHESTRATOR_dead") for n in "ab"),
        )
        await stores[0].flush()

        async with create_task_group() as group:
            for number, store in enumerate(stores):
                group.start_soon(store.adopt, "ORCHESTRATOR_dead", str(number))

        heirs = {one.orchestrator_id for one in await stores[0].submissions()}

    assert len(heirs) == 1
    assert heirs < set("0123")


async def test_a_dead_orchestrator_writes_nothing_more(path: Path) -> None:
    async def write(store: SqliteStore) -> None:
        for number in range(10**6):
            store.save(submission_record(number, orchestrator_id="ORCHESTRATOR_1"))
            await store.flush()

    async def be_adopted() -> None:
        async with SqliteStore(path) as dead, SqliteStore(path) as heir:
            await dead.register(orchestrator_record(1))

            async with create_task_group() as group:
                group.start_soon(write, dead)

                while not await heir.submissions():
                    await anyio.lowlevel.checkpoint()

                await heir.adopt("ORCHESTRATOR_1", "heir")

    with pytest.raises(ExceptionGroup) as caught:
        await be_adopted()

    assert caught.group_contains(StoreFailed, match="took this one for dead")
    owners = {
        one.orchestrator_id
        for one in await ask(path)
        if isinstance(one, SubmissionRecord)
    }
    assert owners == {"heir"}


@asynccontextmanager
async def opened(path: Path, count: int) -> AsyncIterator[list[SqliteStore]]:
    """Open a file several times."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(SqliteStore(path)) for _ in range(count)]


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
            id="SUBMISSION_1", entity_id=scenario, status="COMPLETED", finished_at=2.5
        ),
        old._replace(
            id="SUBMISSION_3",
            entity_id=f"SEQUENCE_s_{scenario}",
            status="CANCELED",
            submitted_at=3.5,
            finished_at=3.5,
            reason="its process ended",
            properties={"t": (1,)},
        ),
        old._replace(
            id="SUBMISSION_4",
            entity_id=f"TASK_t_{key}",
            status="FAILED",
            submitted_at=4.5,
            finished_at=5.5,
        ),
        old._replace(
            id="SUBMISSION_5",
            entity_id="TASK_t_gone",
            scenario_id="TASK_t_gone",
            status="FAILED",
            submitted_at=4.5,
            finished_at=5.5,
        ),
        JobRecord("JOB_t_1", "t", "s", "FAILED", "why", None, 2.5, "tb"),
        VersionRecord("a", 1_700_000_000_500_000_000, b"\1", job_id="JOB_1"),
        VersionRecord("b", 1_700_000_001_500_000_000, None, is_kept=False),
        VersionRecord("c", 1_700_000_002_000_000_000, None),
    ]


async def test_a_migration_that_fails_changes_nothing(path: Path) -> None:
    change(path, *statements(_sql.migrations("schema")[1]))
    change(
        path,
        "CREATE TABLE graph (x)",
        "INSERT INTO job VALUES (1, 'j', 't', 's', '', '', 0, 0, '')",
    )

    with pytest.raises(StoreFailed, match=r"SQLite refused.*graph already exists"):
        await ask(path)

    change(path, "DROP TABLE graph")
    assert [one.id for one in await ask(path)] == ["j"]


async def test_several_processes_migrate_one_file(path: Path) -> None:
    change(path, *statements(_sql.migrations("schema")[1]))
    await test_several_processes_write_one_file(path)


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
    large = [version_record(n, kept=b"x" * 100_000) for n in range(2, 50)]

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
    query = _sql.queries("sqlite.sql")["scenario"]
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

    for version, text in versions.items():
        assert text.endswith(f"\nPRAGMA user_version = {version};\n")
