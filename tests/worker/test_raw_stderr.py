"""What goes to descriptor 2 past Python is folded into the log, marked."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from anyio import fail_after

from asyncflow import Orchestrator
from asyncflow.worker import raw_stderr
from asyncflow.worker.raw_stderr import RawStderr, fold, path_of
from asyncflow.worker.streams import parts
from tests.support import flows
from tests.support.flows import configuration

pytestmark = pytest.mark.anyio


def lengthen_stderr(_: object) -> str:
    os.ftruncate(2, 1 << 40)  # no byte of it is written
    return "done"


async def test_a_file_that_is_long_and_empty_is_not_copied() -> None:
    config = configuration(workers=1)

    async with Orchestrator(config, ":memory:") as orchestrator:
        cfg = flows.single(config, lengthen_stderr)
        scenario = await orchestrator.create_scenario(cfg)

        with fail_after(30):
            await scenario.submit()

        assert await scenario.result.read() == "done"


# ------------------------------------------------------------------- in this process


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "17.log"
    path.touch()
    return path


@pytest.fixture
def raw(log: Path) -> Iterator[RawStderr]:
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND)
    made = RawStderr(path_of(str(log)), descriptor)
    yield made
    made.close()
    os.close(descriptor)


def append(log: Path, data: bytes) -> None:
    """Write to descriptor 2, as a child process does."""
    with open(path_of(str(log)), "ab") as file:
        file.write(data)


def test_what_is_new_is_folded_once(log: Path, raw: RawStderr) -> None:
    assert not raw.has_grown()
    append(log, b"one\n")
    assert raw.has_grown()
    raw.fold()
    raw.fold()
    assert not raw.has_grown()
    append(log, b"two\n")
    raw.fold(waits=False)
    assert parts(log.read_text()) == [("stderr", "one\n"), ("stderr", "two\n")]


def test_the_parent_folds_from_outside(log: Path, raw: RawStderr) -> None:
    append(log, b"one\n")
    fold(str(log))
    append(log, b"two\n")
    raw.fold()  # where the parent has ended
    assert parts(log.read_text()) == [("stderr", "one\n"), ("stderr", "two\n")]


def test_large_output_is_not_cut_in_a_line(
    log: Path, raw: RawStderr, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raw_stderr, "PIECE", 10)
    append(log, "größe 1\ngröße 2\n".encode())
    append(log, b"one long line without an end")
    raw.fold()
    text = [one for stream, one in parts(log.read_text()) if stream == "stderr"]
    assert text[:2] == ["größe 1\n", "größe 2\n"]
    assert "".join(text[2:]) == "one long line without an end"


def test_a_hole_is_skipped(log: Path, raw: RawStderr) -> None:
    os.truncate(path_of(str(log)), 1 << 30)
    append(log, b"end\n")
    raw.fold()
    assert log.stat().st_size < 2 * raw_stderr.PIECE
    assert log.read_text().replace("\0", "").endswith("end\n\x14\x02\x14")
    raw.clear()
    assert not raw.has_grown()


def test_a_worker_that_has_gone_is_told(tmp_path: Path, log: Path) -> None:
    with pytest.raises(FileNotFoundError):
        fold(str(tmp_path / "18.log"))

    with pytest.raises(FileNotFoundError):
        fold(str(log))

    assert os.listdir(tmp_path) == ["17.log"]  # nothing is made anew
