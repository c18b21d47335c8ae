"""The same rows are picked, whatever a table is made of."""

from __future__ import annotations

import datetime
from typing import Any, NamedTuple

import attrs
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncflow.errors import DataNodeReadingError
from asyncflow.filters import Condition, Conditions, JoinOperator, Operator, Where
from asyncflow.selection import (
    LONGEST,
    library_of,
    plain_preview,
    preview,
    select,
)

pytestmark = pytest.mark.usefixtures("tables_are_warm")

ROWS: list[dict[str, Any]] = [
    {"name": "a", "size": 1.5, "number": 3},
    {"name": None, "size": None, "number": 4},
    {"name": "a", "size": 1.5, "number": 3},
    {"name": "é", "size": -2.0, "number": None},
]


class Row(NamedTuple):
    name: str | None
    size: float | None
    number: int | None


@attrs.frozen
class Made:
    name: str | None
    size: float | None
    number: int | None


TABLES = {
    "dicts": lambda rows: rows,
    "columns": lambda rows: {name: [row[name] for row in rows] for name in ROWS[0]},
    "named tuples": lambda rows: [Row(**row) for row in rows],
    "objects": lambda rows: [Made(**row) for row in rows],
    "pandas": lambda rows: pd.DataFrame(rows, columns=[*ROWS[0]]),
    "pandas, nullable": lambda rows: pd.DataFrame(
        rows, columns=[*ROWS[0]]
    ).convert_dtypes(),
    "pandas, objects": lambda rows: pd.DataFrame(
        rows, columns=[*ROWS[0]], dtype=object
    ),
    "polars": lambda rows: pl.DataFrame(
        rows, schema={"name": pl.String, "size": pl.Float64, "number": pl.Int64}
    ),
    "arrow": lambda rows: pa.Table.from_pylist(
        rows,
        schema=pa.schema(
            [("name", pa.string()), ("size", pa.float64()), ("number", pa.int64())]
        ),
    ),
    "numpy": lambda rows: np.array(
        [tuple(row.values()) for row in rows],
        dtype=[("name", "O"), ("size", "f8"), ("number", "O")],
    ),
}
"""How the rows become each kind of table."""

conditions = st.one_of(
    st.builds(
        Condition,
        st.sampled_from(["size", "number"]),
        st.sampled_from([1.5, 3, -2, 0.25]),
        st.sampled_from(Operator),
    ),
    st.builds(
        Condition,
        st.just("name"),
        st.sampled_from(["a", "b", "é"]),
        st.sampled_from(Operator),
    ),
    st.builds(
        Condition,
        st.sampled_from([*ROWS[0]]),
        st.sampled_from([None, float("nan")]),
        st.sampled_from([Operator.EQUAL, Operator.NOT_EQUAL]),
    ),
)
trees: st.SearchStrategy[Where] = st.recursive(
    conditions,
    lambda parts: st.builds(
        Conditions,
        st.lists(parts, min_size=1, max_size=3).map(tuple),
        st.sampled_from(JoinOperator),
    ),
    max_leaves=4,
)
rows = st.lists(
    st.builds(
        lambda *cells: dict(zip(ROWS[0], cells, strict=True)),
        st.sampled_from([None, "a", "b", "é", ""]),
        st.sampled_from([None, 1.5, -2.0, 3.0]),
        st.sampled_from([None, 3, 4, -2]),
    ),
    min_size=1,
    max_size=8,
)


def plain(value: Any) -> list[tuple[Any, ...]]:
    """Return the rows of any table: what is missing is None."""
    match library_of(value):
        case "pandas":
            found = value.astype(object).itertuples(index=False, name=None)
        case "polars":
            found = value.rows()
        case "pyarrow":
            found = [tuple(row.values()) for row in value.to_pylist()]
        case "numpy":
            found = value.tolist()
        case _ if isinstance(value, dict):
            found = zip(*value.values(), strict=True)
        case _:
            found = [
                tuple(row.values())
                if isinstance(row, dict)
                else attrs.astuple(row)
                if isinstance(row, Made)
                else row
                for row in value
            ]

    return [tuple(None if pd.isna(one) else one for one in row) for row in found]


@pytest.mark.parametrize("kind", TABLES)
@given(rows=rows, where=trees)
def test_all_pick_the_same_rows(
    kind: str, rows: list[dict[str, Any]], where: Where
) -> None:
    expected = plain(select(rows, None, where))
    assert plain(select(TABLES[kind](rows), None, where)) == expected


@pytest.mark.parametrize("kind", TABLES)
def test_columns_are_picked_in_their_order(kind: str) -> None:
    where = Condition("number", 3, Operator.GREATER_OR_EQUAL)
    found = select(TABLES[kind](ROWS), ["number", "name"], where)
    assert plain(found) == [(3, "a"), (4, None), (3, "a")]


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize("is_condition", [True, False])
def test_an_unknown_column_is_told_with_the_known(
    kind: str, is_condition: bool
) -> None:
    table = TABLES[kind](ROWS)
    how = (None, Condition("seize", 1)) if is_condition else (["seize"], None)

    with pytest.raises(
        DataNodeReadingError, match=r"no column 'seize': use one of .*size"
    ):
        select(table, *how)


def test_an_index_stays() -> None:
    frame = pd.DataFrame({"a": [1, 2, 1]}, index=["x", "x", "y"])
    assert list(select(frame, None, Condition("a", 1)).index) == ["x", "y"]


