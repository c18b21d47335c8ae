"""What has no column of its own stays out; `test_parquet` has the types of columns."""

from __future__ import annotations

import pyarrow as pa
import pytest

from asyncflow.drivers._joining import joined


def test_an_index_without_a_name_is_not_added() -> None:
    more = pa.table({"a": [2], "__index_level_0__": [7]})
    assert joined(pa.table({"a": [1]}), more).to_pydict() == {"a": [1, 2]}


def test_other_columns_are_refused() -> None:
    with pytest.raises(KeyError, match="there is no b"):
        joined(pa.table({"a": [1]}), pa.table({"a": [2], "b": [3]}))
