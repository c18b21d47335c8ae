"""Files mapped into memory: copy-on-write, without a descriptor that stays."""

from __future__ import annotations

import mmap
import os
from pathlib import Path

import pytest

from asyncflow.worker import mapping
from asyncflow.worker.mapping import map_file


def mapped(path: Path) -> mmap.mmap:
    with path.open("rb") as file:
        return map_file(file.fileno())


def test_a_mapped_file_is_read_and_written_in_memory_alone(tmp_path: Path) -> None:
    path = tmp_path / "value"
    path.write_bytes(b"0123456789" * 1000)

    area = mapped(path)
    area[:3] = b"abc"

    assert len(area) == 10_000
    assert area[:5] == b"abc34"
    assert path.read_bytes()[:5] == b"01234"
    path.unlink()
    assert area[9990:] == b"0123456789"
    area.close()


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="needs /proc")
def test_no_descriptor_stays(tmp_path: Path) -> None:
    path = tmp_path / "value"
    path.write_bytes(b"x")
    before = os.listdir("/proc/self/fd")
    areas = [mapped(path) for _ in range(20)]
    assert len(os.listdir("/proc/self/fd")) == len(before)
    assert {area[:] for area in areas} == {b"x"}


def test_a_system_without_that_maps_as_python_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "value"
    path.write_bytes(b"content")
    monkeypatch.setattr(mapping, "_place_file", lambda: None)

    with mapped(path) as area:
        area[:1] = b"C"
        assert area[:] == b"Content"


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()

    with pytest.raises(ValueError, match="empty file"):
        mapped(tmp_path / "empty")


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    folder = os.open(tmp_path, os.O_RDONLY)

    with pytest.raises(OSError, match=r"device|Invalid argument"):
        map_file(folder)

    os.close(folder)