def test_columns_of_an_array_have_numbers() -> None:
    array = np.array([[1, 2], [3, 4], [3, 5]])
    found = select(array, ["1"], Condition("0", 3))
    assert found.tolist() == [[4], [5]]


def test_sheets_are_asked_each() -> None:
    sheets = {"one": pd.DataFrame({"a": [1, 2]}), "two": pd.DataFrame({"a": [2]})}
    found = select(sheets, None, Condition("a", 2))
    assert {name: plain(one) for name, one in found.items()} == {
        "one": [(2,)],
        "two": [(2,)],
    }


FIRST, LATER = datetime.date(2024, 1, 1), datetime.date(2024, 1, 2)
MIDNIGHTS = [datetime.datetime.combine(day, datetime.time()) for day in (FIRST, LATER)]
DAYS: dict[str, Any] = {
    "dicts": [{"day": FIRST}, {"day": LATER}],
    "dicts of times": [{"day": day} for day in MIDNIGHTS],
    "pandas": pd.DataFrame({"day": [FIRST, LATER]}),
    "pandas, times": pd.DataFrame({"day": MIDNIGHTS}),
    "polars": pl.DataFrame({"day": [FIRST, LATER]}),
    "polars, times": pl.DataFrame({"day": MIDNIGHTS}),
    "arrow": pa.table({"day": [FIRST, LATER]}),
    "arrow, times": pa.table({"day": MIDNIGHTS}),
    "numpy, times": np.array(
        [(day,) for day in MIDNIGHTS], dtype=[("day", "datetime64[ns]")]
    ),
}


@pytest.mark.parametrize("kind", DAYS)
@pytest.mark.parametrize(
    "value", [LATER, MIDNIGHTS[1], pd.Timestamp(MIDNIGHTS[1]), "2024-01-02"]
)
def test_dates_are_compared(kind: str, value: object) -> None:
    table = DAYS[kind]

    for how, expected in [("==", [1]), ("!=", [0]), ("<", [0]), (">=", [1])]:
        where = Condition("day", value, Operator(how))
        assert plain(select(table, None, where)) == [
            plain(table)[at] for at in expected
        ]


ZONED = [day.replace(tzinfo=datetime.UTC) for day in MIDNIGHTS]


@pytest.mark.parametrize(
    "make",
    [pd.DataFrame, pl.DataFrame, pa.table, dict],
    ids=["pandas", "polars", "arrow", "plain"],
)
@pytest.mark.parametrize("how", [Operator.EQUAL, Operator.LESS_THAN])
def test_times_with_a_zone_are_compared_with_such_alone(
    make: Any, how: Operator
) -> None:
    for cells, value in [
        (ZONED, MIDNIGHTS[1]),
        (ZONED, LATER),
        (MIDNIGHTS, ZONED[1]),
    ]:
        with pytest.raises(DataNodeReadingError, match="time zone"):
            select(make({"day": cells}), None, Condition("day", value, how))


@pytest.mark.parametrize("value", [3, "text", None, pd.Series([1]), np.array(3)])
def test_what_has_no_columns_says_so(value: object) -> None:
    with pytest.raises(DataNodeReadingError, match="read it as a whole"):
        select(value, ["a"], None)


@pytest.mark.parametrize("kind", TABLES)
def test_what_cannot_be_compared_says_so(kind: str) -> None:
    rows = [{"name": "a", "size": 1.0, "number": 2}]

    with pytest.raises(DataNodeReadingError, match="a value of its own type"):
        select(TABLES[kind](rows), None, Condition("name", 3, Operator.LESS_THAN))


@pytest.mark.parametrize("kind", TABLES)
def test_a_preview_has_the_first_rows(kind: str) -> None:
    shown = preview(TABLES[kind](ROWS), 2)
    assert shown.total == 4
    assert len(shown.rows) == 2

    if kind in {"named tuples", "objects"}:
        assert shown.columns == ("value",)
    else:
        assert shown.columns == ("name", "size", "number")
        assert shown.rows[0] == ("a", 1.5, 3)


@pytest.mark.parametrize(
    ("value", "columns", "rows", "total"),
    [
        (3, ("value",), ((3,),), 1),
        ({"a": 1, "b": 2}, ("key", "value"), (("a", 1),), 2),
        ({}, ("key", "value"), (), 0),
        ([5, 6], ("value",), ((5,),), 2),
        (np.array([[5, 6], [7, 8]]), ("0", "1"), ((5, 6),), 2),
        (np.array([5, 6]), ("value",), ((5,),), 2),
    ],
    ids=str,
)
def test_a_preview_of_anything(
    value: object, columns: tuple[str, ...], rows: object, total: int
) -> None:
    shown = preview(value, 1)
    assert (shown.columns, shown.rows, shown.total) == (columns, rows, total)


def test_a_plain_preview_has_numbers_and_texts_alone() -> None:
    class Odd:
        def __repr__(self) -> str:
            raise RuntimeError("no")

    values = [1, 2.5, True, None, "x" * 2000, b"y", (1,), Odd()]
    rows = plain_preview(preview(values, 10)).rows
    cells = [cell for (cell,) in rows]
    assert cells[:4] == [1, 2.5, True, None]
    assert cells[4] == f"{'x' * LONGEST}…"
    assert cells[5:7] == ["b'y'", "(1,)"]
    assert cells[7] == "<Odd, which cannot be shown: RuntimeError('no')>"
