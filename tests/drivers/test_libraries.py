"""Tables of one library as those of another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from asyncflow.alternatives import DRIVERS
from asyncflow.drivers._libraries import as_table, columns_in, need, rows_of
from asyncflow.errors import DataNodeReadingError, DataNodeWritingError

ROWS = [{"a": 1, "b": "x"}, {"a": 2, "b": "é"}]
TABLES: dict[str, Any] = {
    "pandas": pd.DataFrame(ROWS),
    "polars": pl.DataFrame(ROWS),
    "pyarrow": pa.Table.from_pylist(ROWS),
    "rows": ROWS,
    "columns": {"a": [1, 2], "b": ["x", "é"]},
}

pytestmark = pytest.mark.usefixtures("tables_are_warm")


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
@pytest.mark.parametrize("name", TABLES)
def test_any_as_any(name: str, library: str) -> None:
    made = as_table(TABLES[name], library)
    assert type(made).__module__.partition(".")[0] == library
    assert rows_of(made) == ROWS


def test_the_same_is_not_copied() -> None:
    frame = TABLES["pandas"]
    assert as_table(frame, "pandas") is frame


def test_an_array_has_numbers_for_names() -> None:
    assert rows_of(np.array([[1, 2]])) == [{"0": 1, "1": 2}]


def test_columns_without_rows_keep_their_names() -> None:
    assert columns_in(pl.DataFrame({"a": [], "b": []})) == {"a": [], "b": []}


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_what_is_no_table(library: str) -> None:
    with pytest.raises(DataNodeWritingError):
        as_table(object(), library)


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_parts_of_frames_are_tables(library: str) -> None:
    index = pd.Index([1, 2], name="k")
    assert rows_of(as_table(index, library)) == rows_of(index) == [{"k": 1}, {"k": 2}]
    assert rows_of(as_table(pd.array([1, 2]), library)) == [{"0": 1}, {"0": 2}]
    frame = pl.DataFrame({"a": [1]})
    assert rows_of(as_table(frame.lazy(), library)) == [{"a": 1}]

    for value in (frame.group_by("a"), pd.DataFrame({"a": [1]}).groupby("a")):
        with pytest.raises(DataNodeWritingError, match="is no table"):
            as_table(value, library)


def test_a_module_that_a_package_lacks_is_its_own_error() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"pandas\.nothing"):
        need("pandas.nothing", "a test")


@pytest.mark.parametrize("kind", ["csv", "excel"])
@pytest.mark.parametrize("rows", [[[1, 2]], []])
def test_no_column_is_lost_that_has_the_name_of_another(
    tmp_path: Path, kind: str, rows: list[list[int]]
) -> None:
    driver: Any = DRIVERS.load(kind)
    sheet = {"sheet_name": "own"} if kind == "excel" else {}
    options = driver.Options(exposed_type="list[dict]", **sheet)
    made = driver(str(tmp_path / "own"), options)

    for names in (["a", "a"], [1, "1"]):
        frame = pd.DataFrame(rows, columns=names)

        with pytest.raises(DataNodeWritingError, match=f"are '{names[0]}': rename one"):
            made.write(frame, str(tmp_path / "A-1.value"), "node")

    whole = pd.DataFrame(rows, columns=["a", "a"])

    if kind == "csv":
        whole.to_csv(tmp_path / "own", index=False)
    else:
        with (tmp_path / "own").open("wb") as file:
            whole.to_excel(file, sheet_name="own", index=False)

    with pytest.raises(DataNodeReadingError, match="two of its columns are 'a'"):
        made.read(None)
