"""Tables come back from each storage type as each exposed type: properties.

`--hypothesis-profile=soak` tries more of them.
"""

from __future__ import annotations

import datetime
import decimal
import itertools
import math
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import attrs
import pandas as pd
import polars as pl
import polars.testing
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asyncflow.abc import Driver
from asyncflow.alternatives import DRIVERS
from asyncflow.drivers.csv import CSVDriver, CSVOptions
from asyncflow.drivers.parquet import ParquetDriver, ParquetOptions
from asyncflow.errors import DataNodeReadingError, DataNodeWritingError

pytestmark = pytest.mark.usefixtures("tables_are_warm")

assert settings.default is not None
few = settings(
    max_examples=settings.default.max_examples // 4,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
numbers = itertools.count()


@attrs.frozen
class Item:
    number: int | None
    size: float | None
    text: str | None
    flag: bool | None


NAMES = [field.name for field in attrs.fields(Item)]
EXPOSED: dict[str, Any] = {
    **{
        name: name
        for name in ("pandas", "polars", "arrow", "numpy", "list[dict]", "dict")
    },
    "class": Item,
}
KINDS: dict[str, dict[str, Any]] = {
    "csv": {},
    "parquet": {},
    "excel": {"sheet_name": "one"},
    "sql_table": {"table_name": "items"},
}
SCHEMA = {
    "number": pl.Int64,
    "size": pl.Float64,
    "text": pl.String,
    "flag": pl.Boolean,
}
WRITTEN: dict[str, Any] = {
    "pandas": lambda rows: pd.DataFrame(rows, columns=NAMES),
    "polars": lambda rows: pl.DataFrame(rows, schema=SCHEMA),
    "arrow": lambda rows: pl.DataFrame(rows, schema=SCHEMA).to_arrow(),
    "rows": list,
    "columns": lambda rows: {name: [row[name] for row in rows] for name in NAMES},
    "objects": lambda rows: [Item(**row) for row in rows],
}
"""What is written, whatever it is read as."""

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"))).map(
    lambda text: f"t{text}"
)
"""Texts that nobody takes for a number, a date, or nothing, and that XML holds."""
CELLS: dict[str, st.SearchStrategy[Any]] = {
    "number": st.integers(-(2**53), 2**53),
    "size": st.floats(-1e15, 1e15).filter(
        lambda one: one != int(one) and float(f"{one:.16G}") == one
    ),
    "text": TEXT,
    "flag": st.booleans(),
}


ROW = st.fixed_dictionaries({name: st.none() | one for name, one in CELLS.items()})
ROWS = st.lists(ROW.map(lambda row: {name: row[name] for name in NAMES}), max_size=4)


def made_of(kind: str, exposed: Any, folder: Path) -> Driver:
    found = DRIVERS.load(kind)
    more = {}

    if kind == "sql_table":
        file = folder / "items.db"
        more["url"] = f"sqlite:///{file}"
        columns = "number INTEGER, size FLOAT, text TEXT, flag BOOLEAN"

        with closing(sqlite3.connect(file)) as database, database:
            database.execute(f"CREATE TABLE IF NOT EXISTS items ({columns})")

    assert found.Options is not None
    options = found.Options(exposed_type=exposed, **KINDS[kind], **more)
    return found(None, options)


def through(driver: Driver, folder: Path, value: Any) -> Any:
    path = str(folder / f"A-{next(numbers)}.value")
    return driver.read(driver.publish(driver.write(value, path, "node"), path))


def plain_rows(found: Any) -> list[dict[str, Any]]:
    """Return rows in plain Python, in which what is missing is None."""
    if isinstance(found, pd.DataFrame):
        rows = found.astype(object).to_dict("records")
    elif isinstance(found, pl.DataFrame):
        rows = found.to_dicts()
    elif isinstance(found, pa.Table):
        rows = found.to_pylist()
    elif isinstance(found, dict):
        cells = zip(*found.values(), strict=True)
        rows = [dict(zip(found, row, strict=True)) for row in cells]
    elif isinstance(found, list):
        rows = [one if isinstance(one, dict) else attrs.asdict(one) for one in found]
    else:
        rows = [dict(zip(NAMES, row, strict=True)) for row in found.tolist()]

    return [
        {name: None if is_missing(one) else one for name, one in row.items()}
        for row in rows
    ]


