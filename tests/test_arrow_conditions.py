"""Conditions of Arrow pick the rows that those of other libraries pick."""

from __future__ import annotations

import polars as pl
import pyarrow as pa
import pytest
from pyarrow import dataset

from asyncflow.arrow_conditions import arrow_expression
from asyncflow.errors import DataNodeReadingError
from asyncflow.filters import Operator, as_where

SIZES = ["small", "medium", "large"]
ENUM = pl.Enum(SIZES)


def picked(table: pa.Table, *conditions: tuple[object, ...]) -> list[object]:
    """Return the cells of the first column that are picked, in memory and of files."""
    where = as_where([*conditions])
    assert where is not None
    found: list[object] = table.filter(arrow_expression(where, table))[0].to_pylist()
    opened = dataset.dataset(table)
    again = opened.to_table(filter=arrow_expression(where, opened))
    assert again[0].to_pylist() == found
    return found


def categories(*, ordered: bool, metadata: bool = True) -> pa.Table:
    codes = pa.array([2, 0, 1, None], pa.int8())
    column = pa.DictionaryArray.from_arrays(codes, SIZES, ordered=ordered)
    table = pa.table({"size": column})
    return table.replace_schema_metadata({"pandas": "{}"}) if metadata else table


def test_categories_are_compared_by_their_order() -> None:
    table = categories(ordered=True)
    assert picked(table, ("size", "medium", ">=")) == ["large", "medium"]
    assert picked(table, ("size", "medium", "<")) == ["small"]
    assert picked(table, ("size", "large", "!="), ("size", "small", ">")) == ["medium"]

    of_polars = pl.DataFrame({"size": pl.Series(SIZES, dtype=ENUM)}).to_arrow()
    assert picked(of_polars, ("size", "medium", ">=")) == ["medium", "large"]

    with pytest.raises(DataNodeReadingError, match="no category of 'size', which has"):
        picked(table, ("size", "huge", "<"))


def test_categories_of_several_parts_are_compared_by_the_order_of_all() -> None:
    one, other = (
        pa.table({"size": pa.DictionaryArray.from_arrays(codes, known, ordered=True)})
        for codes, known in [([0, 1], ["b", "a"]), ([0, 1], ["b", "c"])]
    )
    both = pa.concat_tables([one, other])
    assert picked(both, ("size", "a", "<=")) == ["b", "a", "b"]


def test_categories_of_pandas_without_an_order_are_not_ordered() -> None:
    assert picked(categories(ordered=False), ("size", "medium")) == ["medium"]

    with pytest.raises(DataNodeReadingError, match="no order: use == or !="):
        picked(categories(ordered=False), ("size", "medium", "<"))

    texts = categories(ordered=False, metadata=False)  # kept once: no categories
    assert picked(texts, ("size", "medium", "<")) == ["large"]


@pytest.mark.parametrize("how", Operator)
def test_small_floats_are_compared_as_they_are_kept(how: Operator) -> None:
    table = pa.table({"a": pa.array([0.1, 0.2], pa.float32())})
    expected = {"==": 1, "<=": 1, "!=": 1, ">": 1, "<": 0, ">=": 2}
    assert len(picked(table, ("a", 0.1, how))) == expected[how]


def test_truth_values_are_numbers() -> None:
    assert picked(pa.table({"a": [0, 1, 2]}), ("a", True, ">=")) == [1, 2]
    assert picked(pa.table({"a": [True, False]}), ("a", 1)) == [True]
