"""What a data node of the ``parquet`` storage type takes."""

from __future__ import annotations

from typing import Any

import attrs
from attrs import validators

from asyncflow.drivers import _options
from asyncflow.drivers._libraries import need

PARTITIONS = "partition_cols"
"""The one of `write_options` that has a folder written, as pandas calls it."""


def _is_compression(_: object, __: object, value: Any) -> None:
    if value not in (None, "none", "snappy", "gzip", "brotli", "lz4", "zstd"):
        raise ValueError(f"{value!r} is no compression")


@attrs.frozen(kw_only=True)
class ParquetOptions(_options.TableOptions):
    """What a data node of this storage type takes."""

    engine: str = attrs.field(
        default="pyarrow",
        validator=validators.in_(["pyarrow"]),
        metadata={"remedy": "leave it out: pyarrow reads what others write"},
    )
    compression: str | None = attrs.field(
        default="snappy",
        validator=_is_compression,
        metadata={"remedy": "give 'snappy', 'gzip', 'brotli', 'lz4', 'zstd' or 'none'"},
    )

    def __attrs_post_init__(self) -> None:
        names = self.write_options.get(PARTITIONS, ["a"])

        if (
            not isinstance(names, list | tuple)
            or not names
            or any(not isinstance(name, str) for name in names)
        ):
            raise ValueError(f"{PARTITIONS} {names!r:.100} are no names in a list")

        if hidden := [name for name in names if name.startswith(("_", "."))]:
            raise ValueError(
                f"{PARTITIONS} {hidden[0]!r} would be a folder that readers pass over: "
                "use a name that begins otherwise"
            )

    @property
    def partitions(self) -> list[str]:
        """The columns of which each value has a folder of its own."""
        return list(self.write_options.get(PARTITIONS) or ())

    def for_arrow(self) -> dict[str, Any]:
        """Return the options of `read_options` as Arrow calls them."""
        given = self.read_options

        if self.exposed_type != "pandas":
            return {**given}

        found = {"columns": given.get("columns")}

        if given.get("filters") is not None:
            reader = need("pyarrow.parquet", "the storage type 'parquet'")
            found["filter"] = reader.filters_to_expression(given["filters"])

        return found