def is_missing(cell: Any) -> bool:
    return cell is None or (isinstance(cell, float) and math.isnan(cell))


PLAIN = ("list[dict]", "dict")
"""Without a library, cells of CSV are text."""


def kept_of(rows: list[dict[str, Any]], kind: str, exposed: str) -> list[Any]:
    """Return what a format holds of rows: see the table in `docs/data-nodes.md`."""
    if kind == "csv" and exposed in PLAIN:
        return [
            {name: "" if one is None else str(one) for name, one in row.items()}
            for row in rows
        ]

    return without_end(rows) if kind == "excel" else rows


def without_end(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave the empty rows at the end out."""
    while rows and not any(one is not None for one in rows[-1].values()):
        rows = rows[:-1]

    return rows


@pytest.mark.parametrize("exposed", EXPOSED)
@pytest.mark.parametrize("kind", KINDS)
@few
@given(rows=ROWS, written=st.sampled_from(sorted(WRITTEN)))
def test_rows_come_back(
    kind: str, exposed: str, rows: list[dict[str, Any]], written: str, tmp_path: Path
) -> None:
    driver = made_of(kind, EXPOSED[exposed], tmp_path)
    found = plain_rows(through(driver, tmp_path, WRITTEN[written](rows)))
    found = without_end(found) if kind == "excel" else found

    if (
        kind == "csv" and exposed in PLAIN
    ):  # pandas has no integers beside what is missing
        found = [{**row, "number": row["number"].removesuffix(".0")} for row in found]

    assert found == kept_of(rows, kind, exposed)


@pytest.mark.parametrize("exposed", EXPOSED)
@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize("kind", KINDS)
def test_no_rows_come_back(
    kind: str, written: str, exposed: str, tmp_path: Path
) -> None:
    driver = made_of(kind, EXPOSED[exposed], tmp_path)
    found = through(driver, tmp_path, WRITTEN[written]([]))
    assert plain_rows(found) == []


# ------------------------------------------------------------------- types of Parquet

ZONE = datetime.timezone(datetime.timedelta(hours=5, minutes=30))
TIMES = st.datetimes(
    datetime.datetime(1970, 1, 1),  # noqa: DTZ001  # none of them has a zone
    datetime.datetime(2200, 1, 1),  # noqa: DTZ001
)
TYPES: list[tuple[pa.DataType, st.SearchStrategy[Any]]] = [
    (pa.int8(), st.integers(-(2**7), 2**7 - 1)),
    (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    (pa.uint64(), st.integers(0, 2**64 - 1)),
    (pa.float32(), st.floats(width=32, allow_nan=False)),
    (pa.float64(), st.floats(allow_nan=False)),
    (pa.string(), st.text(st.characters(codec="utf-8"))),
    (pa.binary(), st.binary(max_size=8)),
    (pa.bool_(), st.booleans()),
    (pa.date32(), st.dates(datetime.date(1700, 1, 1), datetime.date(2200, 1, 1))),
    (pa.timestamp("us"), TIMES),
    (
        pa.timestamp("us", "UTC"),
        TIMES.map(lambda one: one.replace(tzinfo=datetime.UTC)),
    ),
    (
        pa.timestamp("us", "Asia/Kolkata"),
        TIMES.map(lambda one: one.replace(tzinfo=ZONE)),
    ),
    (pa.duration("us"), st.timedeltas(*map(datetime.timedelta, (-999, 999)))),
    (pa.time64("us"), st.times()),
    (pa.dictionary(pa.int32(), pa.string()), st.sampled_from(["", "a", "é"])),
    (
        pa.decimal128(38, 2),
        st.decimals(-(10**20), 10**20, places=2).map(decimal.Decimal),
    ),
    (pa.list_(pa.int64()), st.lists(st.integers(-9, 9), max_size=3)),
]
"""The type of a column, and its cells."""

COLUMN = st.sampled_from(TYPES).flatmap(
    lambda one: st.tuples(
        st.just(one[0]), st.tuples(one[1], st.none() | one[1], st.none() | one[1])
    )
)
TABLES = st.lists(COLUMN, min_size=1, max_size=3).map(
    lambda columns: pa.table(
        {f"é {at}": pa.array(cells, kind) for at, (kind, cells) in enumerate(columns)}
    )
)
MADE = {
    "arrow": lambda table: table,
    "polars": pl.from_arrow,
    "pandas": lambda table: table.to_pandas(),
}
TABLE_OF = {
    "arrow": lambda table: table,
    "polars": lambda frame: frame.to_arrow(compat_level=pl.CompatLevel.oldest()),
    "pandas": pa.Table.from_pandas,
}


@pytest.mark.parametrize("exposed", ["pandas", "polars", "arrow", "list[dict]", "dict"])
@few
@given(table=TABLES, written=st.sampled_from(sorted(MADE)))
def test_types_stay_in_parquet(
    exposed: str, table: pa.Table, written: str, tmp_path: Path
) -> None:
    """All of them, but what the library that wrote them has not itself."""
    value = MADE[written](table)
    found = through(made_of("parquet", exposed, tmp_path), tmp_path, value)
    table = TABLE_OF[written](value)

    match exposed:
        case "pandas" if written == "pandas":
            pd.testing.assert_frame_equal(found, value)
        case "pandas":
            pd.testing.assert_frame_equal(found, table.to_pandas())
        case "polars":
            pl.testing.assert_frame_equal(found, pl.from_arrow(table))
        case "arrow" if written == "arrow":
            assert found.equals(table), (found.schema, table.schema)
        case "arrow":
            assert found.to_pydict() == table.to_pydict()
        case "list[dict]":
            assert found == table.to_pylist()
        case _:
            assert found == table.to_pydict()


# ------------------------------------------------------------ what formats cannot hold

LIBRARIES = ["pandas", "polars", "arrow", "list[dict]"]
ONE: dict[str, Any] = {
    "pandas": lambda cells: pd.DataFrame({"a": cells}),
    "polars": lambda cells: pl.DataFrame({"a": cells}),
    "arrow": lambda cells: pa.table({"a": cells}),
    "list[dict]": lambda cells: [{"a": cell} for cell in cells],
}


@pytest.mark.parametrize("exposed", LIBRARIES)
@pytest.mark.parametrize("writer", LIBRARIES)
@few
@given(cells=st.lists(st.none() | st.integers(-99, 99), min_size=1, max_size=5))
def test_a_single_column_of_csv(
    writer: str, exposed: str, cells: list[int | None], tmp_path: Path
) -> None:
    """Its missing cells are no empty lines, which are left out."""
    path = tmp_path / "own.csv"
    drivers = [
        CSVDriver(str(path), CSVOptions(exposed_type=one)) for one in (writer, exposed)
    ]
    written, read = drivers
    draft = str(tmp_path / "A-1.value")
    written.publish(written.write(ONE[writer](cells), draft, "node"), draft)
    rows = plain_rows(read.read(None))
    assert [
        float(row["a"]) if row["a"] not in ("", None) else None for row in rows
    ] == (cells)


HUGE: dict[str, Any] = {"number": 2**70, "size": 0.5, "text": "t", "flag": True}


@pytest.mark.parametrize("exposed", EXPOSED)
@pytest.mark.parametrize("kind", KINDS)
def test_integers_of_more_than_64_bits(kind: str, exposed: str, tmp_path: Path) -> None:
    """They stay, are refused, or have the 16 digits of a workbook."""
    driver = made_of(kind, EXPOSED[exposed], tmp_path)

    if exposed == "arrow" or (kind in ("parquet", "sql_table") and exposed != "polars"):
        refused = pytest.raises((DataNodeReadingError, DataNodeWritingError))
    elif kind == "sql_table":
        refused = pytest.raises(DataNodeWritingError)
    else:
        refused = None

    if refused is not None:
        with refused:
            through(driver, tmp_path, [HUGE])

        return

    (row,) = plain_rows(through(driver, tmp_path, [HUGE]))
    found = int(row["number"])
    assert abs(found - 2**70) <= (10**6 if kind == "excel" else 0)


ZONED = datetime.datetime(2024, 5, 6, 7, 8, 9, tzinfo=ZONE)
INSTANTS: dict[str, Any] = {
    "pandas": pd.DataFrame({"at": [ZONED]}),
    "pandas, named": pd.DataFrame({"at": [ZONED]}).astype(
        "datetime64[us, Asia/Kolkata]"
    ),
    "polars": pl.DataFrame(
        {"at": [ZONED]}, schema={"at": pl.Datetime("us", "Asia/Kolkata")}
    ),
    "arrow": pa.table({"at": pa.array([ZONED], pa.timestamp("us", "+05:30"))}),
    "rows": [{"at": ZONED}],
}


def with_times(kind: str, exposed: str, folder: Path) -> Driver:
    driver = made_of(kind, exposed, folder)

    if kind == "sql_table":
        with closing(sqlite3.connect(folder / "items.db")) as database, database:
            database.execute("ALTER TABLE items ADD COLUMN at TIMESTAMP")

    return driver


@pytest.mark.parametrize("written", INSTANTS)
@pytest.mark.parametrize("exposed", ["pandas", "polars", "arrow", "list[dict]", "dict"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("has_pandera", [False, True])
def test_times_with_a_zone(
    kind: str,
    exposed: str,
    written: str,
    has_pandera: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They are the same instants, or are refused."""
    if has_pandera:
        monkeypatch.setenv("PYARROW_IGNORE_TIMEZONE", "1")  # as an import of it does
    else:
        monkeypatch.delenv("PYARROW_IGNORE_TIMEZONE", raising=False)

    driver = with_times(kind, exposed, tmp_path)

    if kind in ("excel", "sql_table"):
        with pytest.raises(DataNodeWritingError, match="zone"):
            through(driver, tmp_path, INSTANTS[written])

        return

    (row,) = plain_rows(through(driver, tmp_path, INSTANTS[written]))
    at = row["at"]
    assert (datetime.datetime.fromisoformat(at) if isinstance(at, str) else at) == ZONED


def test_a_fixed_offset_is_read_with_polars_in_utc(tmp_path: Path) -> None:
    """Polars itself ends by a panic of Rust."""
    path = str(tmp_path / "own.parquet")
    draft = str(tmp_path / "A-1.value")
    written = ParquetDriver(path, ParquetOptions())
    frame = INSTANTS["pandas"].assign(number=1)
    written.publish(written.write(frame, draft, "node"), draft)
    driver = ParquetDriver(path, ParquetOptions(exposed_type="polars"))
    found: Any = driver.read(None)
    assert found.to_dicts() == [{"at": ZONED, "number": 1}]
    assert found.schema["at"] == pl.Datetime("us", "UTC")
    assert driver.preview(None, 1).total == 1
    part: Any = driver.read(None, columns=["number"])
    assert part.to_dicts() == [{"number": 1}]


CATEGORIES: dict[str, Any] = {
    "pandas": pd.DataFrame({"text": pd.Categorical([None, "é"])}),
    "polars": pl.DataFrame({"text": [None, "é"]}, schema={"text": pl.Categorical}),
    "enum": pl.DataFrame({"text": [None, "é"]}, schema={"text": pl.Enum(["x", "é"])}),
    "arrow": pa.table({"text": pa.array([None, "é"]).dictionary_encode()}),
}


@pytest.mark.parametrize("written", CATEGORIES)
@pytest.mark.parametrize("exposed", ["pandas", "polars", "arrow", "list[dict]", "dict"])
@pytest.mark.parametrize("kind", KINDS)
def test_categories(kind: str, exposed: str, written: str, tmp_path: Path) -> None:
    """They are categories in Parquet, and their texts in all else."""
    driver = made_of(kind, exposed, tmp_path)
    found = through(driver, tmp_path, CATEGORIES[written])
    texts = [row["text"] for row in plain_rows(found)]
    assert texts == (["", "é"] if kind == "csv" and exposed in PLAIN else [None, "é"])
    types = {
        "pandas": lambda: isinstance(found["text"].dtype, pd.CategoricalDtype),
        "polars": lambda: found.schema["text"] in (pl.Categorical, pl.Enum(["x", "é"])),
        "arrow": lambda: pa.types.is_dictionary(found.schema.field("text").type),
    }

    if exposed in types:
        assert types[exposed]() == (kind == "parquet")
