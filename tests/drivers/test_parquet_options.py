"""What a data node of Parquet takes."""

from __future__ import annotations

from typing import Any

import pytest

from asyncflow.drivers._parquet_options import ParquetOptions


@pytest.mark.parametrize("given", [{"engine": "fastparquet"}, {"compression": "zip"}])
def test_what_it_does_not_take(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(given.values()))):
        ParquetOptions(**given)


def test_columns_that_are_partitions() -> None:
    assert ParquetOptions().partitions == []
    given = {"partition_cols": ["year"], "row_group_size": 5}
    assert ParquetOptions(write_options=given).partitions == ["year"]
