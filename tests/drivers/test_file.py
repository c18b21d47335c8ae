"""Files of the user's: what a failed or killed write leaves, and what is told."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from asyncflow.alternatives import DRIVERS
from asyncflow.drivers.json import JSONDriver
from asyncflow.errors import DataNodeReadingError, DataNodeWritingError
from asyncflow.worker.outputs import published

ROWS = [{"name": os.urandom(30).hex(), "count": at} for at in range(40_000)]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Give a disk of 1 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]

    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount")

    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.usefixtures("tables_are_warm")
@pytest.mark.parametrize(
    ("storage_type", "exposed"),
    [
        ("pickle", None),
        ("json", None),
        *product(["csv", "parquet", "excel"], ["list[dict]", "pandas"]),
        *product(["csv", "parquet"], ["polars", "arrow"]),
    ],
)
def test_a_full_disk_leaves_the_old_value(
    disk: Path, storage_type: str, exposed: str | None
) -> None:
    found = DRIVERS.load(storage_type)
    options = found.Options(exposed_type=exposed) if exposed and found.Options else None
    path = disk / "own"
    driver = found(str(path), options)
    kept = driver.write(ROWS[:2], "/elsewhere/A-1.value", "node")
    driver.publish(kept, "/elsewhere/A-1.value")
    before = path.read_bytes()
    expected = r"'node' cannot be written: No space left.+: free some.+own'"

    with pytest.raises(OSError, match=expected) as caught:
        driver.write(ROWS, "/elsewhere/A-2.value", "node")

    assert caught.value.errno == errno.ENOSPC
    assert path.read_bytes() == before
    assert os.listdir(disk) == ["own"]


def test_a_folder_where_a_file_was_is_told(tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    path.mkdir()
    driver = JSONDriver(str(path))

    with pytest.raises(DataNodeReadingError, match="it is a folder: move it away"):
        driver.read(None)

    expected = r"'node' at \S+own\.json cannot be written: it is a folder: move it away"

    for write in (
        lambda: driver.write([1], "/elsewhere/A-1.value", "node"),
        lambda: driver.append([1], None, "/elsewhere/A-1.value", "node"),
    ):
        with pytest.raises(DataNodeWritingError, match=expected):
            write()

    assert os.listdir(tmp_path) == ["own.json"]


def test_a_folder_that_comes_before_publishing_is_told(tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    driver = JSONDriver(str(path))
    kept = driver.write([1], "/elsewhere/A-1.value", "node")
    path.mkdir()

    with pytest.raises(OSError, match=r"'node' cannot be written: is no.*own\.json"):
        published(driver, kept, "/elsewhere/A-1.value")

    assert os.listdir(tmp_path) == ["own.json"]


def spoil(path: Path, how: str) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] if how == "cut" else b"\xff\xfe\x80\n\x81,")


BROKEN = [
    *product(["pickle", "json"], [None], ["cut", "garbage"]),
    *product(
        ["parquet"], ["list[dict]", "pandas", "polars", "arrow"], ["cut", "garbage"]
    ),
    *product(["excel"], ["list[dict]", "pandas"], ["cut", "garbage"]),
    *product(["csv"], ["list[dict]", "pandas", "polars", "arrow"], ["garbage"]),
]


@pytest.mark.usefixtures("tables_are_warm")
@pytest.mark.parametrize(("storage_type", "exposed", "how"), BROKEN)
def test_a_file_that_is_not_whole_is_told(
    tmp_path: Path, storage_type: str, exposed: str | None, how: str
) -> None:
    found = DRIVERS.load(storage_type)
    options = found.Options(exposed_type=exposed) if exposed and found.Options else None
    path = tmp_path / "own"
    driver = found(str(path), options)
    kept = driver.write(ROWS[:9], "/elsewhere/A-1.value", "node")
    driver.publish(kept, "/elsewhere/A-1.value")
    spoil(path, how)
    is_text = how == "garbage" and storage_type in ("csv", "json")
    what = (
        "its text has another encoding" if is_text else f"it is no whole {storage_type}"
    )
    remedy = "name that with encoding=" if is_text else "bring back the file that was"

    with pytest.raises(DataNodeReadingError, match=what) as caught:
        driver.read(None)

    assert caught.value.place == str(path)
    assert caught.value.remedy.startswith(remedy)


def test_the_file_that_rows_are_added_to_has_to_be_whole(tmp_path: Path) -> None:
    path = tmp_path / "own"
    path.write_bytes(b"\xff\xfe")
    rows = [{"a": "1"}]

    for storage_type in ("csv", "parquet", "json"):
        driver = DRIVERS.load(storage_type)(str(path))

        with pytest.raises(DataNodeReadingError, match="cannot be read: it"):
            driver.append(rows, None, "/elsewhere/A-1.value", "node")

    assert os.listdir(tmp_path) == ["own"]


def test_mode_and_link_stay(tmp_path: Path) -> None:
    target, link = tmp_path / "target.json", tmp_path / "own.json"
    target.write_text("1")
    target.chmod(0o640)
    link.symlink_to("target.json")
    driver = JSONDriver(str(link))
    path = "/elsewhere/A-1.value"
    driver.publish(driver.write([2], path, "node"), path)
    assert link.is_symlink()
    assert target.read_text() == "[2]"
    assert target.stat().st_mode & 0o777 == 0o640


def test_the_fingerprint_is_that_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    driver = JSONDriver(str(path))
    assert driver.fingerprint() is None
    path.write_text("1")
    first = driver.fingerprint()
    assert first == driver.fingerprint()
    other = tmp_path / "other.json"
    other.write_text("1")
    os.replace(other, path)
    assert driver.fingerprint() != first
    assert JSONDriver().fingerprint() is None


def test_a_folder_of_values_that_was_removed_is_made_again(tmp_path: Path) -> None:
    path = str(tmp_path / "gone" / "A-1.value")
    kept = JSONDriver().write(["x" * 100_000], path, "node")
    assert kept == str(tmp_path / "gone" / "A-1.json")
