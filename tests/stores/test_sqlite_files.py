"""Whoever removes or replaces the files of a database is told of it."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from pathlib import Path

import pytest

from asyncflow.errors import StoreFailed, StoreUnavailable
from asyncflow.stores._sqlite_files import DatabaseFiles, check_locks


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
