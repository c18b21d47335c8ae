"""What workbooks, databases and MongoDB hold comes back as it was: properties."""

from __future__ import annotations

import datetime
import itertools
import math
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asyncflow.abc import Driver
from asyncflow.drivers.csv import CSVDriver, CSVOptions
from asyncflow.drivers.excel import ExcelDriver, ExcelOptions
from asyncflow.drivers.mongo_collection import MongoDriver
from asyncflow.drivers.parquet import ParquetDriver, ParquetOptions
from asyncflow.errors import DataNodeWritingError
from tests.support.databases import Database
from tests.support.databases import database as database
from tests.support.databases import server_or_none as server_or_none
from tests.support.documents import SERVER
from tests.support.documents import driver as driver
from tests.support.postgres import server as server

pytestmark = pytest.mark.usefixtures("tables_are_warm")

few = settings(
    max_examples=20,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
numbers = itertools.count()

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
SHOWN = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1
)
"""What XML holds. An empty text is an empty cell."""
DAYS = st.dates(datetime.date(1900, 3, 1), datetime.date(9999, 12, 31))
TIMES = st.datetimes(
    datetime.datetime(1970, 1, 1),  # noqa: DTZ001  # none of them has a zone
    datetime.datetime(2200, 1, 1),  # noqa: DTZ001
)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
FINE = st.floats(-1e15, 1e15).filter(
    lambda one: one != int(one) and float(f"{one:.16G}") == one
)
"""Floats that no library takes for whole numbers, with 16 digits."""


