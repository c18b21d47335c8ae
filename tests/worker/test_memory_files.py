"""Files in memory: a link leads to each, and nothing is left of what failed."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from asyncflow.folder import MEMORY
from asyncflow.worker import memory_files

HOLDER = "ORCHESTRATOR_1"


def fill(file: BinaryIO) -> None:
    file.write(b"content")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """Give the folder in memory of an orchestrator."""
    if not os.path.isdir(MEMORY):
        pytest.skip("no file system in memory")

    made = Path(tempfile.mkdtemp(prefix="asyncflow-memory-", dir=MEMORY))
    os.symlink(made, memory_files.link_path(str(tmp_path), HOLDER))
    yield made
    shutil.rmtree(made)


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / f"{HOLDER}-1.value")


def test_a_link_leads_to_it_until_it_is_removed(home: Path, path: str) -> None:
    assert memory_files.write(path, 7, fill)
    assert Path(path).resolve().parent == home
    assert Path(path).read_bytes() == b"content"
    memory_files.unlink(path)
    assert not os.path.lexists(path)
    assert os.listdir(home) == []


def test_a_further_name_outlives_the_first(home: Path, path: str) -> None:
    assert memory_files.write(path, 7, fill)
    other = path.replace("-1.value", "-2.value")
    assert memory_files.link(path, other)
    memory_files.unlink(path)
    assert Path(other).read_bytes() == b"content"
    memory_files.unlink(other)
    assert os.listdir(home) == []


def test_what_would_take_too_much_room_is_not_written(home: Path, path: str) -> None:
    room = os.statvfs(home)
    size = room.f_bavail * room.f_frsize * 9 // 10
    assert not memory_files.write(path, size, fill)
    assert (os.path.lexists(path), os.listdir(home)) == (False, [])


def test_no_part_is_left_of_what_cannot_be_written(home: Path, path: str) -> None:
    def fill_up(file: BinaryIO) -> None:
        file.write(b"a part")
        raise OSError("no room")

    assert not memory_files.write(path, 7, fill_up)
    assert (os.path.lexists(path), os.listdir(home)) == (False, [])


def test_nothing_is_left_where_there_can_be_no_link(home: Path, path: str) -> None:
    Path(path).touch()
    assert not memory_files.write(path, 7, fill)
    assert os.listdir(home) == []


@pytest.mark.parametrize("target", [None, "gone"])
def test_without_a_folder_in_memory(
    tmp_path: Path, path: str, target: str | None
) -> None:
    if target is not None:
        os.symlink(tmp_path / target, memory_files.link_path(str(tmp_path), HOLDER))

    assert not memory_files.write(path, 7, fill)
    assert not os.path.lexists(path)


def test_a_link_of_another_kind_is_only_a_link(tmp_path: Path, path: str) -> None:
    other = tmp_path / "file"
    other.touch()
    os.symlink(other, path)
    assert not memory_files.link(path, f"{path}2")
    memory_files.unlink(path)
    assert other.exists()
