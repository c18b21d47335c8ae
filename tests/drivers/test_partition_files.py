"""What becomes of a table that is written with partitions."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from asyncflow.drivers._parquet_options import ParquetOptions
from asyncflow.drivers._partition_files import (
    Target,
    rows_to_add,
    stem_of,
    table_of,
    telling,
    write_files,
)
from asyncflow.errors import DataNodeWritingError

pytestmark = pytest.mark.usefixtures("tables_are_warm")


def test_files_have_the_names_of_their_write(tmp_path: Path) -> None:
    options = ParquetOptions(write_options={"partition_cols": ["y"]})
    stem = stem_of("/values/ORCHESTRATOR_1-17.value")
    write_files(
        table_of([{"y": 1, "a": 2}], ["y"]), Target(str(tmp_path)), stem, options
    )
    write_files(pa.table({"y": [], "a": []}), Target(str(tmp_path)), "B", options)
    found = sorted(
        str(one.relative_to(tmp_path)) for one in tmp_path.rglob("*.parquet")
    )
    assert found == ["B-0.parquet", "y=1/ORCHESTRATOR_1-17-0.parquet"]


def test_rows_have_the_types_that_are_there() -> None:
    before = pa.schema([("a", pa.float64()), ("y", pa.int32())]).empty_table()
    found = rows_to_add(before, [{"y": "x", "a": 2}], ["y"])
    assert found.to_pylist() == [{"a": 2.0, "y": "x"}]


def test_what_is_wrong_names_the_data_node() -> None:
    hold = r"'node'.*cannot hold the value \(no\): mend it"

    with pytest.raises(DataNodeWritingError, match=hold), telling("node", "mend it"):
        raise ValueError("no")
