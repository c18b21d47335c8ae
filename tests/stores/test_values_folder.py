"""A folder of values belongs to one store, and a sweep takes what that has made."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import attrs
import pytest

from asyncflow import Configuration, Orchestrator, Scenario
from asyncflow.abc import Store
from asyncflow.records import OrchestratorRecord
from asyncflow.stores._folder import Access
from asyncflow.stores._values_folder import NAME, Mark, ValuesFolder, mark_of
from asyncflow.stores.postgres import PostgresStore
from asyncflow.stores.sqlite import SqliteStore
from tests.support.postgres import Server
from tests.support.postgres import database as database
from tests.support.postgres import server as server
from tests.support.records import orchestrator_record, version_record

pytestmark = pytest.mark.anyio

LARGE = b"x" * 200_000


def declare() -> tuple[Configuration, Any]:
    config = Configuration()
    node = config.configure_data_node("large", default_data=LARGE, keep_versions=1)
    cfg = config.configure_scenario("c", config.configure_task("t", len, node, None))
    config.configure_job_executions(mode="development")
    return config, cfg


async def create(store: Store) -> str:
    config, cfg = declare()

    async with Orchestrator(config, store) as orchestrator:
        return (await orchestrator.create_scenario(cfg)).id


async def is_read(store: Store, scenario_id: str) -> bool:
    """Open a store beside one that was killed, so that it sweeps; read its value."""
    config, _ = declare()

    async with store:
        store.save(dead(scenario_id))

    async with Orchestrator(config, store) as orchestrator:
        scenario = await orchestrator.get(scenario_id)
        assert isinstance(scenario, Scenario)
        return bool(await scenario.large.read() == LARGE)


def dead(scenario_id: str) -> OrchestratorRecord:
    return orchestrator_record(scenario_id, host="gone", pid=1, lease=0.0)


def folder_of(store: SqliteStore | PostgresStore) -> Path:
    return Path(store.values_folder)


async def copied(file: Path, copy: Path) -> None:
    """Copy a closed database, without what is beside it."""
    await anyio.Path(copy).write_bytes(await anyio.Path(file).read_bytes())


# ------------------------------------------------------------------------------ SQLite


@pytest.mark.smoke
async def test_two_files_of_one_stem_share_no_folder(tmp_path: Path) -> None:
    one, two = SqliteStore(tmp_path / "runs"), SqliteStore(tmp_path / "runs.db")
    first, second = await create(one), await create(two)

    async with one, two:
        folders = {folder_of(one), folder_of(two)}
        assert len(folders) == 2
        assert folder_of(one).name == "runs.values"

    for _ in range(2):
        assert await is_read(one, first)
        assert await is_read(two, second)

    async with one, two:
        assert {folder_of(one), folder_of(two)} == folders


async def test_a_copy_beside_it_takes_nothing_from_the_original(tmp_path: Path) -> None:
    file, copy = tmp_path / "runs.db", tmp_path / "runs"
    first = await create(SqliteStore(file))
    await copied(file, copy)
    second = await create(SqliteStore(file))

    assert await is_read(SqliteStore(copy), first)
    assert await is_read(SqliteStore(file), first)
    assert await is_read(SqliteStore(file), second)
    third = await create(SqliteStore(copy))
    assert await is_read(SqliteStore(file), second)
    assert await is_read(SqliteStore(copy), third)

    config, _ = declare()

    async with Orchestrator(config, SqliteStore(copy)) as orchestrator:
        await orchestrator.delete(first)

    assert await is_read(SqliteStore(file), first)


@pytest.mark.parametrize("moves", [False, True])
async def test_a_store_may_be_moved_or_copied_as_a_whole(
    tmp_path: Path, moves: bool
) -> None:
    first = await create(SqliteStore(tmp_path / "one" / "runs.db"))
    put = shutil.move if moves else shutil.copytree
    await anyio.to_thread.run_sync(put, tmp_path / "one", tmp_path / "two")
    store = SqliteStore(tmp_path / "two" / "runs.db")
    assert await is_read(store, first)

    async with store:
        assert folder_of(store).name == "runs.values"

    if not moves:
        assert await is_read(SqliteStore(tmp_path / "one" / "runs.db"), first)


async def test_a_file_may_be_renamed_with_its_folder(tmp_path: Path) -> None:
    first = await create(SqliteStore(tmp_path / "old.db"))
    await anyio.Path(tmp_path / "old.db").rename(tmp_path / "new.db")
    await anyio.Path(tmp_path / "old.values").rename(tmp_path / "new.values")
    assert await is_read(SqliteStore(tmp_path / "new.db"), first)
    assert sorted(os.listdir(tmp_path)) == ["new.db", "new.values"]


async def test_a_new_file_takes_the_folder_of_one_that_was_removed(
    tmp_path: Path,
) -> None:
    file = tmp_path / "runs.db"
    await create(SqliteStore(file))
    await anyio.Path(file).rename(tmp_path / "kept")
    await create(SqliteStore(file))
    assert sorted(os.listdir(tmp_path)) == ["kept", "runs.db", "runs.values"]


async def test_a_folder_without_a_mark_is_marked(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "runs.db")
    first = await create(store)
    folder = str(tmp_path / "runs.values")
    mark = await anyio.to_thread.run_sync(mark_of, folder)
    assert mark is not None
    await anyio.Path(tmp_path / "runs.values" / NAME).unlink()
    assert await is_read(store, first)
    assert await anyio.to_thread.run_sync(mark_of, folder) == mark


async def test_an_old_store_keeps_its_folder(tmp_path: Path) -> None:
    """Of a version without marks, with a file that a killed orchestrator left."""
    file = tmp_path / "runs.db"
    store = SqliteStore(file)
    first = await create(store)
    await anyio.Path(tmp_path / "runs.values" / NAME).unlink()

    with closing(sqlite3.connect(file)) as connection, connection:
        for statement in (
            "DROP INDEX job_by_failure",
            "ALTER TABLE job DROP COLUMN worker",
            "DROP INDEX submission_by_reason",
            "ALTER TABLE submission DROP COLUMN paused",
            "DROP TABLE versions",
            "DROP INDEX data_node_shared",
            "DROP INDEX scenario_by_version",
            "ALTER TABLE scenario DROP COLUMN version",
            "DROP TABLE change",
            "ALTER TABLE orchestrator DROP COLUMN listens",
            "DROP TABLE property",
            "DROP INDEX scenario_by_order_of_names",
            "ALTER TABLE scenario DROP COLUMN sequences",
            "ALTER TABLE submission DROP COLUMN crashes",
            "ALTER TABLE submission DROP COLUMN ended_jobs",
            "ALTER TABLE data_node DROP COLUMN directory",
            "ALTER TABLE data_node DROP COLUMN attributes",
            "ALTER TABLE data_node DROP COLUMN revision",
            "ALTER TABLE submission DROP COLUMN waits",
            "ALTER TABLE version DROP COLUMN facts",
            "DROP TABLE findable",
            "DROP TABLE searched",
            "DROP INDEX scenario_by_tags",
            "ALTER TABLE scenario DROP COLUMN tags",
            "ALTER TABLE scenario DROP COLUMN revision",
            "DROP TABLE tag",
            "DROP VIEW last_scenario",
            "DROP INDEX scenario_by_cycle",
            "ALTER TABLE scenario DROP COLUMN cycle_id",
            "DROP TABLE cycle",
            "DROP TABLE input",
            "ALTER TABLE version DROP COLUMN fingerprint",
            "DROP VIEW last_pin",
            "DROP TABLE pin",
            "DROP TABLE store",
            "DROP TABLE maker",
        ):
            connection.execute(statement)

        connection.execute("PRAGMA user_version = 3")

    (name,) = os.listdir(tmp_path / "runs.values")
    left = tmp_path / "runs.values" / f"{name.partition('-')[0]}-99.value"
    await anyio.Path(left).touch()
    assert await is_read(store, first)
    assert not await anyio.Path(left).exists()


async def test_a_sweep_takes_only_what_the_store_has_made(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "runs.db")
    first = await create(store)
    folder = tmp_path / "runs.values"
    left = f"{dead(first).id}-7.value"
    names = {"notes.txt", "ORCHESTRATOR_0123456789ab-1.value", "a-b", left}

    for name in names:
        await anyio.Path(folder / name).touch()

    assert await is_read(store, first)
    assert names - {*os.listdir(folder)} == set()  # who left it was never registered

    async with store:
        await store.register(dead(first))

    assert await is_read(store, first)
    assert names - {*os.listdir(folder)} == {left}


async def test_makers_without_a_file_are_forgotten(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "runs.db")
    config, _ = declare()

    for _ in range(3):
        async with Orchestrator(config, store):
            pass

    async with store:
        assert await store.makers() == set()
        await store.register(orchestrator_record(1))
        store.save(version_record(1, kept="ORCHESTRATOR_1-1.value"))
        await store.delete("ORCHESTRATOR_1")
        assert await store.makers() == {"ORCHESTRATOR_1"}


# -------------------------------------------------------------------------- PostgreSQL


async def test_a_cloned_database_has_a_folder_of_its_own(
    server: Server, database: str, tmp_path: Path
) -> None:
    original = PostgresStore(server.url(database), tmp_path / "values")
    first = await create(original)
    server.run(f"CREATE DATABASE staging TEMPLATE {database}")

    try:
        clone = PostgresStore(server.url("staging"), tmp_path / "values")
        second = await create(original)

        for _ in range(2):
            assert await is_read(clone, first)
            assert await is_read(original, first)
            assert await is_read(original, second)

        third = await create(clone)
        assert await is_read(original, second)
        assert await is_read(clone, third)

        async with original, clone:
            assert folder_of(original) != folder_of(clone)

        async with (
            clone,
            PostgresStore(server.url("staging"), tmp_path / "values") as b,
        ):
            assert folder_of(clone) == folder_of(b)
    finally:
        server.run("DROP DATABASE staging WITH (FORCE)")


async def test_a_user_without_rights_opens_it_too(
    server: Server, database: str, tmp_path: Path
) -> None:
    server.run("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC", database)
    server.run("CREATE ROLE plain LOGIN", database)

    try:
        server.run(f"GRANT CREATE ON DATABASE {database} TO plain", database)
        url = server.url(database).replace("asyncflow@", "plain@")
        store = PostgresStore(
            url + ("&" if "?" in url else "?") + "user=plain", tmp_path
        )
        assert await is_read(store, await create(store))
    finally:
        server.run("DROP SCHEMA IF EXISTS asyncflow CASCADE", database)
        server.run(f"REVOKE ALL ON DATABASE {database} FROM plain", database)
        server.run("DROP ROLE plain", database)
        server.run("GRANT EXECUTE ON FUNCTION pg_control_system() TO PUBLIC", database)


# ----------------------------------------------------------------------------- the mark


@attrs.frozen(kw_only=True)
class Place(ValuesFolder):
    others: bool

    def place_of(self, store_id: str) -> str:
        return f"{self.first.removesuffix('.values')}.{store_id}.values"

    def is_there(self, _: Mark) -> bool:
        return self.others


def place(tmp_path: Path, is_there: bool = False) -> ValuesFolder:
    """Say where the values of a database are, among other ones or alone."""
    return Place(
        access=Access(store="runs.db"),
        first=str(tmp_path / "runs.values"),
        database="runs.db",
        others=is_there,
    )


def take(folder: ValuesFolder, store_id: str, *kept: str) -> str:
    return folder.taken(store_id, lambda: f"new {store_id}", lambda: kept)


def test_a_mark_comes_back(tmp_path: Path) -> None:
    mark = Mark("id", "runs.db", 7)
    mark.write(str(tmp_path))
    mark.write(str(tmp_path))
    assert mark_of(str(tmp_path)) == mark
    assert os.listdir(tmp_path) == [NAME]


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"store": "id"}', "\udc80"])
def test_what_is_no_mark_is_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / NAME).write_bytes(text.encode("utf-8", "surrogateescape"))
    assert mark_of(str(tmp_path)) is None


def test_a_folder_is_found_by_its_mark(tmp_path: Path) -> None:
    folder = place(tmp_path)
    assert folder.found("a") is None
    taken = take(folder, "a")
    assert taken == folder.first
    assert folder.found("a") == taken
    assert folder.found("b") is None


def test_the_folder_of_another_store_is_left_to_it(tmp_path: Path) -> None:
    first = take(place(tmp_path), "a")
    second = take(place(tmp_path, is_there=True), "b")
    assert second == str(tmp_path / "runs.b.values")
    assert place(tmp_path).found("a") == first
    assert place(tmp_path).found("b") == second


def test_a_copy_has_another_id_and_the_files_of_the_original(tmp_path: Path) -> None:
    first = Path(take(place(tmp_path), "a"))
    (first / "1.value").write_bytes(b"1")
    copy = Path(take(place(tmp_path, is_there=True), "a", "1.value", "gone.value"))
    assert copy.name == "runs.new a.values"
    assert (copy / "1.value").samefile(first / "1.value")
    assert sorted(os.listdir(copy)) == [NAME, "1.value"]


def test_a_disk_without_hard_links_gets_copies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*_: object) -> None:
        raise PermissionError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", link)
    first = Path(take(place(tmp_path), "a"))
    (first / "1.value").write_bytes(b"1")
    copy = Path(take(place(tmp_path, is_there=True), "a", "1.value", "gone.value"))
    assert (copy / "1.value").read_bytes() == b"1"
    assert not (copy / "1.value").samefile(first / "1.value")


def test_a_folder_that_was_copied_is_no_other_stores(tmp_path: Path) -> None:
    """Its mark has the inode of the original."""
    first = take(place(tmp_path), "a")
    shutil.move(first, tmp_path / "original")
    shutil.copytree(tmp_path / "original", first)
    assert place(tmp_path).found("a") is None
    assert take(place(tmp_path, is_there=True), "a") == first
    assert place(tmp_path).found("a") == first
