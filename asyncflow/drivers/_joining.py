"""Tables of Arrow, one behind the other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from asyncflow.drivers._libraries import as_table, need
from asyncflow.worker.errors import DataNodeWritingError

INDEX = "__index_level_"
"""How columns begin that are an index of pandas without a name."""


def joined(before: Any, more: Any) -> Any:
    """Return two tables as one, with the types of the first.

    :raises Exception: where the second has other columns, or what these cannot hold
    """
    arrow = need("pyarrow", "appending to Parquet")
    names = [name for name in more.column_names if not name.startswith(INDEX)]

    if not names and not more.num_rows:
        return before

    if other := {*names}.difference(before.column_names):
        raise KeyError(f"there is no {', '.join(sorted(other))}")

    more = more.select(before.column_names)
    fields = []

    for at, field in enumerate(before.schema):
        column = more.column(at)

        if arrow.types.is_dictionary(field.type) and column.type != field.type:
            values = column.cast(field.type.value_type)  # of texts, categories
            column = values.dictionary_encode().cast(field.type)
            more = more.set_column(at, field.name, column)

        is_null = arrow.types.is_null(field.type)  # nobody has said what it is to hold
        fields.append(field.with_type(column.type) if is_null else field)

    both = arrow.concat_tables([before, more], promote_options="permissive")
    schema = arrow.schema(fields, before.schema.metadata)
    return both if both.schema == schema else both.cast(schema)


def check_partitions(folder: str, paths: Iterable[str], columns: Iterable[str]) -> None:
    """Refuse rows that are to be beside the partitions of a folder, and name one: none
    of the folder could be read any more.

    :param paths: what is in the folder
    :param columns: those of the rows
    """
    parts = (part for path in paths for part in path[len(folder) :].split("/"))
    names = {part.partition("=")[0] for part in parts if "=" in part}

    if wrong := sorted(names & {*columns}):
        name = wrong[0]
        raise DataNodeWritingError(
            f"{name!r} is a partition of {folder}: append to the folder of one "
            f"({name}=...), by a data node of its own, without that column"
        )


def columns_of(value: Any, library: str) -> list[str]:
    """Return the names of a table's columns.

    :param library: one that can hold it, ``polars`` or ``pyarrow``
    """
    table = as_table(value, library)
    return [*(table.columns if library == "polars" else table.column_names)]
