"""A folder of Parquet files at an address, of which columns are the partitions."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from glob import has_magic
from typing import TYPE_CHECKING, Any

from asyncflow.abc import StoredValue
from asyncflow.drivers import _remote_folders
from asyncflow.drivers._file_systems import is_whole
from asyncflow.drivers._parquet_files import dataset_at
from asyncflow.drivers._partition_files import (
    OTHER_COLUMNS,
    Target,
    rows_to_add,
    stem_of,
    table_of,
    telling,
    write_files,
)
from asyncflow.drivers._remote import RemoteDriver
from asyncflow.drivers._server import unwritten

if TYPE_CHECKING:
    from asyncflow.drivers._parquet_options import ParquetOptions


NO_FOLDER = (
    "it is no folder, and partition_cols make one",
    "move it away, or give another address",
)
"""What is wrong with a place where there is a file, and what to do."""


class RemotePartitionedDriver(RemoteDriver):
    """Keep a table in a folder at an address: with ``partition_cols`` in
    ``write_options``. All of it changes in one step: see `_remote_folders`.
    """

    options: ParquetOptions

    def exists(self) -> bool:
        with self.reading():
            files, at = self._files()
            return bool(_remote_folders.counted(files, at))

    def write(self, value: object, path: str, name: str) -> StoredValue:
        return self._stage_files(
            lambda: table_of(value, self.options.partitions), path, name
        )

    def append(
        self,
        value: object,
        kept: StoredValue,  # noqa: ARG002
        path: str,
        name: str,
    ) -> StoredValue:
        before = self._columns()

        if before is None:
            return self.write(value, path, name)

        return self._stage_files(
            lambda: rows_to_add(before, value, self.options.partitions),
            path,
            name,
            appends=True,
        )

    def upload(self, file: str, path: str, name: str) -> StoredValue:
        return self.write(self.load_file(file), path, name)

    def _columns(self) -> Any:
        """Return a table of the columns that are there; None where there are no rows."""
        if (found := self._folder()) is None or not found[1]:
            return None

        with self._parsing():
            dataset = dataset_at(*found)
            return dataset.schema.empty_table() if dataset.count_rows() else None

    def _stage_files(
        self, table: Callable[[], Any], path: str, name: str, *, appends: bool = False
    ) -> StoredValue:
        with self.writing(name):
            files, at = self._files()

            is_file = not self._is_folder(files, at) and files.exists(at)

            if has_magic(at) or is_file:
                raise unwritten(name, self.shown_place, *NO_FOLDER)

        with telling(name, OTHER_COLUMNS):
            made = table()

        with self.staging(path, name), telling(name, OTHER_COLUMNS):
            self._write_files(made, path, appends=appends)

        return None

    def _write_files(self, table: Any, path: str, *, appends: bool) -> None:
        files, staged = self._files(path)
        has_folders = not is_whole(files)

        if has_folders:
            files.makedirs(staged, exist_ok=True)

        if table.num_rows or not appends:
            target = Target(staged, files, has_folders)
            write_files(table, target, stem_of(path), self.options)

        _remote_folders.finish_staging(files, staged, appends=appends)

    def publish(self, kept: StoredValue, path: str) -> StoredValue:  # noqa: ARG002
        with self.publishing(path):
            _remote_folders.publish(*self._places(path))

        return None

    def discard(self, kept: StoredValue, path: str) -> None:  # noqa: ARG002
        with suppress(Exception):
            _remote_folders.withdraw(*self._places(path))
            self.end(path)

    def is_published(self, kept: StoredValue, path: str) -> bool:  # noqa: ARG002
        return _remote_folders.is_published(*self._places(path))

    def _places(self, path: str) -> tuple[Any, str, str, str]:
        files, staged = self._files(path)
        return files, staged, self._files()[1], stem_of(path)