def rows_of(columns: dict[str, Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    made = {name: st.none() | cells for name, cells in columns.items()}
    return st.lists(st.fixed_dictionaries(made), max_size=4)


def through(made: Driver, folder: Path, value: Any) -> Any:
    path = str(folder / f"A-{next(numbers)}.value")
    return made.read(made.publish(made.write(value, path, "node"), path))


# ---------------------------------------------------------------------------- workbooks

CELLS = {
    "number": st.integers(-(2**53), 2**53),
    "float": FINE,
    "text": SHOWN,
    "flag": st.booleans(),
    "day": DAYS,
}


def workbook(**options: Any) -> ExcelDriver:
    return ExcelDriver(None, ExcelOptions(sheet_name="one", **options))


def without_end(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave the empty rows at the end out."""
    while rows and not any(one is not None for one in rows[-1].values()):
        rows = rows[:-1]

    return rows


@few
@given(rows=rows_of(CELLS))
def test_rows_of_a_workbook(rows: list[dict[str, Any]], tmp_path: Path) -> None:
    found = through(workbook(exposed_type="list[dict]"), tmp_path, rows)
    assert without_end(found) == without_end(rows)


@few
@given(times=st.lists(TIMES, min_size=1))
def test_times_of_a_workbook(times: list[datetime.datetime], tmp_path: Path) -> None:
    """They have milliseconds."""
    rows = [{"at": one} for one in times]
    found = through(workbook(exposed_type="list[dict]"), tmp_path, rows)

    for one, row in zip(times, found, strict=True):
        at = (
            datetime.datetime.combine(row["at"], datetime.time.min)
            if (type(row["at"]) is datetime.date)
            else row["at"]
        )
        assert abs(at - one) <= datetime.timedelta(milliseconds=1)


@few
@given(rows=rows_of({"number": st.integers(0, 9), "text": SHOWN}))
def test_frames_of_a_workbook(rows: list[dict[str, Any]], tmp_path: Path) -> None:
    frame = pl.DataFrame(rows, schema={"number": pl.Int64, "text": pl.String})
    found = through(workbook(exposed_type="polars"), tmp_path, frame)
    assert found.columns == frame.columns
    assert without_end(found.to_dicts()) == without_end(frame.to_dicts())


@pytest.mark.parametrize("exposed", ["pandas", "polars", "arrow", "numpy", "dict"])
def test_columns_without_rows(exposed: str, tmp_path: Path) -> None:
    """They stay in a workbook, in CSV and in Parquet."""
    empty = pl.DataFrame(schema={"a": pl.Int64, "b": pl.String})
    made = [
        workbook(exposed_type=exposed),
        CSVDriver(None, CSVOptions(exposed_type=exposed)),
        ParquetDriver(None, ParquetOptions(exposed_type=exposed)),
    ]

    for one in made:
        found: Any = through(one, tmp_path, empty)

        if exposed == "numpy":
            assert found.shape == (0, 2)
        elif exposed == "arrow":
            assert found.column_names == ["a", "b"]
        else:
            assert [*(found if exposed == "dict" else found.columns)] == ["a", "b"]


# ---------------------------------------------------------------------------- databases

TABLE = {
    "id": st.integers(-(2**63), 2**63 - 1),
    "name": TEXT,
    "price": FLOATS,
    "flag": st.booleans(),
    "day": st.dates(),
    "at": TIMES,
}
COLUMNS = "id BIGINT, name TEXT, price {float}, flag BOOLEAN, day DATE, at TIMESTAMP"


@pytest.fixture
def table(database: Database) -> Database:
    name = "DOUBLE PRECISION" if "postgres" in database.url else "FLOAT"
    database.run(f"CREATE TABLE kinds ({COLUMNS.format(float=name)})")
    return database


@few
@given(rows=rows_of(TABLE))
def test_rows_of_a_table(
    rows: list[dict[str, Any]], table: Database, tmp_path: Path
) -> None:
    made = table.table(table_name="kinds")
    assert through(made, tmp_path, rows) == rows


@few
@given(rows=rows_of(TABLE))
def test_frames_of_a_table(
    rows: list[dict[str, Any]], table: Database, tmp_path: Path
) -> None:
    frame = pl.DataFrame(
        rows,
        schema={
            "id": pl.Int64,
            "name": pl.String,
            "price": pl.Float64,
            "flag": pl.Boolean,
            "day": pl.Date,
            "at": pl.Datetime,
        },
    )
    made = table.table(table_name="kinds", exposed_type="polars")
    found = through(made, tmp_path, frame)
    assert found.columns == frame.columns
    assert found.to_dicts() == frame.to_dicts()


@few
@given(rows=rows_of({"name": TEXT, "price": FLOATS}))
def test_frames_of_a_query(
    rows: list[dict[str, Any]], database: Database, tmp_path: Path
) -> None:
    def write(frame: pd.DataFrame) -> list[Any]:
        given = frame.astype(object).where(frame.notna(), None).to_dict("records")
        query = "INSERT INTO items (id, name, price) VALUES (:id, :name, :price)"
        every = [{**row, "id": number} for number, row in enumerate(given)]
        return ["DELETE FROM items", *([(query, every)] if every else [])]

    frame = pd.DataFrame(rows, columns=["name", "price"])
    made = database.query(
        read_query="SELECT name, price FROM items ORDER BY id",
        write_query_builder=write,
        exposed_type="pandas",
    )
    found = through(made, tmp_path, frame)
    assert [*found.columns] == ["name", "price"]
    told = found.astype(object).where(found.notna(), None).to_dict("records")
    assert told == rows


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 2**200])
def test_what_no_column_holds_is_refused(
    table: Database, tmp_path: Path, number: int
) -> None:
    made = table.table(table_name="kinds")
    through(made, tmp_path, [{"id": 1}])

    with pytest.raises(DataNodeWritingError, match="'node' at "):
        through(made, tmp_path, [{"id": number}])

    assert [row["id"] for row in made.read(None)] == [1]  # type: ignore[attr-defined]


@pytest.mark.parametrize("exposed", ["pandas", "polars", "arrow", "list[dict]"])
def test_an_empty_table(table: Database, tmp_path: Path, exposed: str) -> None:
    made = table.table(table_name="kinds", exposed_type=exposed)
    empty = pl.DataFrame(schema={"id": pl.Int64, "name": pl.String})
    found: Any = through(made, tmp_path, empty)
    assert len(found) == 0

    if exposed != "list[dict]":
        columns = found.column_names if exposed == "arrow" else [*found.columns]
        assert columns == ["id", "name", "price", "flag", "day", "at"]


def test_categories_and_zones_of_frames(table: Database, tmp_path: Path) -> None:
    """A category is written as its text, a time with a zone as the database has it."""
    frame = pd.DataFrame({"name": pd.Categorical(["a", None]), "flag": [True, False]})
    made = table.table(table_name="kinds")
    assert [row["name"] for row in through(made, tmp_path, frame)] == ["a", None]


# ------------------------------------------------------------------------------ MongoDB

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | FLOATS
    | TEXT
    | st.binary(max_size=8)
    | TIMES.map(lambda one: one.replace(microsecond=one.microsecond // 1000 * 1000)),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text("abcXYZ", min_size=1), inner, max_size=3)
    ),
    max_leaves=6,
)


@few
@given(values=st.lists(VALUES, max_size=4))
def test_documents(values: list[Any], driver: MongoDriver, tmp_path: Path) -> None:
    documents = [{"_id": number, "a": one} for number, one in enumerate(values)]
    found: Any = through(driver, tmp_path, documents)
    assert found == documents


@few
@given(rows=rows_of({"name": TEXT, "size": FLOATS, "count": st.integers(0, 9)}))
def test_frames_as_documents(
    rows: list[dict[str, Any]], driver: MongoDriver, tmp_path: Path
) -> None:
    frame = pl.DataFrame(
        rows, schema={"name": pl.String, "size": pl.Float64, "count": pl.Int64}
    )
    found: Any = through(driver, tmp_path, frame)
    assert [{k: v for k, v in row.items() if k != "_id"} for row in found] == rows


@pytest.mark.skipif(not SERVER, reason="mongomock keeps it")
def test_what_no_document_holds_is_refused(driver: MongoDriver, tmp_path: Path) -> None:
    with pytest.raises(DataNodeWritingError, match="'node' at "):
        through(driver, tmp_path, [{"a": 2**64}])


def test_not_a_number_stays_in_documents(driver: MongoDriver, tmp_path: Path) -> None:
    found: Any = through(driver, tmp_path, [{"a": math.nan}])
    assert math.isnan(found[0]["a"])
