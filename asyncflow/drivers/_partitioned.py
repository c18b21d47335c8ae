"""A folder of Parquet files, of which columns are the partitions, written as a whole."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO

from asyncflow.abc import StoredValue
from asyncflow.drivers._folders import link_all, put_folder_in_place, sync_all
from asyncflow.drivers._parquet import ParquetFiles
from asyncflow.drivers._parquet_files import dataset_of, has_files
from asyncflow.drivers._partition_files import (
    OTHER_COLUMNS,
    Target,
    rows_to_add,
    stem_of,
    table_of,
    telling,
    write_files,
)
from asyncflow.worker.errors import DataNodeWritingError
from asyncflow.worker.replacing import Former, unwritable
from asyncflow.worker.values import forget_staged, note_staged

if TYPE_CHECKING:
    from asyncflow.filters import Where

TRIES = 3
"""How often a folder is read anew that is replaced meanwhile."""


class PartitionedDriver(ParquetFiles):
    """Keep a table in a folder of the user's: with ``partition_cols`` in ``write_options``.

    A write makes a folder beside it, which then takes its place in one step, where the
    file system can do that: Linux and macOS can.
    """

    path: str

    def load(
        self,
        file: str | BinaryIO,
        columns: Sequence[str] | None = None,
        where: Where | None = None,
    ) -> object:
        for _ in range(TRIES):
            try:
                return super().load(file, columns, where)
            except FileNotFoundError:  # of what was there as the folder was listed
                if file != self.path or not os.path.isdir(self.path):
                    raise

        return super().load(file, columns, where)

    def write(self, value: object, path: str, name: str) -> StoredValue:
        def fill(draft: str) -> None:
            os.mkdir(draft)
            table = table_of(value, self.options.partitions)
            write_files(table, Target(draft), stem_of(path), self.options)

        return self._stage_folder(fill, path, name)

    def append(
        self,
        value: object,
        kept: StoredValue,  # noqa: ARG002
        path: str,
        name: str,
    ) -> StoredValue:
        if not (os.path.isdir(self.path) and has_files(self.path)):
            return self.write(value, path, name)

        with self.reading(self.path):
            found = dataset_of(self.path)
            before, has_rows = found.schema.empty_table(), found.count_rows() > 0

        if not has_rows:  # its file has the partitions in it
            return self.write(value, path, name)

        def fill(draft: str) -> None:
            link_all(self.path, draft)
            table = rows_to_add(before, value, self.options.partitions)

            if table.num_rows:
                write_files(table, Target(draft), stem_of(path), self.options)

        return self._stage_folder(fill, path, name)

    def upload(self, file: str, path: str, name: str) -> StoredValue:
        return self.write(self.load_file(file), path, name)

    def _stage_folder(
        self, fill: Callable[[str], None], path: str, name: str
    ) -> StoredValue:
        if os.path.lexists(self.path) and not os.path.isdir(self.path):
            raise DataNodeWritingError(
                f"data node {name!r} at {self.path} cannot be written: it is no folder, "
                "and partition_cols make one: move it away, or give another path"
            )

        draft = self._draft(path)
        note_staged(path, name, self.path if self.is_moved else "")

        try:
            if self.makes_folder:
                os.makedirs(os.path.dirname(draft), exist_ok=True)

            with telling(name, OTHER_COLUMNS):
                fill(draft)

            sync_all(draft)
            return f"{draft}#{os.stat(draft).st_ino}"
        except BaseException as error:
            self.discard(None, path)

            if isinstance(error, OSError):
                raise unwritable(error, self.path, name) from error

            raise

    def _draft(self, path: str) -> str:
        return f"{os.path.realpath(self.path)}.{os.path.basename(path)}"

    def publish(self, kept: StoredValue, path: str) -> StoredValue:  # noqa: ARG002
        try:
            put_folder_in_place(self._draft(path), os.path.realpath(self.path))
        except OSError as error:
            raise unwritable(error, self.path, self.storage_type) from error

        self.discard(None, path)  # what was there before
        return None

    def former(self, kept: StoredValue, path: str) -> Former | None:  # noqa: ARG002
        return None

    def discard(self, kept: StoredValue, path: str) -> None:  # noqa: ARG002
        for folder in (self._draft(path), f"{self._draft(path)}.former"):
            shutil.rmtree(folder, ignore_errors=True)

        if not os.path.lexists(self._draft(path)):
            forget_staged(path)

    def staged(self, maker: str) -> Sequence[str]:  # noqa: ARG002  # it is noted
        return ()

    def is_published(self, kept: StoredValue, path: str) -> bool | None:
        with suppress(OSError):
            if str(kept).endswith(f"#{os.stat(self.path).st_ino}"):
                return True

        return False if os.path.isdir(self._draft(path)) else None
