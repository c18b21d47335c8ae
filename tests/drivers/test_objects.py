from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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


@pytest.mark.parametrize("value", [5, "text", b"bytes", None], ids=repr)
def test_what_is_no_table_is_refused(value: object) -> None:
    with pytest.raises(DataNodeWritingError, match="is no table: return"):
        rows_of_objects(value)


def test_a_row_that_lacks_a_column_has_none_there() -> None:
    assert columns_of([{"a": 1}, {"b": 2}]) == {"a": [1, None], "b": [None, 2]}


def test_columns_are_told_from_a_row() -> None:
    assert is_columns({"a": [1], "b": (2,)})
    assert not is_columns({"a": [1], "b": 2})
    assert not is_columns({})


def test_an_object_says_itself_what_its_row_is() -> None:
    assert row_of(Encoded()) == {"own": 1}
    assert row_of(("x", 2)) == {"0": "x", "1": 2}
