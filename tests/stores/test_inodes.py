"""Whoever removes or replaces the files of a database is told of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from asyncflow.errors import StoreFailed
from asyncflow.stores._inodes import Inodes


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    folder = tmp_path / "folder"
    folder.mkdir()
    paths = folder / "runs.db", folder / "runs.db-wal"

    for path in paths:
        path.write_text("x")

    return paths


def inodes(files: tuple[Path, Path]) -> Inodes:
    return Inodes.of("the store", [str(path) for path in files])


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
    found = Inodes.of("the store", [str(path)])
    assert found.known == {}
    path.touch()
    found.check(1)


def test_what_cannot_be_seen_says_nothing(files: tuple[Path, Path]) -> None:
    found = inodes(files)
    folder = files[0].parent
    shutil.rmtree(folder)
    folder.symlink_to(folder)  # a look at it is an error, for root too
    found.check(2)
