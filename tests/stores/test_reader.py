"""A reader of a store: beside those who write it, and without their locks."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from anyio import to_thread
from anyio.to_thread import run_sync

from asyncflow import Orchestrator
from asyncflow.alternatives import READERS
from asyncflow.errors import StoreFailed
from asyncflow.options import Page
from asyncflow.stores._reader import SqliteReader, schema_version
from tests.support.disks import small_disk
from tests.support.flows import configuration, single
from tests.support.nobody import as_nobody


@pytest.mark.anyio
async def test_it_reads_while_others_write(tmp_path: Path) -> None:
    config = configuration("development")
    cfg = single(config, abs, -3)
    name = cfg.task_configs[0].id
    path = str(tmp_path / "100% runs?#.db")
    assert READERS.load("sqlite") is SqliteReader

    async with Orchestrator(config, path) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg, name="first")
        await scenario.add_tag("good")
        submission = await scenario.submit(user="Zoë")

        def look() -> None:
            with SqliteReader(path) as reader:
                assert reader.find(scenario.id).tags == ("good",)
                assert reader.find("SCENARIO_none_0") is None
                (run,) = reader.listed("submission", {"tag": "good"}, "date", Page())
                assert (run.id, run.properties) == (submission.id, {"user": "Zoë"})
                assert reader.starting("submission", "SUB", 5) == [submission.id]
                assert reader.starting("job", "JOB_x", 5) == []
                (job,) = reader.listed("job", {"config": name}, "duration", Page())
                assert (job.status, reader.log(job.id)) == ("COMPLETED", None)
                assert reader.duration(name) is not None
                assert reader.duration(name[:-1]) is None
                assert reader.check() == []
                assert reader.sizes()["jobs"] == 1

                with pytest.raises(sqlite3.OperationalError, match="readonly"):
                    reader._connection.execute("DELETE FROM job")

        await to_thread.run_sync(look)


def test_what_is_no_store_of_this_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.db"

    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE dog (name TEXT)")

    connection.close()

    with pytest.raises(StoreFailed, match="it is no store of asyncflow"):
        SqliteReader(str(path))

    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA application_id = {int.from_bytes(b'asfl')}")
        connection.execute("PRAGMA user_version = 8")

    connection.close()
    assert schema_version(str(path))[0] == 8

    with pytest.raises(StoreFailed, match="asyncflow store migrate"):
        SqliteReader(str(path))

    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 800")

    connection.close()

    with pytest.raises(StoreFailed, match="upgrade asyncflow"):
        SqliteReader(str(path))


@pytest.fixture
async def whole(tmp_path: Path) -> Path:
    """Give a store that nobody has open."""
    folder = tmp_path / "kept"

    async with Orchestrator(configuration("development"), folder / "runs.db"):
        pass

    return folder / "runs.db"


def problem_of(file: Path) -> str:
    with pytest.raises(StoreFailed) as caught:
        SqliteReader(str(file))

    return str(caught.value)


@pytest.mark.anyio
async def test_a_damaged_file_is_called_damaged(whole: Path) -> None:
    def look() -> str:
        data = bytearray(whole.read_bytes())
        data[100:8192] = bytes(8092)
        whole.write_bytes(data)

        return problem_of(whole)

    assert "it is damaged (database disk image is malformed)" in await run_sync(look)


@pytest.mark.anyio
async def test_a_full_disk_is_named(whole: Path, tmp_path: Path) -> None:
    def look(disk: Path) -> str:
        shutil.copy(whole, disk / "runs.db")
        (disk / "filler").write_bytes(bytes(os.statvfs(disk).f_bavail * 4096))
        return problem_of(disk / "runs.db")

    with small_disk(tmp_path / "disk") as disk:
        told = await run_sync(look, disk)

    assert "its disk is full" in told
    assert told.endswith("free some space there")


@pytest.mark.anyio
async def test_rights_that_lack_are_named(whole: Path) -> None:
    def look() -> list[str]:
        with TemporaryDirectory(dir="/tmp") as place:  # everybody may look into that
            folder = Path(place)
            file = Path(shutil.copy(whole, folder))
            file.chmod(0o444)
            told = []

            for mode in (0o555, 0o600):
                folder.chmod(mode)

                with as_nobody():
                    told.append(problem_of(file))

            folder.chmod(0o700)
            return told

    readable, hidden = await run_sync(look)
    assert "this user may not write to it or its folder" in readable
    assert "this user may not look into its folder" in hidden
