"""A store that cannot be written, for now or for good: what an orchestrator does then."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import sqlite3
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import attrs
import pandas
import psycopg
import pytest
from anyio import Event, create_task_group, fail_after, to_thread
from anyio.abc import TaskGroup

from asyncflow import (
    Configuration,
    Orchestrator,
    Scenario,
    ScenarioConfig,
    StoreFailed,
    StoreUnavailable,
    Submission,
    SubmissionStatus,
    TakenOver,
    ValueMissing,
)
from asyncflow.records import OrchestratorRecord
from asyncflow.recovery.outage import Outage
from asyncflow.stores._sqlite import SELDOM
from asyncflow.stores.postgres import PostgresStore
from asyncflow.stores.sqlite import SqliteStore
from tests.support import flows
from tests.support.flows import configuration, single, until_started
from tests.support.postgres import (
    Server,
    accepts,
    account,
    binaries,
    prepare,
    started,
    wait_until,
)
from tests.support.postgres import database as database
from tests.support.postgres import server as server
from tests.support.records import orchestrator_record

pytestmark = pytest.mark.anyio

JOBS = 30


def note(path: str) -> None:
    """Leave a line, and take a moment."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, b"%d\n" % time.monotonic_ns())
    os.close(descriptor)
    time.sleep(0.01)


def noting(config: Configuration, path: Path, count: int = JOBS) -> ScenarioConfig:
    """Declare independent tasks, each of which leaves a line."""
    source = config.configure_data_node("path", default_data=str(path))
    return config.configure_scenario(
        "noting",
        [config.configure_task(f"t{n}", note, source, None) for n in range(count)],
    )


def noted(path: Path) -> list[int]:
    return [int(line) for line in path.read_text().split()] if path.exists() else []


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep everybody from writing."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")

        try:
            yield
        finally:
            connection.rollback()


@attrs.define
class Watcher:
    outage: Outage
    told: Event = attrs.field(factory=Event)

    def store_changed(self) -> None:
        self.outage.store_changed()
        self.told.set()


async def until_unavailable(orchestrator: Orchestrator, *, ends: bool = False) -> None:
    engine = orchestrator._session.engine
    assert engine is not None
    watcher = Watcher(engine.outage)
    orchestrator.store.watch(watcher)

    with fail_after(30):
        while (orchestrator.statistics().store_error is None) is not ends:
            await watcher.told.wait()
            watcher.told = Event()


# ---------------------------------------------------------------------------- for now


async def test_an_append_is_made_once_whatever_the_store_does(tmp_path: Path) -> None:
    config, path = configuration(), tmp_path / "runs.db"
    file = tmp_path / "rows.csv"
    rows = config.configure_data_node("rows", "csv", default_path=file)
    cfg = config.configure_scenario("s", additional_data_node_configs=[rows])
    added = pandas.DataFrame({"a": [2]})

    async with Orchestrator(config, SqliteStore(path, busy_timeout=0.05)) as one:
        scenario = await one.create_scenario(cfg)
        await scenario.rows.write(pandas.DataFrame({"a": [1]}))

        async with create_task_group() as group:
            with locked(path):
                group.start_soon(scenario.rows.append, added)
                await until_unavailable(one)
                assert file.read_text().split() == ["a", "1", "2"]

        assert file.read_text().split() == ["a", "1", "2"]
        assert len(await scenario.rows.edits()) == 2


async def test_an_append_that_fails_is_not_made_again(tmp_path: Path) -> None:
    config, path, file = configuration(), tmp_path / "runs.db", tmp_path / "lines"

    def append(value: str) -> None:
        with file.open("a") as lines:
            lines.write(value)

        raise OSError(errno.EAGAIN, "try again")

    lines = config.configure_data_node(
        "lines", "generic", read_fct=file.read_text, append_fct=append
    )
    cfg = config.configure_scenario("s", additional_data_node_configs=[lines])

    async with Orchestrator(config, path) as one:
        scenario = await one.create_scenario(cfg)

        with pytest.raises(BlockingIOError, match="try again"):
            await scenario.lines.append("x")

        assert file.read_text() == "x"
        assert len(await scenario.lines.edits()) == 1  # that it is there


