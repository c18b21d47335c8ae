"""The files of large values: whole, or told to be damaged."""

from __future__ import annotations

import errno
import os
import pickle
import struct
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asyncflow.drivers.in_memory import MemoryDriver
from asyncflow.drivers.pickle import PickleDriver
from asyncflow.errors import DataNodeReadingError, ValueMissing
from asyncflow.worker import values
from asyncflow.worker.values import INLINE, fetch, is_whole, keep


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    st.lists(st.integers(0, 20_000), max_size=5),
    st.integers(0, 2 * INLINE),
)
def test_buffers_come_back(tmp_path: Path, sizes: list[int], rest: int) -> None:
    numpy = pytest.importorskip("numpy")
    arrays = [numpy.arange(size, dtype="u4") for size in sizes]
    path = str(tmp_path / "value")

    kept = keep((arrays, b"x" * rest), path, "value", sync=False)
    assert kept is not None
    again, filler = read(kept)

    assert (kept == path) == os.path.exists(path)
    assert filler == b"x" * rest
    assert len(again) == len(arrays)

    for one, other in zip(again, arrays, strict=True):
        assert (one == other).all()
        one[:1] = 7  # a reader may write into its copy

    if kept == path:
        fresh, _ = read(path)
        assert all((a == b).all() for a, b in zip(fresh, arrays, strict=True))
        os.unlink(path)


def read(kept: bytes | str) -> Any:
    return fetch(kept)


@pytest.mark.smoke
def test_small_values_need_no_file(tmp_path: Path) -> None:
    assert isinstance(
        keep("x" * 1000, str(tmp_path / "value"), "value", sync=False), bytes
    )
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_fails_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "value"
    keep(b"old" * INLINE, str(path), "value", sync=False)
    old = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(values, "_write", full)

    with pytest.raises(OSError, match="No space left"):
        keep(b"new" * INLINE, str(path), "value", sync=False)

    assert [entry.name for entry in tmp_path.iterdir()] == ["value"]
    assert path.read_bytes() == old


# ---------------------------------------------------------------------- damaged files

HEAD = 20
"""The bytes of the head, before the lengths of the buffers."""


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """Make the file of a value with a pickle of some length and two buffers."""
    numpy = pytest.importorskip("numpy")
    path = tmp_path / "größe.value"
    value = ["x" * INLINE, numpy.arange(20_000), numpy.arange(3001, dtype="u4")]
    assert keep(value, str(path), "value", sync=False) == str(path)
    return path


def refused(path: Path) -> DataNodeReadingError:
    """Fetch what cannot be fetched; return the error."""
    with pytest.raises(DataNodeReadingError) as caught:
        fetch(str(path))

    assert caught.value.place == str(path)
    assert str(path) in str(caught.value)
    assert "write the data node again, or run the task that writes" in str(caught.value)
    return caught.value


def test_mapped_values_keep_no_descriptors(tmp_path: Path) -> None:
    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))

    path = str(tmp_path / "value")
    content = bytearray(range(256)) * 1000
    assert keep(pickle.PickleBuffer(content), path, "value", sync=False) == path
    before = descriptors()
    read = [memoryview(fetch(path)) for _ in range(100)]  # type: ignore[arg-type]
    assert descriptors() == before

    read[0][0] = 99  # a write is seen by who wrote it alone, and is in no file
    assert read[1][0] == 0
    assert Path(path).read_bytes().endswith(content)
    os.unlink(path)
    assert bytes(read[0][1:]) == content[1:]
    assert bytes(read[99]) == content


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    error = refused(tmp_path / "gone.value")
    assert isinstance(error, ValueMissing)
    assert error.why == "it is missing"
    assert f"at {tmp_path}/gone.value cannot be read: it is missing: " in str(error)


def test_a_file_is_whole_that_is_as_long_as_it_says(large: Path) -> None:
    whole = large.read_bytes()
    assert is_whole(str(large))

    for end in (0, 3, 10, 20, 30, len(whole) - 1):
        large.write_bytes(whole[:end])
        assert not is_whole(str(large)), end

    large.write_bytes(whole + b"1")
    assert not is_whole(str(large))
    large.write_bytes(b"of a driver of its own")
    assert is_whole(str(large))
    large.unlink()
    assert not is_whole(str(large))
    assert is_whole(str(large.parent))


def test_an_empty_file_is_told(large: Path) -> None:
    large.write_bytes(b"")
    error = refused(large)
    assert type(error) is DataNodeReadingError
    assert error.why == "it is empty"


