"""Drivers whose versions are at an address: all that is asked of any driver."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from asyncflow.abc import Driver
from asyncflow.drivers._mirrored import MirroredDriver
from asyncflow.drivers._values_at import ValuesAt
from asyncflow.drivers.csv import CSVDriver
from asyncflow.drivers.in_memory import MemoryDriver
from asyncflow.drivers.pickle import PickleDriver

ROWS = [{"a": number, "b": "x" * 50} for number in range(3000)]


def mirrored(tmp_path: Path, driver: Driver, *, is_home: bool) -> MirroredDriver:
    mark = tmp_path / "mark"

    if is_home:
        mark.touch()

    found = ValuesAt(f"local://{tmp_path}/there", {}, str(mark)).wrapped(driver)
    os.makedirs(tmp_path / "there", exist_ok=True)
    assert isinstance(found, MirroredDriver)
    return found


def csv() -> Driver:
    assert CSVDriver.Options is not None
    return CSVDriver.at(None, CSVDriver.Options(exposed_type="list[dict]"))


def test_it_stands_for_the_other_one(tmp_path: Path) -> None:
    driver = mirrored(tmp_path, MemoryDriver(), is_home=True)
    assert driver.storage_type == "in_memory"
    assert not driver.is_durable
    assert not driver.takes_files
    assert driver.keeps_versions
    assert driver.describe() == MemoryDriver().describe()
    assert mirrored(tmp_path, PickleDriver(), is_home=True).keeps_plain_at_once


@pytest.mark.parametrize("is_home", [True, False])
def test_rows_are_written_appended_and_shown(tmp_path: Path, is_home: bool) -> None:
    driver = mirrored(tmp_path, csv(), is_home=is_home)
    assert driver.takes_files
    first, second = (str(tmp_path / f"A-{number}.value") for number in (1, 2))
    kept = driver.publish(driver.write(ROWS, first, "x"), first)
    more = driver.publish(driver.append(ROWS[:1], kept, second, "x"), second)
    assert [*map(os.path.basename, (str(kept), str(more)))] == ["A-1.csv", "A-2.csv"]
    assert len(driver.read(more)) == 3001  # type: ignore[arg-type]  # a list
    assert len(driver.preview(more, 3).rows) == 3
    assert sorted(os.listdir(tmp_path / "there")) == ["A-1.csv", "A-2.csv"]
    assert (tmp_path / "A-2.csv").exists() is is_home

    found = driver.file_of(more)
    content = Path(found).read_bytes() if isinstance(found, str) else found
    assert content == (tmp_path / "there" / "A-2.csv").read_bytes()
    assert (driver.parsed_size(more) == len(content)) is is_home


def test_a_file_is_taken(tmp_path: Path) -> None:
    driver = mirrored(tmp_path, csv(), is_home=False)
    own = tmp_path / "own.csv"
    own.write_text("a,b\n1,2\n")
    kept = driver.upload(str(own), str(tmp_path / "A-1.value"), "x")
    assert driver.read(kept) == driver.load_file(str(own))


def test_what_was_not_to_be_published_is_nowhere(tmp_path: Path) -> None:
    driver = mirrored(tmp_path, csv(), is_home=True)
    path = str(tmp_path / "A-1.value")
    kept = driver.write(ROWS, path, "x")
    driver.discard(kept, path)
    assert os.listdir(tmp_path / "there") == []
    assert not os.path.exists(driver.staging_path(path))