async def test_no_job_starts_while_the_store_is_locked(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config, path = configuration(), tmp_path / "runs.db"
    cfg, file = noting(config, tmp_path / "noted"), tmp_path / "noted"

    async with Orchestrator(config, SqliteStore(path, busy_timeout=0.05)) as one:
        scenario = await one.create_scenario(cfg)
        run = scenario.submit()
        await run.accepted()

        with locked(path):
            await until_unavailable(one)
            statistics = one.statistics()
            assert "another process kept it locked" in (statistics.store_error or "")
            assert statistics.store_error_since is not None
            other = scenario.submit()
            assert one._session.engine is not None
            await one._session.engine.scheduler.in_flight.until_idle()
            before = len(noted(file))

            with pytest.raises(TimeoutError), fail_after(0.3):
                await other.accepted()

            assert len(noted(file)) == before < JOBS

        with fail_after(30):
            await run
            await other

        assert one.statistics().store_error is None
        assert len(await one.jobs(status="COMPLETED")) == 2 * JOBS

    assert len(noted(file)) == 2 * JOBS
    words = [record.getMessage() for record in caplog.records]
    assert sum("no job starts until it is" in text for text in words) == 1
    assert sum("can be written again" in text for text in words) == 1

    async with Orchestrator(config, path) as two:
        await two.drain()

    assert len(noted(file)) == 2 * JOBS


async def test_a_slow_transaction_is_an_outage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asyncflow.stores._writer.SLOW", 0.05)
    config, path = configuration(), tmp_path / "runs.db"
    cfg = noting(config, tmp_path / "noted", 3)

    async with Orchestrator(config, path) as one:  # it would wait for 30 s
        scenario = await one.create_scenario(cfg)

        with locked(path):
            run = scenario.submit()
            await until_unavailable(one)
            assert "has not been written for 0.05 s" in str(one.store.failure)
            started = noted(tmp_path / "noted")

        with fail_after(30):
            await run

        assert len(started) <= 3
        assert one.store.failure is None


async def test_who_reads_waits_a_while_and_is_told(tmp_path: Path) -> None:
    config, path = configuration(), tmp_path / "runs.db"
    cfg = noting(config, tmp_path / "noted", 1)
    store = SqliteStore(path, busy_timeout=0.01, patience=0.2)

    async with Orchestrator(config, store) as one:
        scenario = await one.create_scenario(cfg)

        with locked(path):
            run = scenario.submit()
            await until_unavailable(one)

            with pytest.raises(StoreUnavailable, match=r"locked.*busy_timeout"):
                await one.submissions()

        assert [record.id for record in await one.submissions()] == [run.id]
        await run


async def test_leaving_meanwhile_ends_and_tells_what_is_lost(tmp_path: Path) -> None:
    config, path = configuration(), tmp_path / "runs.db"
    cfg, file = noting(config, tmp_path / "noted"), tmp_path / "noted"
    runs: list[Submission] = []

    async def leave() -> None:
        async with Orchestrator(config, store) as one:
            scenario = await one.create_scenario(cfg)
            runs.append(scenario.submit())
            await runs[0].accepted()
            lock.__enter__()
            await until_unavailable(one)

    store = SqliteStore(path, busy_timeout=0.05, patience=0.3)
    lock = locked(path)

    with (
        fail_after(20),
        pytest.raises(StoreFailed, match=r"\d+ changes could not be.*locked"),
    ):
        await leave()

    lock.__exit__(None, None, None)
    assert runs[0].is_finished

    async with Orchestrator(config, path) as two:
        with fail_after(30):
            await two.drain()

        assert len(await two.jobs(status="COMPLETED")) == JOBS

    assert len(noted(file)) >= JOBS


async def test_a_lock_at_the_opening_is_told_at_once(tmp_path: Path) -> None:
    config, path = configuration(), tmp_path / "runs.db"

    async with Orchestrator(config, path):
        pass

    with locked(path), fail_after(5), pytest.raises(StoreFailed, match="locked"):
        await Orchestrator(config, SqliteStore(path, busy_timeout=0.1)).__aenter__()


async def test_a_file_system_without_locks_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite takes it for a lock of another process: so this test holds one."""
    config, path = configuration(), tmp_path / "runs.db"

    async with Orchestrator(config, path):
        pass

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "lockf", refuse)

    with locked(path), pytest.raises(StoreFailed, match=r"no locks.*local disk"):
        await Orchestrator(config, path).__aenter__()


async def test_a_temporary_folder_without_locks_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    monkeypatch.setattr(fcntl, "flock", refuse)

    with pytest.raises(
        OSError, match=r"cannot be locked.*set TMPDIR.*asyncflow-"
    ) as caught:
        await Orchestrator(configuration(), ":memory:").__aenter__()

    assert caught.value.errno == errno.ENOTSUP


# ----------------------------------------------------------------------------- for good


async def submit(scenario: Scenario, times: int) -> None:
    for _ in range(times):
        await scenario.submit().accepted()


@pytest.mark.parametrize("what", ["folder", "file", "log", "replaced"])
async def test_a_store_that_is_removed_is_noticed(tmp_path: Path, what: str) -> None:
    config, folder = configuration(), tmp_path / "made"
    path = folder / "runs.db"
    cfg = noting(config, tmp_path / "noted", 100)

    def spoil() -> None:
        if what == "folder":
            shutil.rmtree(folder)
        elif what == "file":
            path.unlink()
        elif what == "log":
            (folder / "runs.db-wal").unlink()
        else:
            shutil.copy(path, folder / "copy")
            os.replace(folder / "copy", path)

    async def use() -> None:
        async with Orchestrator(config, path) as one:
            scenario = await one.create_scenario(cfg)
            await scenario.submit()
            before = scenario.submit()
            await before.accepted()
            await to_thread.run_sync(spoil)
            words = "replaced" if what == "replaced" else "removed"

            with pytest.raises(StoreFailed, match=f"{folder}.*was {words}"):
                await submit(scenario, SELDOM if what == "log" else 1)

            with pytest.raises(StoreFailed, match=f"was {words} while it was open"):
                await before

            with pytest.raises(StoreFailed, match=words):
                scenario.submit()

            with pytest.raises(StoreFailed, match=words):
                await one.drain()

    with fail_after(30), pytest.raises(StoreFailed, match="so what was written"):
        await use()


async def test_a_folder_of_values_that_is_removed_is_made_anew(tmp_path: Path) -> None:
    config, path = configuration(), tmp_path / "runs.db"
    cfg = single(config, flows.identity, b"x" * 200_000, storage_type="pickle")

    async with Orchestrator(config, path) as one:
        scenario = await one.create_scenario(cfg)
        await scenario.submit()
        folder = one.store.values_folder
        assert folder is not None
        await to_thread.run_sync(shutil.rmtree, folder)

        with pytest.raises(ValueMissing):
            await scenario.result.read()

        await scenario.source.write(b"y" * 200_000)
        await scenario.submit()
        assert await scenario.result.read() == b"y" * 200_000
        mode = (await to_thread.run_sync(os.stat, folder)).st_mode
        assert mode & 0o777 == 0o700

    async with Orchestrator(config, path) as two:
        again = await two.get(scenario.id)
        assert isinstance(again, Scenario)
        assert await again.result.read() == b"y" * 200_000


async def test_who_was_taken_for_dead_kills_its_jobs(tmp_path: Path) -> None:
    config, path = configuration(), tmp_path / "runs.db"
    cfg = single(config, flows.block, executor="process")

    async def use() -> None:
        async with Orchestrator(config, path) as one:
            run = (await one.create_scenario(cfg)).submit()
            await run.accepted()

            await until_started(run)

            async with SqliteStore(path) as other:
                (record,) = await other.orchestrators()
                await other.adopt(record.id, "ORCHESTRATOR_x")

            one.store.save(record)

            with pytest.raises(TakenOver, match="took this one for dead"):
                await run

            assert run.status is SubmissionStatus.CANCELED
            assert "took this one for dead" in run.jobs[0].reason
            assert one.statistics().running == 0

    with fail_after(30), pytest.raises(TakenOver):
        await use()


# --------------------------------------------------------------------------- PostgreSQL


def cut(server: Server) -> None:
    server.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'tests'"
    )


@pytest.mark.limit(120)
async def test_connections_are_cut_twenty_times(
    server: Server, database: str, tmp_path: Path
) -> None:
    config, file = configuration(), tmp_path / "noted"
    cfg = noting(config, file, 10)
    runs: list[Submission] = []
    store = PostgresStore(server.url(database), tmp_path / "values")

    async with Orchestrator(config, store) as one:
        scenario = await one.create_scenario(cfg)

        for _ in range(20):
            runs.append(scenario.submit())
            await to_thread.run_sync(cut, server)
            await runs[-1].accepted()

        with fail_after(60):
            for run in runs:
                await run

        assert len(await one.jobs(status="COMPLETED")) == 200

    assert len(noted(file)) == 200


async def test_a_connection_in_the_middle_of_something_is_replaced(
    server: Server, database: str, tmp_path: Path
) -> None:
    config, file = configuration(), tmp_path / "noted"
    store = PostgresStore(server.url(database), tmp_path / "values")

    async with Orchestrator(config, store) as one:
        scenario = await one.create_scenario(noting(config, file, 2))

        for _ in range(3):
            await one.flush()
            assert store._opened is not None
            writing = getattr(store._opened.database, "_writing")  # noqa: B009
            writing.pgconn.enter_pipeline_mode()  # as a server that stops can leave it

            with fail_after(30):
                await scenario.submit()

    assert len(noted(file)) == 6


@pytest.mark.limit(180)
@pytest.mark.usefixtures("server")  # where there is none, this is skipped
async def test_a_server_is_restarted_twenty_times(tmp_path: Path) -> None:
    config, file = configuration(), tmp_path / "noted"
    cfg = noting(config, file, 5)
    runs: list[Submission] = []

    with own_server() as server, ExitStack() as stack:
        await to_thread.run_sync(restart, server, stack)
        store = PostgresStore(server.url("postgres"), tmp_path / "values")

        async with Orchestrator(config, store) as one:
            scenario = await one.create_scenario(cfg)

            for _ in range(20):
                runs.append(scenario.submit())
                await to_thread.run_sync(restart, server, stack)

            with fail_after(90):
                for run in runs:
                    await run

            assert len(await one.jobs(status="COMPLETED")) == 100

    assert len(noted(file)) == 100


@contextmanager
def held(server: Server, table: str) -> Iterator[None]:
    """Keep others from writing a table, until three seconds after that is begun."""
    with psycopg.connect(server.url("tests")) as connection:
        connection.execute(f"LOCK TABLE asyncflow.{table} IN EXCLUSIVE MODE".encode())
        timer = threading.Timer(3.0, connection.close)
        timer.start()

        try:
            yield
        finally:
            timer.join()


async def test_an_opening_that_takes_long_is_no_outage(
    server: Server, database: str, tmp_path: Path
) -> None:
    config = configuration()
    store = PostgresStore(server.url(database), tmp_path / "values")

    async with Orchestrator(config, store):
        pass

    with fail_after(30), held(server, "orchestrator"):
        async with Orchestrator(config, store) as one:
            assert one.statistics().store_error is None


@contextmanager
def own_server() -> Iterator[Server]:
    """Make a server that is not running."""
    programs, owner = binaries(), account()
    assert programs is not None

    with tempfile.TemporaryDirectory(prefix="pg-", dir="/tmp") as name:
        folder = Path(name)
        prepare(programs, folder, owner)
        yield Server(folder)


def restart(server: Server, stack: ExitStack) -> None:
    """Stop a server, if it runs, and start it."""
    stack.close()
    start(server, stack)


def start(server: Server, stack: ExitStack) -> None:
    programs = binaries()
    assert programs is not None
    process = stack.enter_context(started(programs, server.folder, account()))
    log = server.folder / "log"
    wait_until(lambda: process.poll() is None and accepts(server), log)


@attrs.define(eq=False)
class Restarting(PostgresStore):
    """One whose server is restarted when an orchestrator that opens gets so far."""

    server: Server = attrs.field(kw_only=True)
    running: ExitStack = attrs.field(kw_only=True)
    verb: str = attrs.field(kw_only=True)
    group: TaskGroup = attrs.field(kw_only=True)

    async def register(self, *given: Any, **facts: Any) -> None:
        await self.reach("register")
        await super().register(*given, **facts)

    async def orchestrators(self) -> list[OrchestratorRecord]:
        await self.reach("orchestrators")
        return await super().orchestrators()

    async def adopt(self, *given: Any, **facts: Any) -> dict[str, int]:
        await self.reach("adopt")
        return await super().adopt(*given, **facts)

    async def reach(self, verb: str) -> None:
        """Stop the server, and start it in a second."""
        if verb == self.verb:
            self.verb = ""
            await to_thread.run_sync(self.running.close)
            self.group.start_soon(to_thread.run_sync, self.start)

    def start(self) -> None:
        threading.Event().wait(1.0)
        start(self.server, self.running)


@pytest.mark.limit(120)
@pytest.mark.usefixtures("server")  # where there is none, this is skipped
@pytest.mark.parametrize("verb", ["open", "register", "orchestrators", "adopt"])
async def test_a_server_is_restarted_while_an_orchestrator_opens(
    tmp_path: Path, verb: str, caplog: pytest.LogCaptureFixture
) -> None:
    config, file = configuration(), tmp_path / "noted"
    cfg = noting(config, file, 5)

    with own_server() as server, ExitStack() as stack:
        await to_thread.run_sync(restart, server, stack)
        url, folder = server.url("postgres"), tmp_path / "values"

        async with PostgresStore(url, folder) as left:
            left.save(orchestrator_record(1, pid=2**22 + 1))  # which has died
            await left.flush()

        async with create_task_group() as group:
            store = Restarting(
                url, folder, server=server, running=stack, verb=verb, group=group
            )
            await store.reach("open")

            with fail_after(60):
                async with Orchestrator(config, store) as one:
                    assert store.verb == ""
                    (own,) = await store.orchestrators()
                    assert own.pid == os.getpid()
                    await (await one.create_scenario(cfg)).submit()

    told = [line for line in caplog.messages if "it is being opened" in line]
    assert len(told) == 1
    assert len(noted(file)) == 5
