"""The ``parquet`` storage type."""

from __future__ import annotations

from typing import Any

from asyncflow.abc import Driver
from asyncflow.drivers._parquet import ParquetFiles
from asyncflow.drivers._parquet_options import ParquetOptions as ParquetOptions
from asyncflow.drivers._partitioned import PartitionedDriver


class ParquetDriver(ParquetFiles):
    """Keep tables in files of Parquet, or in a folder that is partitioned."""

    @classmethod
    def at(cls, path: str | None, options: Any) -> Driver:
        made = super().at(path, options)

        if path is None or not getattr(options, "partitions", ()):
            return made

        if isinstance(made, ParquetDriver):
            return PartitionedDriver(made.path, options)

        from asyncflow.drivers._remote_partitioned import RemotePartitionedDriver

        return RemotePartitionedDriver(cls, path, options)
