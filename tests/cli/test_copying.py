"""A copy of a store is whole, or nothing is left of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.command import call
from tests.support.disks import small_disk


def test_a_damaged_store_is_not_copied(folder: Path) -> None:
    file = folder / ".asyncflow" / "asyncflow.db"
    data = bytearray(file.read_bytes())
    data[3 * 8192 : 3 * 8192 + 4000] = bytes(4000)
    file.write_bytes(data)
    before = {*os.listdir(folder)}
    told = call("store", "backup", "copy.db", code=1).output
    assert "is damaged, and no copy is written" in told
    assert {*os.listdir(folder)} == before


@pytest.mark.parametrize("size", ["100k", "600k"], ids=["records", "values"])
def test_a_copy_that_finds_no_room_leaves_nothing(
    folder: Path, large: Path, size: str
) -> None:
    with small_disk(folder / "disk", size) as disk:
        told = call("store", "backup", "disk/copy.db", code=1).output
        assert "disk/copy.db is not written" in told
        assert "free some space" in told
        assert os.listdir(disk) == []
