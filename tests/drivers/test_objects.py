from __future__ import annotations

from dataclasses import InitVar, dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import polars as pl
import pytest

from asyncflow.drivers._objects import columns_of, is_columns, row_of, rows_of_objects
from asyncflow.errors import DataNodeWritingError

ROWS = [{"name": "a", "count": 1}, {"name": "b", "count": 2}]


@dataclass
class Item:
    name: str
    count: int


class Encoded:
    def encode(self) -> dict[str, Any]:
        return {"own": 1}


@pytest.mark.parametrize(
    "value",
    [
        ROWS,
        [Item("a", 1), Item("b", 2)],
        {"name": ["a", "b"], "count": [1, 2]},
        iter(ROWS),
    ],
    ids=["dicts", "objects", "columns", "iterator"],
)
def test_tables_are_rows(value: object) -> None:
    assert rows_of_objects(value) == ROWS


@dataclass
class Priced:
    name: str
    tax: InitVar[int] = 0
    kind: ClassVar[str] = "k"


class Plain:
    def __init__(self) -> None:
        self.a = 1


class Empty:
    """It has neither attributes nor a text."""


FRAME = pd.DataFrame({"a": [1]})


@pytest.mark.parametrize(
    "value",
    [5, "text", b"bytes", None, np.array(1), np.int64(1), FRAME.groupby("a")],
    ids=lambda value: f"{type(value).__name__}",
)
def test_what_is_no_table_is_refused(value: object) -> None:
    with pytest.raises(DataNodeWritingError, match="is no table: return"):
        rows_of_objects(value)


@pytest.mark.parametrize(
    "item",
    [FRAME, FRAME["a"], pl.DataFrame({"a": [1]}), FRAME.index, object(), Empty(), int],
    ids=lambda item: f"{type(item).__module__}.{type(item).__name__}",
)
def test_what_is_no_row_is_refused(item: object) -> None:
    with pytest.raises(DataNodeWritingError, match="is no row: return one table"):
        rows_of_objects([item])


@pytest.mark.parametrize(
    "cell",
    [FRAME, FRAME["a"], FRAME.groupby("a"), object(), lambda: 1],
    ids=lambda cell: type(cell).__name__,
)
def test_what_is_no_cell_is_refused(cell: object) -> None:
    for value in ({"x": cell}, [{"x": 1}, {"x": cell}], {"x": [1, cell]}):
        with pytest.raises(DataNodeWritingError, match="cannot be a cell: return"):
            rows_of_objects(value)


def test_columns_of_several_lengths_are_refused() -> None:
    with pytest.raises(DataNodeWritingError, match=r"a has 1, b has 2.*as many cells"):
        rows_of_objects({"a": [1], "b": [1, 2]})


def test_what_is_a_row() -> None:
    assert row_of(Priced("x")) == {"name": "x"}
    assert row_of(Plain()) == {"a": 1}
    assert row_of(np.array([1, 2])) == {"0": 1, "1": 2}
    assert row_of(np.array([(1, 2)], [("p", int), ("q", int)])[0]) == {"p": 1, "q": 2}
    assert row_of(pd.NaT) == {"0": None}
    assert row_of(pd.Timestamp(0)) == {"0": pd.Timestamp(0)}


def test_a_row_that_lacks_a_column_has_none_there() -> None:
    assert columns_of([{"a": 1}, {"b": 2}]) == {"a": [1, None], "b": [None, 2]}


def test_columns_are_told_from_a_row() -> None:
    assert is_columns({"a": [1], "b": (2,)})
    assert not is_columns({"a": [1], "b": 2})
    assert not is_columns({})


def test_an_object_says_itself_what_its_row_is() -> None:
    assert row_of(Encoded()) == {"own": 1}
    assert row_of(("x", 2)) == {"0": "x", "1": 2}
