"""Which columns are meant by a name or a number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from asyncflow.column_names import Known, index_names, names_in, only
from asyncflow.errors import DataNodeReadingError
from asyncflow.filters import Condition

FRAME = pd.DataFrame({"a": [1]}, index=pd.Index([5], name="k"))


@pytest.mark.parametrize(
    ("names", "wanted", "found"),
    [
        ([0, 1], ["0", 1], [0, 1]),
        (["0", "1"], [0, "1"], ["0", "1"]),
        ([0, "0"], ["0", 0], ["0", 0]),
        (["a"], ["a"], ["a"]),
    ],
)
def test_a_number_and_its_text_mean_the_same(
    names: list[Any], wanted: list[Any], found: list[Any]
) -> None:
    known = Known(names)
    assert known.columns(wanted) == found
    where = Condition(wanted[0], 1) & Condition(wanted[-1], 2)
    conditions = [Condition(found[0], 1), Condition(found[-1], 2)]
    assert known.where(where) == conditions[0] & conditions[1]


def test_nothing_is_meant_by_nothing() -> None:
    assert Known(["a"]).columns(None) is None
    assert Known(["a"]).where(None) is None


def test_what_is_not_there_is_told_with_what_is() -> None:
    for ask in (
        lambda: Known([0, 1]).columns([2]),
        lambda: Known([0, 1]).columns(["c"]),
    ):
        with pytest.raises(
            DataNodeReadingError, match=r"no column .*: use one of 0, 1"
        ):
            ask()


def test_an_index_picks_rows_and_is_no_column() -> None:
    known = Known(names_in(FRAME) or (), index_names(FRAME))
    assert known.where(Condition("k", 5)) == Condition("k", 5)

    with pytest.raises(DataNodeReadingError, match="'k' is its index, and no column"):
        known.columns(["a", "k"])


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (np.zeros((1, 2)), ["0", "1"]),
        ([[1, 2]], ["0", "1"]),
        ([{"a": 1}, {"b": 2}], ["a", "b"]),
        ({"a": [1]}, ["a"]),
        (pl.DataFrame({"a": [1]}), ["a"]),
        ([], None),
    ],
    ids=["array", "lists", "dicts", "columns", "polars", "empty"],
)
def test_the_names_of_a_value(value: Any, names: list[str] | None) -> None:
    assert names_in(value) == names


def test_the_one_column_that_was_asked_for() -> None:
    assert only({"0": [1]}, 0) == [1]
    assert [*only(pd.DataFrame([[1, 2]]), "1")] == [2]
