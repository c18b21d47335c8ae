"""The log of a job is read on in lines and bounded pieces; what has gone is said."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from asyncflow.abc import Log
from asyncflow.dispatch.log_reader import PIECE, LogReader
from asyncflow.worker.sparse_file import BLOCK, punch_hole


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "1.log"


@pytest.fixture
def reader(path: Path) -> Iterator[LogReader]:
    """Give a reader of a log of which 4 bytes are of an earlier job."""
    path.write_bytes(b"old\n")
    found = LogReader.open(Log(str(path), 4, -1), 1)
    assert found is not None
    yield found
    found.close()


def add(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def test_a_line_is_given_once_it_is_whole(path: Path, reader: LogReader) -> None:
    add(path, b"one\ntw")
    assert reader.size == 10
    assert reader.read(10, is_end=False) == ["one\n"]
    assert (reader.at, reader.seen) == (10, 4)
    add(path, b"o")
    assert reader.read(11, is_end=False) == []
    assert reader.read(11, is_end=True) == ["two"]
    assert reader.seen == 7


def test_a_long_line_is_cut_between_characters(path: Path, reader: LogReader) -> None:
    add(path, b"x" + "é".encode() * PIECE)
    given: list[str] = []

    while reader.at < reader.size:
        given += reader.read(reader.size, is_end=True)

    assert "".join(given) == "x" + "é" * PIECE
    assert max(len(one.encode()) for one in given) <= PIECE


def test_a_log_that_was_removed_is_read_on(path: Path, reader: LogReader) -> None:
    add(path, b"one\n")
    path.unlink()
    assert reader.read(8, is_end=True) == ["one\n"]
    assert LogReader.open(Log(str(path), 0, -1), 1) is None


def test_what_its_worker_took_away_is_said(path: Path, reader: LogReader) -> None:
    add(path, b"one\ntwo")
    assert reader.read(11, is_end=False) == ["one\n"]
    os.truncate(path, 0)
    assert reader.read(21, is_end=False) == ["two\n", "... 10 bytes left out ...\n"]
    assert reader.at == 21


def test_where_the_end_has_gone_somebody_else_says_it(
    path: Path, reader: LogReader
) -> None:
    os.truncate(path, 0)
    assert reader.read(20, is_end=True) == []
    assert reader.has_lost_end


def test_closing_it_twice_closes_no_other_file(reader: LogReader) -> None:
    reader.close()
    reader.close()


@pytest.mark.parametrize("lost", range(0, 3000, 171))
def test_what_left_the_file_is_said_in_one_line(lost: int, tmp_path: Path) -> None:
    """A part that was punched is skipped by who comes to it; what follows is given."""
    path = tmp_path / "1.log"
    lines = [f"{number:07} é\n".encode() for number in range(100_000)]
    path.write_bytes(b"".join(lines))
    end = path.stat().st_size

    with open(path, "rb+") as file:
        assert punch_hole(file.fileno(), BLOCK, 4 * BLOCK)

    reader = LogReader.open(Log(str(path), lost, -1), 1)
    assert reader is not None
    given: list[str] = []

    while reader.at < end:
        given += reader.read(end, is_end=True)

    reader.close()
    content = b"".join(lines)
    before = content[lost:BLOCK].decode(errors="replace")
    after = content[4 * BLOCK :].decode(errors="replace")
    assert "".join(given) == f"{before}\n... {3 * BLOCK} bytes left out ...\n{after}"
