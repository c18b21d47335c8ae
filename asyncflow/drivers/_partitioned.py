"""A folder of Parquet files, of which columns are the partitions, written as a whole."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, BinaryIO

from asyncflow.abc import StoredValue
from asyncflow.drivers import _options
from asyncflow.drivers._folders import link_all, put_folder_in_place, sync_all
from asyncflow.drivers._joining import joined
from asyncflow.drivers._libraries import as_table, need
from asyncflow.drivers._parquet import ParquetFiles
from asyncflow.drivers._parquet_files import dataset_of, has_files
from asyncflow.drivers._parquet_options import PARTITIONS
from asyncflow.worker.errors import DataNodeWritingError
from asyncflow.worker.replacing import OPTION, Former, unwritable
from asyncflow.worker.values import forget_staged, note_staged

if TYPE_CHECKING:
    from asyncflow.filters import Where

TRIES = 3
"""How often a folder is read anew that is replaced meanwhile."""

MOST = 1 << 20
"""How many partitions a folder may have."""


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
            self._fill(draft, self._table(value), path)

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
            more = as_table(value, "pyarrow")

            if more.num_rows:
                self._fill(draft, _typed(before, more, self.options.partitions), path)

        return self._stage_folder(fill, path, name)

    def upload(self, file: str, path: str, name: str) -> StoredValue:
        return self.write(self.load_file(file), path, name)

    def _table(self, value: object) -> Any:
        table = as_table(value, "pyarrow")
        names = self.options.partitions

        if lacking := [one for one in names if one not in table.column_names]:
            raise DataNodeWritingError(
                f"it has no column {lacking[0]!r}, which is one of partition_cols: "
                f"use some of {', '.join(table.column_names)}"
            )

        if len({*names}) == len(table.column_names):
            raise DataNodeWritingError(
                "all of its columns are partition_cols: leave one that is none"
            )

        return table

    def _fill(self, draft: str, table: Any, path: str) -> None:
        """Write the files of a table, under names that no other write has."""
        dataset = need("pyarrow.dataset", "partition_cols")
        names = self.options.partitions
        stem = os.path.basename(path).partition(".")[0]
        given = {"compression": self.options.compression or "none"}
        given |= self.options.write_options
        del given[PARTITIONS]
        group = given.pop("row_group_size", None)
        form = dataset.ParquetFileFormat()

        try:
            how = form.make_write_options(**given)
        except TypeError as error:
            raise TypeError(f"{error} is no {OPTION}") from None

        if not table.num_rows:  # no partition tells which columns there are
            writer = need("pyarrow.parquet", "partition_cols")
            writer.write_table(table, os.path.join(draft, f"{stem}{self.suffix}"))
            return

        for name in names:  # a category is its value, which is the name of a folder
            at = table.column_names.index(name)
            kind = table.schema.field(at).type

            if hasattr(kind, "value_type"):
                column = table.column(at).cast(kind.value_type)
                table = table.set_column(at, name, column)

        dataset.write_dataset(
            table,
            draft,
            format=form,
            file_options=how,
            partitioning=dataset.partitioning(
                table.select(names).schema, flavor="hive"
            ),
            basename_template=f"{stem}-{{i}}{self.suffix}",
            existing_data_behavior="overwrite_or_ignore",
            max_partitions=MOST,
            **({} if group is None else {"max_rows_per_group": group}),
        )

    def _stage_folder(
        self, fill: Callable[[str], None], path: str, name: str
    ) -> StoredValue:
        if os.path.lexists(self.path) and not os.path.isdir(self.path):
            raise DataNodeWritingError(
                f"data node {name!r} at {self.path} cannot be written: it is no folder, "
                "and partition_cols make one: move it away, or give another path"
            )

        draft = self._draft(path)
        note_staged(path, name)

        try:
            if self.makes_folder:
                os.makedirs(os.path.dirname(draft), exist_ok=True)

            self._try(fill, draft, name)
            sync_all(draft)
            return f"{draft}#{os.stat(draft).st_ino}"
        except BaseException as error:
            self.discard(None, path)

            if isinstance(error, OSError):
                raise unwritable(error, self.path, name) from error

            raise

    def _try(self, fill: Callable[[str], None], draft: str, name: str) -> None:
        try:
            fill(draft)
        except DataNodeWritingError as error:
            raise DataNodeWritingError(f"data node {name!r}: {error}") from error
        except (KeyError, TypeError, ValueError, NotImplementedError) as error:
            raise _options.unknown_option(error, name) or DataNodeWritingError(
                f"data node {name!r}: Parquet cannot hold the value ({error}): have the "
                "columns that are there, and one type in each"
            ) from error

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


def _typed(before: Any, more: Any, partitions: Sequence[str]) -> Any:
    """Return rows with the types of the columns that are there: but partitions, which are
    names of folders.
    """
    for name in {*partitions}.intersection(before.column_names, more.column_names):
        at = before.column_names.index(name)
        before = before.set_column(at, more.schema.field(name), more.column(name)[:0])

    return joined(before, more)
