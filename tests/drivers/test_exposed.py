"""Exposed types: their names, what they need, classes of every make."""

from __future__ import annotations

import dataclasses
import sys
from typing import Any, NamedTuple

import attrs
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pydantic import BaseModel

from asyncflow import Configuration
from asyncflow.drivers._exposed import as_exposed, expose, needs
from asyncflow.drivers._libraries import as_table, rows_of
from asyncflow.errors import (
    ConfigError,
    DataNodeReadingError,
    DataNodeWritingError,
    PackageMissing,
)
from asyncflow.filters import as_where
from asyncflow.selection import column_of

pytestmark = pytest.mark.usefixtures("tables_are_warm")


@attrs.frozen
class Attrs:
    a: int
    b: str


@dataclasses.dataclass
class Data:
    a: int
    b: str


class Named(NamedTuple):
    a: int
    b: str


class Model(BaseModel):
    a: int
    b: str


class Plain:
    def __init__(self, a: int, b: str) -> None:
        self.a, self.b = a, b

    def __eq__(self, other: object) -> bool:
        return vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]  # as where it is not given


KINDS: tuple[Any, ...] = (Attrs, Data, Named, Model, Plain)
LIBRARIES = ["pandas", "polars", "pyarrow"]
ROWS: list[dict[str, Any]] = [{"a": 1, "b": "x"}, {"a": 2, "b": "é"}]


@pytest.mark.parametrize("kind", KINDS)
def test_objects_are_rows_and_rows_objects(kind: Any) -> None:
    made: list[Any] = [kind(**row) for row in ROWS]
    assert rows_of(made) == ROWS
    assert expose(ROWS, kind) == made
    texts: list[dict[str, Any]] = [
        {name: str(cell) for name, cell in row.items()} for row in ROWS
    ]
    found = expose(texts, kind, are_texts=True)
    assert found == (made if kind is not Plain else [kind(**row) for row in texts])


class Decoded:
    def __init__(self, row: dict[str, Any]) -> None:
        self.row = row

    @classmethod
    def decode(cls, row: dict[str, Any]) -> Decoded:
        return cls(dict(row))


@pytest.mark.parametrize("are_texts", [False, True], ids=["cells", "texts"])
@pytest.mark.parametrize("kind", [Attrs, Data, Model, Decoded])
def test_columns_of_a_class_are_dicts_and_its_rows_objects(
    kind: Any, are_texts: bool
) -> None:
    def part(columns: list[str] | None, where: Any = None) -> Any:
        rows = [{"a": str(one["a"]), "b": one["b"]} for one in ROWS]
        given = as_where(where)
        return expose(
            rows if are_texts else ROWS, kind, columns, given, are_texts=are_texts
        )

    is_text = are_texts and kind is Decoded  # which reads the cells itself
    one, two = ("1", "2") if is_text else (1, 2)
    assert part(["a"]) == [{"a": one}, {"a": two}]
    assert column_of(part(["a"]), "a") == [one, two]
    (found,) = part(None, ("a", one, ">"))
    assert type(found) is kind
    assert getattr(found, "b", None) == "é" or found.row["b"] == "é"

    with pytest.raises(DataNodeReadingError, match="no column 'c'"):
        part(["c"])


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame(ROWS),
        pl.DataFrame(ROWS),
        pl.LazyFrame(ROWS),
        pa.Table.from_pylist(ROWS),
        pa.RecordBatch.from_pylist(ROWS),
        np.array([(1, "x"), (2, "é")], dtype=[("a", "i8"), ("b", "U1")]),
        ROWS,
        {"a": [1, 2], "b": ["x", "é"]},
        [Attrs(1, "x"), Attrs(2, "é")],
    ],
    ids=[
        "pandas",
        "polars",
        "lazy",
        "arrow",
        "batch",
        "numpy",
        "rows",
        "columns",
        "objects",
    ],
)
@pytest.mark.parametrize("library", LIBRARIES, ids=[f"to {one}" for one in LIBRARIES])
def test_a_table_of_any_kind_is_one_of_any_library(table: Any, library: str) -> None:
    found = as_table(table, library)
    assert type(found).__module__.partition(".")[0] == library
    assert rows_of(found) == ROWS
    assert rows_of(table) == ROWS


def test_missing_values_stay_missing() -> None:
    rows = [{"a": 1.5, "b": None}, {"a": None, "b": "x"}]

    for library in ("pandas", "polars", "pyarrow"):
        assert rows_of(as_table(rows, library)) == rows


@pytest.mark.parametrize("value", [3, "text", b"x", object()], ids=range(4))
@pytest.mark.parametrize("library", LIBRARIES, ids=[f"to {one}" for one in LIBRARIES])
def test_what_is_no_table_is_refused(value: object, library: str) -> None:
    with pytest.raises(DataNodeWritingError, match="table"):
        as_table(value, library)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("pandas", "pandas"),
        (dict, "dict"),
        (list, "list[dict]"),
        (list[dict], "list[dict]"),  # type: ignore[type-arg]  # as users write it
        (list[dict[str, int]], "list[dict]"),
        (str, "str"),
        (bytes, "bytes"),
        (Attrs, Attrs),
        (list[Attrs], Attrs),
        ("package.module:Class.Inner", "package.module:Class.Inner"),
    ],
    ids=str,
)
def test_names_and_classes(given: object, expected: object) -> None:
    assert as_exposed(given) == expected


@pytest.mark.parametrize("given", ["panda", "", "a b:C", 3, None, [Attrs], "m:"])
def test_what_is_none_is_refused(given: object) -> None:
    with pytest.raises(ValueError, match="no exposed type"):
        as_exposed(given)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (int, "int has no fields"),
        (list[object], "object has no fields"),
        (pd.DataFrame, "write 'pandas'"),
        (pl.DataFrame, "write 'polars'"),
        (pa.Table, "write 'arrow'"),
        (np.ndarray, "write 'numpy'"),
    ],
    ids=str,
)
def test_classes_of_which_no_row_is_an_object_are_refused(
    given: object, why: str
) -> None:
    config = Configuration()
    config.configure_csv_data_node("a", "a.csv", exposed_type=given)

    with pytest.raises(ConfigError, match=why):
        config.check()


def test_what_each_needs() -> None:
    assert needs("numpy") == {"pandas": "pandas", "numpy": "pandas"}
    assert needs("arrow") == {"pyarrow": "parquet"}
    assert needs(Attrs) == needs("list[dict]") == needs("module:Class") == {}


@pytest.mark.parametrize(
    ("exposed", "package", "extra"),
    [("pandas", "pandas", "pandas"), ("polars", "polars", "polars")],
)
def test_a_package_that_is_not_there_is_told_with_the_line(
    monkeypatch: pytest.MonkeyPatch, exposed: str, package: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(PackageMissing, match=rf"pip install '\.\[{extra}\]'"):
        expose(ROWS, exposed)
