"""Tables in files of Parquet, with a folder for each value of some columns."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from asyncflow.drivers import _options
from asyncflow.drivers._joining import joined
from asyncflow.drivers._libraries import as_table, need
from asyncflow.drivers._parquet_options import PARTITIONS
from asyncflow.worker.errors import DataNodeWritingError
from asyncflow.worker.replacing import OPTION

if TYPE_CHECKING:
    from asyncflow.drivers._parquet_options import ParquetOptions

OTHER_COLUMNS = "have the columns that are there, and one type in each"
"""What to do about rows that cannot be where others are."""

MOST = 1 << 20
"""How many partitions a folder may have."""


class Target(NamedTuple):
    """A folder that files are written to."""

    folder: str
    files: Any = None
    """The file system of fsspec that it is in; None for that of this machine."""
    has_folders: bool = True
    """Whether there have to be folders before there are files in them."""


@contextmanager
def telling(name: str, remedy: str) -> Iterator[None]:
    """Have errors of a table that Parquet cannot hold name the data node.

    :param name: how an error calls the value
    :param remedy: what to do about a value that it cannot hold
    """
    try:
        yield
    except DataNodeWritingError as error:
        raise DataNodeWritingError(f"data node {name!r}: {error}") from error
    except (KeyError, TypeError, ValueError, NotImplementedError) as error:
        raise _options.unknown_option(error, name) or DataNodeWritingError(
            f"data node {name!r}: Parquet cannot hold the value ({error}): {remedy}"
        ) from error


def table_of(value: object, names: Sequence[str]) -> Any:
    """Return a value as a table of Arrow.

    :param names: its columns that are the partitions
    :raises DataNodeWritingError: where it lacks one, or has no others
    """
    table = as_table(value, "pyarrow")

    if not table.column_names:  # no rows at all
        return table

    if lacking := [name for name in names if name not in table.column_names]:
        raise DataNodeWritingError(
            f"it has no column {lacking[0]!r}, which is one of partition_cols: "
            f"use some of {', '.join(table.column_names)}"
        )

    if len({*names}) == len(table.column_names):
        raise DataNodeWritingError(
            "all of its columns are partition_cols: leave one that is none"
        )

    return table


def write_files(
    table: Any,
    target: Target,
    stem: str,
    options: ParquetOptions,
) -> None:
    """Write the files of a table.

    :param stem: how their names begin: so no other write has them
    """
    dataset = need("pyarrow.dataset", "partition_cols")
    names = options.partitions
    given = {"compression": options.compression or "none"}
    given |= options.write_options
    del given[PARTITIONS]
    group = given.pop("row_group_size", None)
    form = dataset.ParquetFileFormat()

    try:
        how = form.make_write_options(**given)
    except TypeError as error:
        raise TypeError(f"{error} is no {OPTION}") from None

    if not table.num_rows:  # no partition tells which columns there are
        writer = need("pyarrow.parquet", "partition_cols")
        file = f"{target.folder}/{stem}-0.parquet"
        writer.write_table(table, file, filesystem=target.files)
        return

    for name in names:  # a category is its value, which is the name of a folder
        at = table.column_names.index(name)
        kind = table.schema.field(at).type

        if hasattr(kind, "value_type"):
            column = table.column(at).cast(kind.value_type)
            table = table.set_column(at, name, column)

    dataset.write_dataset(
        table,
        target.folder,
        filesystem=target.files,
        format=form,
        file_options=how,
        partitioning=dataset.partitioning(table.select(names).schema, flavor="hive"),
        basename_template=f"{stem}-{{i}}.parquet",
        existing_data_behavior="overwrite_or_ignore",
        max_partitions=MOST,
        create_dir=target.has_folders,
        **({} if group is None else {"max_rows_per_group": group}),
    )


def rows_to_add(before: Any, value: object, partitions: Sequence[str]) -> Any:
    """Return rows with the types of the columns that are there: but partitions, which are
    names of folders.

    :param before: a table of those columns
    """
    more = as_table(value, "pyarrow")

    for name in {*partitions}.intersection(before.column_names, more.column_names):
        at = before.column_names.index(name)
        before = before.set_column(at, more.schema.field(name), more.column(name)[:0])

    return joined(before, more)


def stem_of(path: str) -> str:
    """Return how the files of a write are called: no other write has that.

    :param path: what `Driver.write` was given
    """
    return os.path.basename(path).partition(".")[0]
