"""What has no column of its own stays out; `test_parquet` has the types of columns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from asyncflow.drivers._joining import joined
from asyncflow.drivers._libraries import rows_of
from asyncflow.drivers.parquet import ParquetDriver
from asyncflow.errors import DataNodeWritingError

pytestmark = pytest.mark.usefixtures("tables_are_warm")


def test_an_index_without_a_name_is_not_added() -> None:
    more = pa.table({"a": [2], "__index_level_0__": [7]})
    assert joined(pa.table({"a": [1]}), more).to_pydict() == {"a": [1, 2]}


def test_other_columns_are_refused() -> None:
    with pytest.raises(KeyError, match="there is no b"):
        joined(pa.table({"a": [1]}), pa.table({"a": [2], "b": [3]}))


@pytest.mark.parametrize("exposed", ["pandas", "polars", "arrow"])
@pytest.mark.parametrize("is_remote", [False, True])
def test_a_partition_is_no_column_of_what_is_appended(
    tmp_path: Path, exposed: str, is_remote: bool
) -> None:
    folder = tmp_path / "own"
    (folder / "year=2024").mkdir(parents=True)
    parquet.write_table(pa.table({"x": [1]}), folder / "year=2024/a.parquet")
    options: dict[str, Any] = {"exposed_type": exposed}

    if is_remote:
        options["storage_options"] = {"auto_mkdir": True}

    path = f"file://{folder}" if is_remote else str(folder)
    kind = ParquetDriver.options_at(path)
    assert kind is not None
    driver = ParquetDriver.at(path, kind(**options))
    staged = str(tmp_path / "A-1.value")

    with pytest.raises(DataNodeWritingError, match=r"'node': 'year' is a partition"):
        driver.append([{"x": 2, "year": 2025}], None, staged, "node")

    assert len(rows_of(driver.read(None))) == 1
