"""How two values differ: tables by cells, and nothing asked of them as wholes."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from asyncflow.runtime.value_difference import difference, is_same

NAN = float("nan")


class Odd:
    """What raises when it is compared, and has parts."""

    def __init__(self, part: object) -> None:
        self.part = part

    def __eq__(self, other: object) -> bool:
        raise ValueError("ambiguous")

    __hash__ = None  # type: ignore[assignment]  # as it compares


def table(kind: str, columns: dict[str, Any]) -> Any:
    match kind:
        case "pandas":
            return pd.DataFrame(columns)
        case "polars":
            return pl.DataFrame(columns)

    return pa.table(columns)


@pytest.mark.parametrize("kind", ["pandas", "polars", "arrow"])
def test_tables_differ_by_rows_columns_and_cells(kind: str) -> None:
    one = table(kind, {"a": [1, 2, 3], "b": ["x", "y", None], "c": [0.5, NAN, 1.5]})
    same = table(kind, {"a": [1, 2, 3], "b": ["x", "y", None], "c": [0.5, NAN, 1.5]})
    other = table(kind, {"a": [1, 9], "b": ["x", "z"], "d": [True, False]})

    assert difference("n", one, same) is None
    assert is_same({"k": [one]}, {"k": [same]})
    assert not is_same({"k": [one]}, {"k": [other]})

    found = difference("n", one, other)
    assert found is not None
    assert (found.rows, found.columns, found.changed_cells) == ((3, 2), (3, 3), 2)
    assert found.only_columns == (("c",), ("d",))
    assert str(found) == (
        "n: 3 -> 2 rows, 3 columns, 2 changed cells, without c, with d"
    )


def test_types_indexes_and_names_of_pandas_count() -> None:
    one = pd.DataFrame({"a": [1, 2]})
    wide = pd.DataFrame({"a": [1.0, 2.0]})
    named = pd.DataFrame({"a": [1, 2]}, index=["x", "y"])
    twice = pd.DataFrame([[1, 2]], columns=["a", "a"])

    found = difference("n", one, wide)
    assert found is not None
    assert (found.changed_cells, found.retyped) == (0, ("a",))

    found = difference("n", one, named)
    assert found is not None
    assert found.columns == (1, 1)
    assert found.only_columns == ((), ("(index)",))

    assert difference("n", twice, twice.copy()) is None
    found = difference("n", twice, pd.DataFrame([[1, 3]], columns=["a", "a"]))
    assert found is not None
    assert found.changed_cells == 1
    missing = pd.DataFrame({"a": pd.array([1, None], dtype="Int64")})
    assert difference("n", missing, missing.copy()) is None


def test_arrays_differ_by_elements() -> None:
    one = np.array([[1.0, NAN], [3.0, 4.0]])

    assert difference("n", one, one.copy()) is None
    found = difference("n", one, np.array([[1.0, NAN], [3.0, 5.0]]))
    assert found is not None
    assert (found.rows, found.columns, found.changed_cells) == ((2, 2), None, 1)
    found = difference("n", one, one[:1])
    assert found is not None
    assert (found.rows, found.changed_cells) == ((2, 1), None)
    assert difference("n", np.array(1), np.array(1)) is None
    assert difference("n", one, [1]) is not None


@attrs.define
class Pair:
    frame: pd.DataFrame


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (NAN, NAN, True),
        (1, True, False),
        ({1, 2}, {2, 1}, True),
        ([1, {"a": (2, NAN)}], [1, {"a": (2, NAN)}], True),
        ([1], (1,), False),
        (Odd(1), Odd(1), True),
        (Odd(1), Odd(2), False),
        (Pair(pd.DataFrame({"a": [1]})), Pair(pd.DataFrame({"a": [1]})), True),
        (Pair(pd.DataFrame({"a": [1]})), Pair(pd.DataFrame({"a": [2]})), False),
    ],
)
def test_other_values_are_the_same_or_not(one: Any, other: Any, same: bool) -> None:
    assert is_same(one, other) is same
    found = difference("n", one, other)
    assert (found is None) is same
    assert found is None or str(found).startswith("n: ")
