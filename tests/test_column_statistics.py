"""What the columns of tables have, whatever library has made them."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import numpy
import pandas
import polars
import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncflow import column_statistics
from asyncflow.column_statistics import ColumnStatistics, statistics_of

pytestmark = pytest.mark.may_leave("descriptor", reason="polars has a runtime")

COLUMNS: dict[str, list[Any]] = {
    "number": [3, 1, 2, 2],
    "maybe": [0.5, None, 2.5, 0.5],
    "text": ["b", "a", None, "b"],
    "day": [date(2026, 1, 2), date(2026, 1, 1), date(2026, 1, 2), None],
    "none": [None, None, None, None],
    "flag": [True, False, True, True],
}
EXPECTED: dict[str, tuple[int, int, int, object, object, float | None]] = {
    "number": (4, 0, 3, 1, 3, 2.0),
    "maybe": (3, 1, 2, 0.5, 2.5, 3.5 / 3),
    "text": (3, 1, 2, "a", "b", None),
    "day": (3, 1, 2, "2026-01-01", "2026-01-02", None),
    "none": (0, 4, 0, None, None, None),
    "flag": (4, 0, 2, False, True, None),
}


def rows() -> list[dict[str, Any]]:
    names = [*COLUMNS]
    cells = zip(*COLUMNS.values(), strict=True)
    return [dict(zip(names, row, strict=True)) for row in cells]


TABLES: dict[str, Callable[[], Any]] = {
    "pandas": lambda: pandas.DataFrame(COLUMNS),
    "polars": lambda: polars.DataFrame(COLUMNS),
    "pyarrow": lambda: pyarrow.table(COLUMNS),
    "rows": rows,
    "columns": lambda: COLUMNS,
    "lists": lambda: [[*row.values()] for row in rows()],
}


@pytest.mark.parametrize("library", TABLES)
def test_each_column_is_told_of(library: str) -> None:
    found = statistics_of(TABLES[library]())
    assert found is not None
    assert (found.rows, found.total) == (4, 4)
    names = [*map(str, range(len(COLUMNS)))] if library == "lists" else [*COLUMNS]
    assert [column.name for column in found.columns] == names

    for column, expected in zip(found.columns, EXPECTED.values(), strict=True):
        assert column[2:7] == expected[:5], column.name
        assert column.mean == (expected[5] and pytest.approx(expected[5]))
        assert type(column.smallest) in (int, float, str, bool, type(None))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (numpy.array([2.0, math.nan, 1.0]), [("float64", 2, 1, 2, 1.0, 2.0, 1.5)]),
        (numpy.array(["b", "a"]), [("<U1", 2, 0, 2, "a", "b", None)]),
        (
            numpy.array([[1, 5], [2, 5]]),
            [("int64", 2, 0, 2, 1, 2, 1.5), ("int64", 2, 0, 1, 5, 5, 5.0)],
        ),
        (
            numpy.array([(1, None)], dtype=[("a", "i4"), ("b", "O")]),
            [("int32", 1, 0, 1, 1, 1, 1.0), ("object", 0, 1, 0, None, None, None)],
        ),
        ([1, "a", None], [("int | str", 2, 1, 2, None, None, None)]),
        ([], [("", 0, 0, 0, None, None, None)]),
        ([[1], [2, 3]], [("int", 2, 0, 2, 1, 2, 1.5), ("int", 1, 1, 1, 3, 3, 3.0)]),
    ],
)
def test_arrays_and_lists_have_columns(value: object, expected: list[Any]) -> None:
    found = statistics_of(value)
    assert found is not None
    assert [tuple(column[1:]) for column in found.columns] == expected


@pytest.mark.parametrize(
    "value", [1, "text", None, {}, {"a": 1}, {"a": [1], "b": []}, numpy.array(1), {1}]
)
def test_what_has_no_columns_has_none_told(value: object) -> None:
    assert statistics_of(value) is None


def test_little_is_told_of_what_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(column_statistics, "ROWS", 2)
    monkeypatch.setattr(column_statistics, "COLUMNS", 3)

    for library, make in TABLES.items():
        found = statistics_of(make())
        assert found is not None, library
        assert (found.rows, found.total, len(found.columns)) == (2, 4, 3)
        assert found.columns[0][2:5] == (2, 0, 2)

    found = statistics_of(["x" * 1_000])
    assert found is not None
    assert found.columns[0].smallest == "x" * column_statistics.LONGEST + "…"


class Odd:
    """Cannot be shown, compared or hashed."""

    __hash__ = None  # type: ignore[assignment]  # the point

    def __repr__(self) -> str:
        raise RuntimeError

    def __lt__(self, other: object) -> bool:
        raise RuntimeError

    __gt__ = __lt__


def test_what_a_users_class_does_not_tell_is_left_out() -> None:
    unknown = ColumnStatistics("value", "Odd", 2, 0, None, None, None, None)
    found = statistics_of([Odd(), Odd()])
    assert found is not None
    assert found.columns == (unknown,)
    frame = statistics_of(pandas.DataFrame({"value": [Odd(), Odd()]}))
    assert frame is not None
    assert frame.columns == (unknown._replace(type="object"),)


def test_times_are_texts() -> None:
    at = datetime(2026, 1, 2, 3, tzinfo=UTC)

    for table in (pandas.DataFrame({"at": [at]}), polars.DataFrame({"at": [at]})):
        found = statistics_of(table)
        assert found is not None
        assert found.columns[0].smallest == "2026-01-02 03:00:00+00:00"


@given(st.lists(st.none() | st.floats(allow_infinity=False, width=32), max_size=20))
def test_libraries_agree(values: list[float | None]) -> None:
    found = [
        statistics_of(table)
        for table in (
            {"x": values},
            pandas.DataFrame({"x": pandas.Series(values, dtype="float64")}),
            polars.DataFrame({"x": polars.Series(values, dtype=polars.Float64)}),
            pyarrow.table({"x": pyarrow.array(values, pyarrow.float64())}),
            numpy.array(values, dtype="float64"),
        )
    ]
    first, *others = (one.columns[0] for one in found if one is not None)
    assert len(others) == len(found) - 1

    for other in others:
        assert other[2:4] == first[2:4]
        assert (other.smallest, other.largest) == (first.smallest, first.largest)
        assert other.mean == (
            None
            if first.mean is None
            else pytest.approx(first.mean, rel=1e-6, abs=1e-6 * 3.4e38)
        )
