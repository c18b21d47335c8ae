"""Tables in files of Parquet, in folders of them, and in what a pattern names."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from asyncflow.abc import StoredValue
from asyncflow.arrow_conditions import arrow_expression
from asyncflow.column_names import Known
from asyncflow.drivers import _exposed
from asyncflow.drivers._joining import check_partitions, columns_of, joined
from asyncflow.drivers._libraries import EXTRAS, as_table, need, zones_counting
from asyncflow.drivers._parquet_files import (
    check_objects,
    dataset_at,
    dataset_of,
    first_in,
    has_files,
    hash_of,
    index_of,
    is_several,
    refusal,
    stats_of,
)
from asyncflow.drivers._parquet_options import PARTITIONS, ParquetOptions
from asyncflow.drivers._partition_files import OTHER_COLUMNS, telling
from asyncflow.drivers._previews import RowFileDriver
from asyncflow.selection import polars_expression, preview
from asyncflow.worker.errors import DataNodeWritingError
from asyncflow.worker.replacing import check_kind, check_packed, sync_folder

if TYPE_CHECKING:
    from asyncflow.filters import Where
    from asyncflow.selection import Preview

AHEAD = 2
"""How many batches are read ahead: memory is worth more than a little time."""

PARTS = frozenset({"columns", "filters"})
"""What pandas has no need to be asked for: the options of a part of a file."""


class ParquetFiles(RowFileDriver):
    """Keep tables with the types of their columns. A path may be a folder, too, of which
    partitions are columns, or a pattern: these are read, and a folder is appended to.
    """

    storage_type: ClassVar[str] = "parquet"
    suffix: ClassVar[str] = ".parquet"
    extra: ClassVar[str | None] = "parquet"
    Options: ClassVar[type[ParquetOptions]] = ParquetOptions
    appends: ClassVar[bool] = True
    reads_parts: ClassVar[bool] = True
    options: ParquetOptions = ParquetOptions()

    @classmethod
    def needs(cls, options: ParquetOptions | None) -> dict[str, str | None]:
        given = options or ParquetOptions()
        own: dict[str, str | None] = {"pyarrow": EXTRAS["pyarrow"]}
        is_alone = given.exposed_type == "polars" and not given.partitions
        return _exposed.needs(given.exposed_type) | ({} if is_alone else own)

    def exists(self) -> bool:
        return super().exists() or bool(self._matches())

    def fingerprint(self) -> str | None:
        if self.path is None or os.path.isfile(self.path):
            return super().fingerprint()

        found = [
            (file, stat.st_size, stat.st_mtime_ns, stat.st_ino)
            for file, stat in self._stats()
        ]
        return f"{len(found)}-{hash_of(found)}" if found else None

    def changed_ns(self) -> int | None:
        if self.path is None or os.path.isfile(self.path):
            return super().changed_ns()

        folders = [folder for folder, _, _ in os.walk(self.path)]  # a file may be gone
        stats = [*self._stats(), *stats_of(folders)]
        return max((stat.st_ctime_ns for _, stat in stats), default=None)

    def _stats(self) -> list[tuple[str, os.stat_result]]:
        """Look at all files of a folder or a pattern, in their order."""
        assert self.path is not None
        files = self._matches() or [
            os.path.join(folder, name)
            for folder, _, names in os.walk(self.path)
            for name in names
        ]
        return stats_of(sorted(files))

    def _check_parts(self, path: str) -> None:
        """Refuse a folder or a pattern where one of its files is none."""
        if path == self.path and not os.path.isfile(path):
            for file, _ in self._stats():
                check_kind(file)

    def _matches(self) -> list[str]:
        """Return the files that the path is a pattern of; none for another path."""
        if self.path is None or not glob.has_magic(self.path):
            return []

        return [] if os.path.exists(self.path) else sorted(glob.glob(self.path))

    # -------------------------------------------------------------------------- reading

    def parsed_size(self, kept: StoredValue) -> int | None:
        if self.path is None or os.path.isfile(self.path):
            return super().parsed_size(kept)

        return sum(stat.st_size for _, stat in self._stats())

    def file_of(self, kept: StoredValue) -> str | bytes | None:
        if self.path is not None and os.path.isdir(self.path):
            return self.path

        return None if self._matches() else super().file_of(kept)

    def load(
        self,
        file: str | BinaryIO,
        columns: Sequence[str] | None = None,
        where: Where | None = None,
    ) -> object:
        exposed, given = self.options.exposed_type, self.options.read_options

        if exposed in ("bytes", "str"):
            raise ValueError(f"exposed_type {exposed!r}: Parquet is no text")

        source: Any = file

        if isinstance(file, str) and file == self.path:
            source = self._matches() or file

            if not source or (isinstance(source, str) and not os.path.exists(source)):
                raise FileNotFoundError(file)

            self._check_parts(file)

        if exposed == "polars":
            return self._read_polars(source, columns, where)

        if exposed == "pandas" and not given.keys() <= PARTS:
            return self._read_pandas(source, columns, where)

        table = self._read_arrow(dataset_of(source), source, columns, where)
        return _exposed.expose(table, _exposed.of_part(exposed, columns))

    def first_rows(self, file: str | BinaryIO, rows: int) -> Preview:
        """Return the first rows, of which no more than these are read."""
        exposed, given = self.options.exposed_type, self.options.read_options
        source: Any = file

        if isinstance(file, str):
            source = (file == self.path and self._matches()) or file
            self._check_parts(file)

            if not (isinstance(source, list) or has_files(source)):
                return preview(self.load(file), rows)

            if exposed == "polars":
                return self._first_of_polars(source, rows)

        if given:
            return preview(self.load(file), rows)

        if isinstance(source, list) or (
            isinstance(source, str) and os.path.isdir(source)
        ):
            return self._first_of(dataset_of(source), rows)

        head, total = first_in(source, rows)
        return self._shown(head, rows, total)

    def _first_of_polars(self, source: Any, rows: int) -> Preview:
        polars = need("polars", "exposed_type 'polars'")

        try:
            frame = self._scan_polars(source, None, None)
            total = frame.select(polars.len()).collect().item()
            head = frame.head(rows).collect()
        except polars.exceptions.PanicException:  # see `_read_polars`
            head = self._read_polars(source, None, None)
            total = head.height

        return preview(head, rows)._replace(total=total)

    def preview_folder(
        self, files: Any, names: list[str], folder: str, rows: int
    ) -> Preview:
        """Return the first rows of what `load_folder` reads."""
        return self._first_of(dataset_at(files, names, folder), rows)

    def _first_of(self, found: Any, rows: int) -> Preview:
        head = found.head(rows, batch_size=max(rows, 1), batch_readahead=0)
        return self._shown(head, rows, found.count_rows())

    def _shown(self, head: Any, rows: int, total: int) -> Preview:
        shown = preview(_exposed.expose(head, self.options.exposed_type), rows)
        return shown._replace(total=total)

    def load_folder(
        self,
        files: Any,
        names: list[str],
        folder: str,
        columns: Sequence[str] | None = None,
        where: Where | None = None,
    ) -> object:
        """Read several files of a file system of fsspec.

        :param folder: what they are all in, of which the path tells no partitions; ``""``
            for none
        """
        found = dataset_at(files, names, folder)
        table = self._read_arrow(found, names, columns, where)
        exposed = _exposed.of_part(self.options.exposed_type, columns)
        return _exposed.expose(table, exposed)

    def _read_arrow(
        self,
        found: Any,
        source: Any,
        columns: Sequence[str] | None,
        where: Where | None,
    ) -> Any:
        known = self._known(found.schema)
        columns, where = known.columns(columns), known.where(where)
        given: dict[str, Any] = {"batch_readahead": AHEAD, "fragment_readahead": 1}

        if isinstance(source, str | list):
            # Else whole columns are held, beside what is made of them.
            dataset = need("pyarrow.dataset", "the storage type 'parquet'")
            how = dataset.ParquetFragmentScanOptions(pre_buffer=False)
            given["fragment_scan_options"] = how

        try:
            return self._to_table(found, given, columns, where)
        except (ArithmeticError, NotImplementedError, TypeError, ValueError) as error:
            raise self._refusal(found, error, where) from error

    def _refusal(self, source: Any, error: Exception, where: Where | None) -> Exception:
        return refusal(source, error, where, self.options.read_options)

    def _to_table(
        self,
        found: Any,
        given: dict[str, Any],
        columns: Sequence[str] | None,
        where: Where | None,
    ) -> Any:
        given |= self.options.for_arrow()
        wanted, rows = given.pop("columns", None), given.pop("filter", None)
        wanted = wanted if columns is None else columns

        if wanted is not None and not isinstance(wanted, dict):
            wanted = [*wanted, *index_of(found.schema, wanted)]

        if where is not None:
            more = arrow_expression(where, found)
            rows = more if rows is None else rows & more

        return found.to_table(columns=wanted, filter=rows, **given)

    def _known(self, schema: Any) -> Known:
        """Return the columns that there are, as a value has them."""
        has_index = _exposed.library(self.options.exposed_type) == "pandas"
        index = index_of(schema, ()) if has_index else []
        return Known((name for name in schema.names if name not in index), index)

    def _read_pandas(
        self, source: Any, columns: Sequence[str] | None, where: Where | None
    ) -> Any:
        pandas = need("pandas", "exposed_type 'pandas'")
        found = dataset_of(source)
        known = self._known(found.schema)
        columns, where = known.columns(columns), known.where(where)
        rows = None if where is None else arrow_expression(where, found)
        given: dict[str, Any] = {
            "engine": self.options.engine,
            "columns": columns,
            "filters": rows,
            **self.options.read_options,
        }
        return pandas.read_parquet(source, **given)

    def _read_polars(
        self, source: Any, columns: Sequence[str] | None, where: Where | None
    ) -> Any:
        polars = need("polars", "exposed_type 'polars'")

        try:
            frame = self._scan_polars(source, columns, where)

            try:
                return frame.collect()
            except polars.exceptions.PolarsError as error:
                many = source if is_several(source) else None
                raise self._refusal(many, error, where) from error
        except polars.exceptions.PanicException as error:  # which is no `Exception`
            if not self.options.read_options.keys() <= {"columns"}:
                raise ValueError(str(error)) from error

        # Times with a fixed offset, as pandas may have written them.
        return as_table(
            self._read_arrow(dataset_of(source), source, columns, where), "polars"
        )

    def _scan_polars(
        self, source: Any, columns: Sequence[str] | None, where: Where | None
    ) -> Any:
        polars = need("polars", "exposed_type 'polars'")

        if isinstance(source, str) and not has_files(source):
            empty = _exposed.expose(polars.DataFrame(), "polars", columns, where)
            return empty.lazy()

        given: dict[str, Any] = {"hive_partitioning": None, **self.options.read_options}
        wanted = given.pop("columns", None)
        columns = wanted if columns is None else columns
        frame = polars.scan_parquet(source, **given)
        known = Known(frame.collect_schema().names())
        columns, where = known.columns(columns), known.where(where)

        if where is not None:
            try:
                frame = frame.filter(polars_expression(frame, where))
            except (ArithmeticError, TypeError, ValueError) as error:  # of its value
                raise self._refusal(None, error, where) from error

        return frame if columns is None else frame.select(columns)

    # -------------------------------------------------------------------------- writing

    def dump(self, value: object, file: BinaryIO, name: str) -> None:
        check_packed(self.path or self.address, name)

        with telling(name, "have one type in each column"):
            if self.options.partitions:
                raise DataNodeWritingError(f"{PARTITIONS} make a folder: give its path")

            self._dump(value, file)

    def _dump(self, value: object, file: BinaryIO) -> None:
        options = self.options
        given = options.write_options

        if options.exposed_type == "polars":
            how = options.compression or "none"
            how = "uncompressed" if how == "none" else how
            frame = as_table(value, "polars")
            check_objects(frame)
            frame.write_parquet(file, **{"compression": how, **given})
            return

        if given and options.exposed_type in ("pandas", "numpy"):
            frame = as_table(value, "pandas")
            how = options.compression or "none"

            with zones_counting():
                frame.to_parquet(
                    file, **{"engine": options.engine, "compression": how, **given}
                )

            return

        writer = need("pyarrow.parquet", "the storage type 'parquet'")
        how = options.compression or "none"
        writer.write_table(
            as_table(value, "pyarrow"), file, **{"compression": how, **given}
        )

    def stage(
        self, write: Callable[[BinaryIO], object], path: str, name: str
    ) -> StoredValue:
        self._check_file(name)
        return super().stage(write, path, name)

    def check_place(self, name: str) -> None:
        if self.path is not None and not os.path.isdir(self.path):
            super().check_place(name)

    def _check_file(self, name: str) -> None:
        if self.path is None:
            return

        what = "a folder" if os.path.isdir(self.path) else ""
        what = "a pattern" if self._is_pattern() else what

        if what:
            raise DataNodeWritingError(
                f"data node {name!r}: {self.path} is {what}, which is read and not "
                "replaced: append to a folder, or give the path of a file; a folder is "
                "replaced where write_options has partition_cols"
            )

    def _is_pattern(self) -> bool:
        """Tell whether the path is a pattern: one of a file may have brackets."""
        path = self.path or ""
        is_free = not os.path.exists(path) and ("*" in path or "?" in path)
        return is_free or bool(self._matches())

    def append(
        self, value: object, kept: StoredValue, path: str, name: str
    ) -> StoredValue:
        if self.path is not None and os.path.isdir(self.path):
            self._check_columns(self.path, value, name)
            return super().stage(lambda file: self.dump(value, file, name), path, name)

        self._check_file(name)
        old = self.file_before(kept)

        if old is None:
            return self.write(value, path, name)

        reader = need("pyarrow.parquet", "appending to Parquet")

        with self.reading(old):
            before = reader.read_table(old)

        with telling(name, "have one type in each column"):
            more = as_table(value, "pyarrow")

        try:
            both = joined(before, more)
        except (KeyError, TypeError, ValueError, NotImplementedError) as error:
            raise DataNodeWritingError(
                f"data node {name!r}: the columns {', '.join(more.column_names)} cannot "
                f"be appended ({error}): have those that are there"
            ) from error

        return self.write(both, path, name)

    def _check_columns(self, folder: str, value: object, name: str) -> None:
        paths = [each for each, _, _ in os.walk(folder)]
        library = "polars" if self.options.exposed_type == "polars" else "pyarrow"

        with telling(name, OTHER_COLUMNS):
            check_partitions(folder, paths, columns_of(value, library))

    def publish(self, kept: StoredValue, path: str) -> StoredValue:
        if self.path is None or not os.path.isdir(self.path):
            return super().publish(kept, path)

        assert isinstance(kept, str)
        name = os.path.splitext(os.path.basename(path))[0] + self.suffix
        os.replace(kept, os.path.join(self.path, name))
        sync_folder(self.path)
        self._forget(path)
        return None
