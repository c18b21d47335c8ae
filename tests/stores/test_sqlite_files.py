"""Whoever removes or replaces the files of a database is told of it."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import sqlite3
from contextlib import AsyncExitStack, closing
from pathlib import Path

import pytest

from asyncflow.errors import NotOpen, StoreFailed, StoreUnavailable
from asyncflow.stores._folder import Access
from asyncflow.stores._sqlite import SqliteDatabase
from asyncflow.stores._sqlite_files import DatabaseFiles, check_locks, values_folder
from asyncflow.stores._values_folder import Mark, ValuesFolder
from asyncflow.stores.sqlite import SqliteStore


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    folder = tmp_path / "folder"
    folder.mkdir()
    paths = folder / "runs.db", folder / "runs.db-wal"

    for path in paths:
        path.write_text("x")

    return paths


def inodes(files: tuple[Path, Path]) -> DatabaseFiles:
    return DatabaseFiles.of("the store", [str(path) for path in files])


def test_files_that_are_there_still_are_no_news(files: tuple[Path, Path]) -> None:
    found = inodes(files)
    files[0].write_text("more")
    found.check(2)


def test_a_file_that_was_removed_is_told(files: tuple[Path, Path]) -> None:
    found = inodes(files)
    files[1].unlink()
    found.check(1)  # of the first alone

    with pytest.raises(StoreFailed, match=r"the store.*db-wal was removed.*anew"):
        found.check(2)


def test_a_file_that_was_replaced_is_told(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    found = inodes(files)
    copy = tmp_path / "copy"
    shutil.copy(files[0], copy)
    copy.replace(files[0])

    with pytest.raises(StoreFailed, match=r"runs.db was replaced by another file"):
        found.check(1)


def test_a_folder_that_became_a_file_is_told(files: tuple[Path, Path]) -> None:
    found = inodes(files)
    folder = files[0].parent
    shutil.rmtree(folder)
    folder.touch()

    with pytest.raises(StoreFailed, match="was removed"):
        found.check(1)


def test_a_file_that_was_not_there_is_not_looked_for(tmp_path: Path) -> None:
    path = tmp_path / "runs.db-wal"
    found = DatabaseFiles.of("the store", [str(path)])
    assert found.known == {}
    path.touch()
    found.check(1)


def test_what_cannot_be_seen_says_nothing(files: tuple[Path, Path]) -> None:
    found = inodes(files)
    folder = files[0].parent
    shutil.rmtree(folder)
    folder.symlink_to(folder)  # a look at it is an error, for root too
    found.check(2)


def refuse(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Have the system refuse each lock."""

    def lockf(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "lockf", lockf)


def test_a_local_disk_has_locks_and_nothing_is_left(tmp_path: Path) -> None:
    check_locks(str(tmp_path / "runs.db"))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOTSUP])
def test_a_disk_without_locks_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    refuse(monkeypatch, number)

    with pytest.raises(StoreUnavailable, match=r"gives no locks.*local disk.*NFS"):
        check_locks(str(tmp_path / "runs.db"))


def test_a_lock_that_somebody_holds_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, errno.EAGAIN)
    check_locks(str(tmp_path / "runs.db"))
    assert os.listdir(tmp_path) == []
    check_locks(str(tmp_path / "gone" / "runs.db"))


pytestmark = pytest.mark.anyio


def folder_of(file: Path) -> ValuesFolder:
    return values_folder(Access(store="s"), str(file))


def id_of(file: Path) -> str:
    """Make a database; return its id."""
    SqliteDatabase.open(str(file), 5.0).close()

    with closing(sqlite3.connect(file)) as connection:
        return str(connection.execute("SELECT id FROM store").fetchone()[0])


@pytest.mark.parametrize("name", ["runs", "runs.db"])
def test_it_is_named_by_the_file_without_its_ending(name: str) -> None:
    folder = folder_of(Path("/data") / name)
    assert folder.first == "/data/runs.values"
    assert folder.place_of("0123456789abcdef") == "/data/runs.0123456789ab.values"
    assert folder.database == f"/data/{name}"


def test_the_store_of_a_mark_is_there_while_it_has_the_id(tmp_path: Path) -> None:
    one, other = tmp_path / "one.db", tmp_path / "what?#%41.db"
    id_of(one)
    other_id = id_of(other)
    is_there = folder_of(one).is_there

    assert is_there(Mark(other_id, str(other), 0))
    assert is_there(Mark(other_id, f"/gone/{other.name}", 0))  # moved with its folder
    assert not is_there(Mark("another id", str(other), 0))
    assert not is_there(Mark(other_id, str(tmp_path / "gone.db"), 0))


def test_a_file_itself_is_no_other_store(tmp_path: Path) -> None:
    file, link = tmp_path / "one.db", tmp_path / "link.db"
    own_id = id_of(file)
    link.symlink_to(file)
    assert not folder_of(file).is_there(Mark(own_id, str(link), 0))


def test_what_cannot_be_read_may_be_the_store(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.db"
    damaged.write_bytes(b"no database" * 100)
    (tmp_path / "new.db").touch()
    assert folder_of(tmp_path / "new.db").is_there(Mark("id", str(damaged), 0))


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


async def test_a_folder_that_was_there_is_taken(tmp_path: Path) -> None:
    folder = tmp_path / ".asyncflow"
    values = folder / "asyncflow.values"
    values.mkdir(parents=True, mode=0o755)

    async with SqliteStore(folder / "asyncflow.db"):
        pass

    assert values.stat().st_mode & 0o777 == 0o700
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
