"""A disk that is full or read-only, for each driver that has its place on one: the error
names node, place and remedy, the old value stays, and nothing is left."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from asyncflow.abc import Driver
from asyncflow.alternatives import DRIVERS
from asyncflow.errors import DataNodeReadingError, DataNodeWritingError
from asyncflow.filters import Condition
from asyncflow.worker.outputs import published
from tests.support.buckets import fsspec_is_warm as fsspec_is_warm
from tests.support.disks import made_read_only, small_disk
from tests.support.nobody import as_nobody

pytestmark = pytest.mark.usefixtures("tables_are_warm", "fsspec_is_warm")

FEW = [{"name": "a", "size": "s1"}, {"name": "b", "size": "s2"}]
MANY = [{"name": os.urandom(30).hex(), "size": f"s{at % 9}"} for at in range(40_000)]


def inserted(rows: list[dict[str, str]]) -> list[Any]:
    return [("INSERT INTO items VALUES (:name, :size)", rows)]


def replaced(rows: list[dict[str, str]]) -> list[Any]:
    return ["DELETE FROM items", *inserted(rows)]


LISTS = {"exposed_type": "list[dict]"}
PARTS = {**LISTS, "write_options": {"partition_cols": ["size"]}}
TABLE = {**LISTS, "table_name": "items"}
QUERY = {
    **LISTS,
    "read_query": "SELECT * FROM items",
    "write_query_builder": replaced,
    "append_query_builder": inserted,
}
FORMS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "pickle": ("pickle", "{}/own", {}),
    "json": ("json", "{}/own", {}),
    "csv": ("csv", "{}/own", LISTS),
    "parquet": ("parquet", "{}/own", LISTS),
    "partitions": ("parquet", "{}/own", PARTS),
    "excel": ("excel", "{}/own", {**LISTS, "sheet_name": "one"}),
    "csv-at-address": ("csv", "local://{}/own", LISTS),
    "parquet-at-address": ("parquet", "local://{}/own", LISTS),
    "json-at-address": ("json", "local://{}/own", {}),
    "sql_table": ("sql_table", "", TABLE),
    "sql_table-once": ("sql_table", "", {**TABLE, "exactly_once": True}),
    "sql": ("sql", "", QUERY),
}


def made_on(disk: Path, form: str) -> Driver:
    kind, place, given = FORMS[form]
    found = DRIVERS.load(kind)

    if not place:
        options: Any = found.Options
        return found.at(None, options(url=f"sqlite:///{disk}/own", **given))

    path = place.format(disk)
    options = found.options_at(path)
    return found.at(path, options(**given) if options else None)


class Place:
    """A value on a small disk, and what puts others there."""

    def __init__(self, form: str, disk: Path, values: Path) -> None:
        if not FORMS[form][1]:
            with closing(sqlite3.connect(disk / "own")) as database:
                database.execute("CREATE TABLE items (name TEXT, size TEXT)")

        self.driver = made_on(disk, form)
        self.disk = disk
        self.values = values
        self.count = 0
        self.write(FEW)
        self.expected = self.rows()
        self.left = self.names()

    def rows(self) -> list[Any]:
        found: Any = self.driver.read(None)
        return sorted(found, key=repr)

    def names(self) -> list[str]:
        return [str(one) for one in sorted(self.disk.rglob("*"))]

    def write(self, value: object) -> None:
        self._put(lambda path: self.driver.write(value, path, "node"))

    def append(self, value: object) -> None:
        self._put(lambda path: self.driver.append(value, None, path, "node"))

    def _put(self, stage: Callable[[str], Any]) -> None:
        self.count += 1
        path = str(self.values / f"A-{self.count}.value")
        published(self.driver, stage(path), path)

    def check_refused(self, verb: Callable[[object], None], words: str) -> None:
        with pytest.raises(Exception, match=f"(?s){words}") as caught:
            verb(MANY)

        text = str(caught.value)
        assert "data node 'node'" in text, text
        assert f"{self.disk}/own" in text, text
        assert ": " in text, text
        self.check_kept()

    def check_kept(self) -> None:
        assert self.rows() == self.expected
        assert self.names() == self.left
        assert not [*self.values.iterdir()]


@pytest.fixture(params=FORMS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    (tmp_path / "values").mkdir()

    with small_disk(tmp_path / "disk") as disk:
        yield Place(request.param, disk, tmp_path / "values")


def verbs_of(place: Place) -> list[Callable[[object], None]]:
    return [place.write, *([place.append] if place.driver.appends else [])]


def test_a_full_disk(place: Place) -> None:
    for verb in verbs_of(place):
        place.check_refused(verb, "free (some )?(space|room)|make room|has room")


def test_a_disk_that_is_read_only(place: Place) -> None:
    made_read_only(place.disk)

    for verb in verbs_of(place):
        place.check_refused(verb, "can be written|let this user write")


@pytest.fixture
def public() -> Iterator[Path]:
    """Give a folder that everybody may look into."""
    with TemporaryDirectory(dir="/tmp") as folder:  # TMPDIR is ours alone
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.parametrize("form", ["sql_table", "sql_table-once", "sql"])
def test_a_database_that_is_not_permitted(
    form: str, public: Path, tmp_path: Path
) -> None:
    place = Place(form, public, tmp_path)
    file = public / "own"

    for mode, words in ((0o444, "let this user write"), (0, "let this user read")):
        file.chmod(mode)

        for verb in verbs_of(place):
            with as_nobody(), pytest.raises(DataNodeWritingError, match=words) as told:
                verb(FEW)

            assert f"data node 'node' at sqlite:///{file}" in str(told.value)

        with as_nobody():
            if mode:
                assert place.rows() == place.expected
            else:
                with pytest.raises(DataNodeReadingError, match=words):
                    place.driver.read(None)


@pytest.mark.parametrize("form", ["sql_table", "sql"])
def test_a_column_that_no_table_has(form: str, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "values").mkdir()
    place = Place(form, tmp_path / "disk", tmp_path / "values")
    words = "(?s)disk/own.*no column 'wrong'.*use one of name, size"

    for asked in ({"columns": ["wrong"]}, {"where": Condition("wrong", 1)}):
        with pytest.raises(DataNodeReadingError, match=words):
            place.driver.read(None, **asked)

    for verb in (place.write, place.append):
        with pytest.raises(
            DataNodeWritingError, match=r"'node' at .*disk/own.* (columns?|parameter)"
        ):
            verb([{"name": "a", "wrong": "b"}])

        place.check_kept()
