"""Parquet files, folders and several of them: what is in them, and the first rows."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from asyncflow.drivers._libraries import need
from asyncflow.worker.errors import DataNodeReadingError, PackageMissing
from asyncflow.worker.replacing import COMPARED, OPTION, UNLIKE

if TYPE_CHECKING:
    from asyncflow.filters import Where

PAGE = 1 << 16
"""How many bytes of a column are read at a time where a few rows are shown."""


def has_files(path: str) -> bool:
    return os.path.isfile(path) or any(names for _, _, names in os.walk(path))


def dataset_of(source: Any) -> Any:
    """Open a file, a folder or several files, or a file that is open."""
    dataset = need("pyarrow.dataset", "the storage type 'parquet'")

    if isinstance(source, str | list):
        return dataset.dataset(source, format="parquet", partitioning="hive")

    form = dataset.ParquetFileFormat()
    part = form.make_fragment(source)
    return dataset.FileSystemDataset([part], part.physical_schema, form)


def check_objects(frame: Any) -> None:
    """Refuse a frame of Polars with objects of Python: its own error names no column.

    :raises TypeError: where a column holds them
    """
    for name, kind in frame.schema.items():
        if str(kind).startswith("Object"):
            raise TypeError(f"column {name!r} holds objects of Python")


def is_several(source: Any) -> bool:
    """Tell whether what is read is several files."""
    return isinstance(source, list) or (
        isinstance(source, str) and os.path.isdir(source)
    )


def differing_in(source: Any) -> str:
    """Say which column has several types in several files; ``""`` for none.

    :param source: the dataset, or what `dataset_of` makes one of
    """
    if isinstance(source, str | list):
        source = dataset_of(source)

    kinds: dict[str, Any] = {}

    for part in source.get_fragments():
        for field in part.physical_schema:
            known = kinds.setdefault(field.name, field.type)

            if known != field.type:
                return (
                    f"its files differ in the type of column {field.name!r}: {known} and "
                    f"{field.type}"
                )

    return ""


def refusal(
    source: Any, error: Exception, where: Where | None, given: Mapping[str, Any]
) -> Exception:
    """Return the error of what is asked of files that are whole.

    :param source: see `differing_in`; None where it is one file
    :param given: `read_options`
    """
    if OPTION in str(error):
        return error

    differing = ""

    with suppress(PackageMissing):  # Polars may be alone
        differing = "" if source is None else differing_in(source)

    if differing:
        remedy = "write the files with the same types, or read each by itself"
        return DataNodeReadingError("", differing, remedy)

    if where is not None:
        return DataNodeReadingError("", f"{UNLIKE} ({error})", COMPARED)

    if given:
        why = f"it has not what is asked for ({error})"
        return DataNodeReadingError("", why, "correct read_options")

    return error


def dataset_at(files: Any, names: list[str], folder: str) -> Any:
    """Open several files of a file system of fsspec.

    :param folder: what they are all in; ``""`` for none
    """
    dataset = need("pyarrow.dataset", "a folder at an address")
    system = need("pyarrow.fs", "a folder at an address")
    given = dataset.FileSystemFactoryOptions(
        partitioning=dataset.HivePartitioning.discover(),
        partition_base_dir=folder or None,
    )
    return dataset.FileSystemDatasetFactory(
        system.PyFileSystem(system.FSSpecHandler(files)),
        names,
        dataset.ParquetFileFormat(),
        given,
    ).finish()


def first_in(source: Any, rows: int) -> tuple[Any, int]:
    """Return the first rows of a file, and how many it has.

    :param source: its path, or what is open: of which pages are read, not whole columns
    """
    arrow = need("pyarrow", "the storage type 'parquet'")
    reader = need("pyarrow.parquet", "the storage type 'parquet'")

    with reader.ParquetFile(source, pre_buffer=False, buffer_size=PAGE) as opened:
        taken: list[Any] = []

        for batch in opened.iter_batches(batch_size=max(rows, 1)):
            taken.append(batch)

            if sum(part.num_rows for part in taken) >= rows:
                break

        head = arrow.Table.from_batches(taken, opened.schema_arrow)
        return head.slice(0, rows), opened.metadata.num_rows


def stats_of(paths: Iterable[str]) -> list[tuple[str, os.stat_result]]:
    found = []

    for path in paths:
        with suppress(OSError):
            found.append((path, os.stat(path)))

    return found


def hash_of(found: object) -> str:
    """Return a digest of plain data."""
    return hashlib.blake2b(repr(found).encode(), digest_size=16).hexdigest()


def index_of(schema: Any, columns: Sequence[str]) -> list[str]:
    """Return the columns that are the index of the frame that was written."""
    kept = json.loads((schema.metadata or {}).get(b"pandas", b"{}"))
    names = kept.get("index_columns", [])
    return [name for name in names if isinstance(name, str) and name not in columns]
