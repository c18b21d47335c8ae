from __future__ import annotations

import os
import shutil
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from asyncflow.stores._sql import newest_version
from tests.support.command import FLOWS, answer, call, running

SCHEMA_8 = Path(__file__).parents[1] / "stores" / "files" / "schema_8.sql"


def test_a_whole_store(folder: Path) -> None:
    found = answer("store", "check")
    assert {*found} == {
        *("store", "damaged", "missing_files", "lost_files"),
        *("scenarios", "submissions", "jobs", "data_nodes", "versions", "logs"),
    }
    assert (found["damaged"], found["jobs"]) == ([], 4)
    assert "Result:      whole" in call("store", "check").stdout


def test_a_damaged_store(folder: Path) -> None:
    file = folder / ".asyncflow" / "asyncflow.db"
    data = bytearray(file.read_bytes())
    data[3 * 8192 : 3 * 8192 + 4000] = bytes(4000)
    file.write_bytes(data)
    told = call("store", "check", code=1)
    assert "damaged" in told.stdout
    assert "bring a backup back" in told.stderr


def test_a_copy_has_the_values_while_others_write(folder: Path) -> None:
    large = FLOWS.replace("return [year, 2, 3]", "return list(range(100_000))")
    (folder / "flows.py").write_text(large)
    call("run", "flows:sales", "--name", "large")

    with running(folder):
        made = answer("store", "backup", "copies/runs.db")

    assert (made["files"], made["gone"]) == (1, [])
    copy = ("--store", "copies/runs.db")
    assert len(answer("list", *copy)) == 4
    (scenario,) = answer("list", "scenarios", "--name", "large", *copy)
    (folder / ".asyncflow" / "asyncflow.db").unlink()
    (first,) = [
        one
        for one in answer("plan", "flows:sales", "--of", scenario["id"], *copy)
        if one["task"] == "extract"
    ]
    assert not first["runs"]  # its value is there
    refused = call("store", "backup", "copies/runs.db", *copy, code=2).output
    assert "is there already" in refused


def test_an_older_store_is_copied_and_brought_up_to_date(folder: Path) -> None:
    with sqlite3.connect("old.db") as connection:
        connection.executescript(SCHEMA_8.read_text())

    connection.close()
    old = ("--store", "old.db")
    told = call("list", *old, code=2).output
    assert "back it up, then run `asyncflow store migrate`" in told
    call("store", "backup", "copy.db", *old)
    found = answer("store", "migrate", *old)
    assert (found["before"], found["after"] > 8) == (8, True)
    assert "is up to date" in call("store", "migrate", *old).stdout
    assert call("list", *old).stdout is not None
    assert answer("store", "migrate", "--store", "copy.db")["before"] == 8
    assert (
        "there is no such file"
        in call("store", "migrate", "--store", "no.db", code=2).output
    )


def test_a_file_of_others_is_not_brought_up_to_date(folder: Path) -> None:
    with sqlite3.connect("other.db") as connection:
        connection.execute(f"PRAGMA user_version = {newest_version('schema')}")

    connection.close()
    told = call("store", "migrate", "--store", "other.db", code=2).output
    assert "it is no store of asyncflow" in told


def test_only_this_user_may_read_a_copy(folder: Path, large: Path) -> None:
    before = os.umask(0o022)

    try:
        call("store", "backup", "copy.db")
    finally:
        os.umask(before)

    values = folder / "copy.values"
    paths = [folder / "copy.db", values, values / large.name]
    modes = [stat.S_IMODE(path.stat().st_mode) for path in paths]
    assert modes == [0o600, 0o700, 0o600]


def moved(folder: Path) -> Path:
    return (folder / ".asyncflow").rename(folder / "other")


def copied(folder: Path) -> Path:
    return Path(shutil.copytree(folder / ".asyncflow", folder / "other"))


def backed_up(folder: Path) -> Path:
    call("store", "backup", "other/asyncflow.db")
    return folder / "other"


@pytest.mark.parametrize("put", [moved, copied, backed_up])
def test_the_values_of_a_store_that_was_moved_or_copied(
    folder: Path, large: Path, put: Callable[[Path], Path]
) -> None:
    other = put(folder)
    there = ("--store", str(other / "asyncflow.db"))
    assert answer("store", "check", *there)["missing_files"] == []
    assert answer("store", "backup", "copy.db", *there)["files"] == 1
    stray = other / "asyncflow.values" / f"{large.name.partition('-')[0]}-lost.value"
    stray.write_text("of a store that may not be this one")
    assert answer("gc", *there)["files"] == 0
    stray.unlink()
    (other / "asyncflow.values" / large.name).unlink()
    told = call("store", "check", *there, code=1)
    assert "values are missing" in told.stdout
    assert "--values ADDRESS" in told.stderr
    shutil.rmtree(other / "asyncflow.values")
    assert answer("store", "check", *there, code=1)["missing_files"] == [large.name]


def test_a_copy_that_lacks_values_is_told(folder: Path, large: Path) -> None:
    made = call("store", "backup", "wrong.db", "--values", str(folder / "no"), code=1)
    assert f"{large.name} is missing" in made.output
    assert "--values ADDRESS" in made.output
    large.unlink()
    found = answer("store", "backup", "copy.db", code=1)
    assert (found["files"], found["missing"], found["gone"]) == (0, [large.name], [])
