"""Values in memory: small ones themselves, large ones in files that are mapped."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest

from asyncflow.drivers.in_memory import MemoryDriver
from asyncflow.worker.values import INLINE


@pytest.fixture
def driver() -> MemoryDriver:
    return pickle.loads(pickle.dumps(MemoryDriver()))


def test_nothing_survives_the_orchestrator(driver: MemoryDriver) -> None:
    assert MemoryDriver.storage_type == "in_memory"
    assert not MemoryDriver.is_durable
    assert not MemoryDriver.takes_path
    assert driver.keeps_versions
    assert driver.place is None
    assert not driver.exists()


def test_a_small_value_needs_no_file(driver: MemoryDriver, tmp_path: Path) -> None:
    kept = driver.write({"a": [1]}, str(tmp_path / "1.value"), "node")
    assert isinstance(kept, bytes)
    assert driver.publish(kept, str(tmp_path / "1.value")) is kept
    assert os.listdir(tmp_path) == []
    assert driver.read(kept) == {"a": [1]}


def test_each_reader_gets_a_value_of_its_own(
    driver: MemoryDriver, tmp_path: Path
) -> None:
    kept = driver.write([1], str(tmp_path / "1.value"), "node")
    one, other = driver.read(kept), driver.read(kept)
    assert isinstance(one, list)
    one.append(2)
    assert other == [1]


def test_a_large_value_is_in_a_file(driver: MemoryDriver, tmp_path: Path) -> None:
    path, value = str(tmp_path / "1.value"), bytes(3 * INLINE)
    kept = driver.write(value, path, "node")
    assert kept == path
    assert driver.staging_path(path) == path
    assert driver.read(kept) == value


def test_what_was_never_written_is_told(driver: MemoryDriver) -> None:
    with pytest.raises(LookupError, match="never written"):
        driver.read(None)
