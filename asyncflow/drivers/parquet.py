"""The ``parquet`` storage type."""

from __future__ import annotations

from typing import Any

from asyncflow.abc import Driver, is_address
from asyncflow.drivers._parquet import ParquetFiles
from asyncflow.drivers._parquet_options import ParquetOptions as ParquetOptions
from asyncflow.drivers._partitioned import PartitionedDriver


class ParquetDriver(ParquetFiles):
    """Keep tables in files of Parquet, or in a folder that is partitioned."""

    @classmethod
    def at(cls, path: str | None, options: Any) -> Driver:
        if path is None or is_address(path) or not getattr(options, "partitions", ()):
            return super().at(path, options)

        return PartitionedDriver(path, options)
