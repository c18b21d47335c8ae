"""What is in Parquet files: the first rows, the index of a frame."""

from __future__ import annotations

import io

import pandas as pd
import pyarrow.parquet
import pytest

from asyncflow.drivers._parquet_files import first_in, has_files, index_of

pytestmark = pytest.mark.usefixtures("tables_are_warm")


@pytest.mark.parametrize("rows", [0, 4, 7, 50])
def test_the_first_rows_may_be_in_several_groups(rows: int) -> None:
    file = io.BytesIO()
    pd.DataFrame({"a": range(20)}).to_parquet(file, row_group_size=3)
    head, total = first_in(file, rows)
    assert head.to_pydict()["a"] == [*range(min(rows, 20))]
    assert total == 20


def test_an_index_is_a_column() -> None:
    file = io.BytesIO()
    pd.DataFrame({"a": [1]}, index=pd.Index(["x"], name="i")).to_parquet(file)
    schema = pyarrow.parquet.read_schema(file)
    assert index_of(schema, ["a"]) == ["i"]
    assert index_of(schema, ["a", "i"]) == []


def test_a_folder_without_files_has_none(tmp_path: object) -> None:
    assert not has_files(f"{tmp_path}")
    assert not has_files(f"{tmp_path}/nothing")