@pytest.mark.parametrize(
    "data",
    [
        b"something else, long enough to be read",
        pickle.dumps("x" * 100),
        b"AFV1" + bytes(100),
        bytes(100),
    ],
    ids=["text", "pickle", "older", "zeros"],
)
def test_another_file_is_told(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "value"
    path.write_bytes(data)
    assert "does not begin as a value of asyncflow does" in refused(path).why


def regions(data: bytes) -> dict[str, int]:
    """Return where the regions of the file of `large` begin, and where the last ends."""
    count, length = struct.unpack_from("<IQ", data, 4)
    sizes = struct.unpack_from(f"<{count}Q", data, HEAD)
    start = HEAD + 8 * count
    first = -(-(start + length) // 64) * 64
    second = -(-(first + sizes[0]) // 64) * 64
    assert second + sizes[1] == len(data)
    return {
        "head": 0,
        "lengths": HEAD,
        "pickle": start,
        "first": first,
        "second": second,
        "end": len(data),
    }


@pytest.mark.parametrize(
    ("region", "offsets"),
    [
        ("head", [1, 5]),
        ("lengths", [-1, 0, 1]),
        ("pickle", [-1, 0, 1, INLINE]),
        ("first", [-1, 0, 1, 5000]),
        ("second", [-1, 0, 1]),
        ("end", [-1]),
    ],
)
def test_a_file_that_ends_early_is_told(
    large: Path, region: str, offsets: list[int]
) -> None:
    data = large.read_bytes()

    for offset in offsets:
        size = regions(data)[region] + offset
        large.write_bytes(data[:size])
        why = refused(large).why
        told = f"it has {size} bytes, where there were {len(data)}" in why
        assert told or (
            why == "it is damaged (it ends in its head)" and size < HEAD + 16
        )


def test_a_file_that_goes_on_is_told(large: Path) -> None:
    size = large.stat().st_size

    with large.open("ab") as file:
        file.write(b"x")

    assert refused(large).why == (
        f"it is damaged (it has {size + 1} bytes, where there were {size})"
    )


@pytest.mark.parametrize("offset", [0, 1, 4000, INLINE])
def test_a_flipped_byte_of_the_pickle_is_told(large: Path, offset: int) -> None:
    data = bytearray(large.read_bytes())
    data[regions(bytes(data))["pickle"] + offset] ^= 1
    large.write_bytes(data)
    assert refused(large).why == "it is damaged (its checksum is wrong)"


def test_any_flipped_byte_before_the_buffers_is_told(large: Path) -> None:
    whole = large.read_bytes()

    for offset in range(regions(whole)["pickle"]):
        for mask in (1, 0x80, 0xFF):
            data = bytearray(whole)
            data[offset] ^= mask
            large.write_bytes(data)
            refused(large)

    large.write_bytes(whole)
    assert len(read(str(large))) == 3


# ------------------------------------------------------------------ what reaches the disk

Step = tuple[str, str]


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[Step]:
    """Record what is done to make a file durable, in its order."""
    done: list[Step] = []
    fsync, replace = os.fsync, os.replace

    def noted_fsync(descriptor: int) -> None:
        done.append(("fsync", os.readlink(f"/proc/self/fd/{descriptor}")))
        fsync(descriptor)

    def noted_replace(source: str, target: str) -> None:
        done.append(("replace", target))
        replace(source, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)
    return done


LARGE = "x" * (2 * INLINE)
linux = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc/self/fd")


@linux
def test_a_file_that_is_synced_survives_a_power_failure(
    tmp_path: Path, steps: list[Step]
) -> None:
    path = str(tmp_path / "value")
    keep(LARGE, path, "value", sync=True)
    assert steps == [
        ("fsync", f"{path}.tmp"),
        ("replace", path),
        ("fsync", str(tmp_path)),
    ]


@linux
def test_all_of_a_file_is_written_before_it_is_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []

    def fsync(descriptor: int) -> None:
        sizes.append(os.fstat(descriptor).st_size)

    monkeypatch.setattr(os, "fsync", fsync)
    path = tmp_path / "value"
    keep(LARGE, str(path), "value", sync=True)
    assert sizes[0] == path.stat().st_size


@linux
def test_a_file_in_the_current_folder_is_synced(
    tmp_path: Path, steps: list[Step], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    keep(LARGE, "value", "value", sync=True)
    assert steps[1:] == [("replace", "value"), ("fsync", str(tmp_path))]


@linux
def test_a_file_that_is_not_synced_waits_for_no_disk(
    tmp_path: Path, steps: list[Step]
) -> None:
    path = str(tmp_path / "value")
    keep(LARGE, path, "value", sync=False)
    assert steps == [("replace", path)]


@pytest.mark.parametrize(
    ("storage_type", "synced"), [("pickle", True), ("in_memory", False)]
)
@linux
def test_what_outlives_the_orchestrator_is_synced(
    tmp_path: Path, steps: list[Step], storage_type: str, synced: bool
) -> None:
    drivers = {"pickle": PickleDriver(), "in_memory": MemoryDriver()}
    drivers[storage_type].write(LARGE, str(tmp_path / "value"), "value")
    assert ("fsync", str(tmp_path)) in steps or not synced
    assert len(steps) == (3 if synced else 1)


@linux
def test_a_file_of_the_users_is_synced_before_it_is_replaced(
    tmp_path: Path, steps: list[Step]
) -> None:
    path = tmp_path / "mine.pickle"
    path.write_bytes(pickle.dumps("old"))
    driver = PickleDriver(str(path))
    kept = driver.write("new", "/elsewhere/1.value", "value")
    assert driver.read(kept) == "old"

    driver.publish(kept, "/elsewhere/1.value")
    staged = f"{path}.1.value"
    assert driver.read(kept) == "new"
    assert steps[0] == ("fsync", f"{staged}.tmp")
    assert ("replace", str(path)) in steps
    assert os.listdir(tmp_path) == ["mine.pickle"]


@pytest.mark.parametrize("name", ["fsync", "replace"])
def test_a_disk_that_fails_at_the_end_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = tmp_path / "value"
    keep("old" * INLINE, str(path), "value", sync=False)

    def fail(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, name, fail)

    with pytest.raises(
        OSError, match=f"'value' cannot be .* error: mend that.*'{path}'"
    ):
        keep("new" * INLINE, str(path), "value", sync=True)

    assert os.listdir(tmp_path) == ["value"]
    assert read(str(path)) == "old" * INLINE
