"""Giving back the disk space of a part of a file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from asyncflow.worker import sparse_file as module
from asyncflow.worker.sparse_file import BLOCK, next_data, next_hole, punch_hole

SIZE = 4 * BLOCK


@pytest.fixture
def file(tmp_path: Path) -> Iterator[int]:
    path = tmp_path / "log"
    path.write_bytes(b"x" * SIZE)
    descriptor = os.open(path, os.O_RDWR)
    yield descriptor
    os.close(descriptor)


def test_whole_blocks_go_and_the_rest_stays(file: int) -> None:
    before = os.fstat(file)

    assert punch_hole(file, BLOCK - 5, 3 * BLOCK + 5)

    after = os.fstat(file)
    assert after.st_size == before.st_size
    assert after.st_blocks * 512 <= before.st_blocks * 512 - 2 * BLOCK
    content = os.pread(file, SIZE, 0)
    assert content == b"x" * BLOCK + bytes(2 * BLOCK) + b"x" * BLOCK


def test_a_part_without_a_whole_block_is_left(file: int) -> None:
    assert punch_hole(file, 1, BLOCK + 1)
    assert punch_hole(file, 5, 5)
    assert os.pread(file, SIZE, 0) == b"x" * SIZE


def test_holes_are_found(file: int) -> None:
    assert punch_hole(file, BLOCK, 3 * BLOCK)
    assert next_hole(file, 0, SIZE) == BLOCK
    assert next_hole(file, 0, 10) == 10
    assert next_data(file, BLOCK, SIZE) == 3 * BLOCK
    assert next_data(file, 7, SIZE) == 7
    assert next_hole(file, 3 * BLOCK, SIZE) == SIZE
    assert next_data(file, SIZE, SIZE) == SIZE  # nothing is there


def test_what_cannot_be_punched_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    read, write = os.pipe()
    assert not punch_hole(write, 0, SIZE)

    def refuse(*_: object) -> bool:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(module, "_hole_puncher", lambda: refuse)
    assert not punch_hole(write, 0, SIZE)
    os.close(read)
    os.close(write)
