"""The ``csv`` storage type."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

import attrs

from asyncflow.abc import StoredValue
from asyncflow.drivers import _exposed, _options
from asyncflow.drivers._libraries import (
    as_table,
    check_header,
    columns_in,
    need,
    rows_of,
)
from asyncflow.drivers._objects import columns_of
from asyncflow.drivers._polars_types import read_guessing
from asyncflow.drivers._previews import RowFileDriver
from asyncflow.selection import library_of, preview
from asyncflow.worker.errors import DataNodeWritingError
from asyncflow.worker.replacing import COPIED, check_packed, copy

if TYPE_CHECKING:
    from asyncflow.filters import Where
    from asyncflow.selection import Preview

MARKED = frozenset({"utf-16", "utf-32"})
"""Encodings that begin a text with a mark, which cannot stand in its middle."""

COUNTED = 1 << 18
"""In how many letters behind the rows of a preview further ones are counted."""

LIBRARIES = frozenset({"polars", "pyarrow"})
"""Whose errors tell what CSV cannot hold."""

LONGEST = 2**31 - 1
"""How many letters a cell may have."""


@attrs.frozen(kw_only=True)
class CSVOptions(_options.TableOptions):
    """What a data node of this storage type takes."""

    encoding: str = _options.encoding()
    has_header: bool = _options.flag(True)

    def unused(self) -> Iterator[str]:
        """Say which options have no effect; see `docs/write-a-driver.md`."""
        if self.exposed_type in ("bytes", "str"):
            for name in ("read_options", "write_options"):
                if getattr(self, name):
                    yield f"{name} are for tables, and exposed_type is the text itself"


class CSVDriver(RowFileDriver):
    """Keep tables as text: what types their columns have is not kept."""

    storage_type: ClassVar[str] = "csv"
    suffix: ClassVar[str] = ".csv"
    extra: ClassVar[str | None] = "pandas"
    Options: ClassVar[type[CSVOptions]] = CSVOptions
    appends: ClassVar[bool] = True
    options: CSVOptions = CSVOptions()

    @classmethod
    def needs(cls, options: CSVOptions | None) -> dict[str, str | None]:
        return _exposed.needs((options or CSVOptions()).exposed_type)

    # -------------------------------------------------------------------------- reading

    def load(
        self,
        file: str | BinaryIO,
        columns: Sequence[str] | None = None,
        where: Where | None = None,
    ) -> object:
        options, exposed = self.options, self.options.exposed_type

        with self.open(file) as opened:
            if exposed == "bytes":
                return self.select(opened.read(), columns, where)

            if exposed == "str":
                text = opened.read().decode(options.encoding)
                return self.select(text, columns, where)

            read = _READ.get(_exposed.library(exposed), _read_plain)

            try:
                table = read(opened, options)
            except Exception:  # each library has its own
                if isinstance(file, str):
                    check_encoding(file, options.encoding)

                raise

        return _exposed.expose(
            table,
            exposed,
            columns,
            where,
            are_texts=True,
            are_named=options.has_header,
        )

    def first_rows(self, file: str | BinaryIO, rows: int) -> Preview:
        options = self.options

        if options.exposed_type in ("bytes", "str") or options.read_options:
            return preview(self.load(file), rows)

        with self.open(file) as opened:
            head, more = head_of(opened, rows + options.has_header, options.encoding)

        shown = preview(self.load(io.BytesIO(head)), rows)
        total = None if more is None or shown.total is None else shown.total + more
        return shown._replace(total=total)

    # -------------------------------------------------------------------------- writing

    def dump(self, value: object, file: BinaryIO, name: str) -> None:
        self._dump(value, file, name, has_header=self.options.has_header)

    def _dump(
        self, value: object, file: BinaryIO, name: str, *, has_header: bool
    ) -> None:
        if type(value) is not bytes and "compression" not in self.options.write_options:
            check_packed(self.path or self.address, name)

        try:
            if isinstance(value, bytes):
                file.write(value)
            elif isinstance(value, str):
                file.write(value.encode(self.options.encoding))
            else:
                library = _exposed.library(self.options.exposed_type)
                write = _WRITE.get(library, _write_plain)
                write(value, file, self.options, has_header)
        except (DataNodeWritingError, UnicodeEncodeError) as error:
            raise DataNodeWritingError(f"data node {name!r}: {error}") from error
        except TypeError as error:
            raise _options.unknown_option(error, name) or error from None
        except Exception as error:  # each library has its own
            if type(error).__module__.partition(".")[0] not in LIBRARIES:
                raise

            why = str(error).partition("\n")[0]
            raise DataNodeWritingError(
                f"data node {name!r}: CSV cannot hold the value ({why}): write text"
            ) from error

    def append(
        self, value: object, kept: StoredValue, path: str, name: str
    ) -> StoredValue:
        old = self.file_before(kept)

        if old is None:
            return self.write(value, path, name)

        if codecs.lookup(self.options.encoding).name in MARKED:
            raise DataNodeWritingError(
                f"data node {name!r}: nothing can be appended in "
                f"{self.options.encoding!r}: use 'utf-8', or {self.options.encoding}-le"
            )

        self.check_place(name)

        with self.reading(old):
            rows = self._in_order(value, old, name)

        without_mark = self.options.encoding

        if codecs.lookup(without_mark).name == "utf-8-sig":
            without_mark = "utf-8"

        other = CSVDriver(options=attrs.evolve(self.options, encoding=without_mark))

        def both(file: BinaryIO) -> None:
            copy(old, file)
            end_line(old, file, self.options.encoding)
            other._dump(rows, file, name, has_header=False)

        return self.stage(both, path, name)

    def _in_order(self, value: object, old: str, name: str) -> object:
        """Return rows with their columns as those of the file that they are added to."""
        if not self.options.has_header or isinstance(value, str | bytes):
            return value

        with open(old, encoding=self.options.encoding, newline="") as file:
            names = next(reader_of(file), None)

        if names is None:  # an empty file
            raise DataNodeWritingError(
                f"data node {name!r}: its file {old} has no header: write to it first"
            )

        if names_of(value) == names:
            return value

        columns = columns_of(rows_of(value))

        is_named = isinstance(value, Mapping) or names_of(value) is not None

        if not is_named and [*columns] == [*map(str, range(len(names)))]:
            return dict(zip(names, columns.values(), strict=True))

        if columns and columns.keys() != {*names}:
            raise DataNodeWritingError(
                f"data node {name!r}: the columns {', '.join(columns)} cannot be "
                f"appended to {', '.join(names)}: have the same ones"
            )

        return {name: columns[name] for name in names} if columns else []


def names_of(value: Any) -> list[str] | None:
    """Return the names of a table's columns; None where no library has made it."""
    found = getattr(value, "column_names", getattr(value, "columns", None))
    return [*map(str, found)] if library_of(value) and found is not None else None


def reader_of(lines: Iterable[str], **given: Any) -> Iterator[list[str]]:
    """Return what reads rows, also with cells that are longer than Python's limit."""
    csv.field_size_limit(LONGEST)
    return csv.reader(lines, **given)


def head_of(file: BinaryIO, rows: int, encoding: str) -> tuple[bytes, int | None]:
    """Return the text of the first rows of a file, and how many rows come then; None
    where these are too many to be counted.
    """
    with io.TextIOWrapper(file, encoding=encoding, newline="") as text:
        taken: list[str] = []

        def lines() -> Iterator[str]:
            for line in text:
                taken.append(line)
                yield line

        found = reader_of(lines())

        while rows > 0 and (row := next(found, None)) is not None:
            rows -= bool(row)

        head, left, more = "".join(taken).encode(encoding), COUNTED, 0
        taken.clear()

        for row in found:
            more += 1
            left -= sum(map(len, taken))
            taken.clear()

            if left < 0 or not row:  # libraries differ in what an empty line is
                return head, None

        return head, more


def check_encoding(path: str, encoding: str) -> None:
    """Raise what tells that a file is no text of an encoding, where it is not."""
    with open(path, encoding=encoding) as file:
        while file.read(COPIED):
            pass


def end_line(path: str, file: BinaryIO, encoding: str) -> None:
    """End the last line of a copied file, if it has none yet."""
    with open(path, "rb") as old:
        tail = old.seek(0, io.SEEK_END)
        old.seek(max(0, tail - 8))
        end = old.read()

    if end and not end.rstrip(b"\0").endswith((b"\n", b"\r")):
        file.write("\n".encode(encoding.removesuffix("-sig")))


# --------------------------------------------------------------------- each library


def _read_pandas(file: BinaryIO, options: CSVOptions) -> Any:
    pandas = need("pandas", "exposed_type 'pandas'")
    given: dict[str, Any] = {
        "encoding": options.encoding,
        "header": "infer" if options.has_header else None,
        **options.read_options,
    }

    try:
        return pandas.read_csv(file, **given)
    except pandas.errors.EmptyDataError:
        return pandas.DataFrame()


def _read_polars(file: BinaryIO, options: CSVOptions) -> Any:
    polars = need("polars", "exposed_type 'polars'")
    data = file.read()

    if codecs.lookup(options.encoding).name != "utf-8":
        data = data.decode(options.encoding).encode()

    given: dict[str, Any] = {
        "has_header": options.has_header,
        "try_parse_dates": True,
        "raise_if_empty": False,
        **options.read_options,
    }

    def read(more: dict[str, Any]) -> Any:
        if "infer_schema_length" in given:
            return polars.read_csv(data, **given, **more)

        return read_guessing(polars, data, {**given, **more})

    found = read({})

    if found.width == 1 and "null_values" not in given:
        only = found.to_series()

        if only.dtype == polars.String and (only == "").any():  # see `_write_polars`
            found = read({"null_values": ""})

    if any("\ufffd" in name for name in found.columns):  # as it makes of what is wrong
        data.decode()

    return found


def _read_arrow(file: BinaryIO, options: CSVOptions) -> Any:
    reader = need("pyarrow.csv", "exposed_type 'arrow'")

    if file.seek(0, io.SEEK_END) == 0:
        return need("pyarrow", "exposed_type 'arrow'").table({})

    file.seek(0)
    given: dict[str, Any] = {
        "read_options": reader.ReadOptions(
            encoding=options.encoding,
            autogenerate_column_names=not options.has_header,
        ),
        "convert_options": reader.ConvertOptions(strings_can_be_null=True),
        **options.read_options,
    }
    table = reader.read_csv(file, **given)

    for field in table.schema:  # it takes what is no text for bytes, in silence
        if str(field.type) == "binary" and not options.read_options:
            raise UnicodeError(f"column {field.name!r} is no {options.encoding}")

    return table


def _read_plain(file: BinaryIO, options: CSVOptions) -> Any:
    with io.TextIOWrapper(file, encoding=options.encoding, newline="") as text:
        lines = [*reader_of(text, strict=True, **options.read_options)]

    if not lines:
        return []

    names = lines.pop(0) if options.has_header else [*map(str, range(len(lines[0])))]
    check_header(names)

    if not any(lines):
        return {name: [] for name in names}

    return [dict(zip(names, cells, strict=True)) for cells in lines if cells]


def _write_pandas(
    value: object, file: BinaryIO, options: CSVOptions, has_header: bool
) -> None:
    frame = as_table(value, "pandas")
    given: dict[str, Any] = {
        "index": False,
        "header": has_header,
        "encoding": options.encoding,
        **options.write_options,
    }
    frame.to_csv(file, mode="wb", **given)


def _write_polars(
    value: object, file: BinaryIO, options: CSVOptions, has_header: bool
) -> None:
    frame = as_table(value, "polars")
    given = {"include_header": has_header, **options.write_options}

    if (
        frame.width == 1
    ):  # else what is missing is an empty line, which others leave out
        given = {"null_value": '""', **given}

    if codecs.lookup(options.encoding).name == "utf-8":
        frame.write_csv(file, **given)
    else:
        file.write(frame.write_csv(**given).encode(options.encoding))


def _write_arrow(
    value: object, file: BinaryIO, options: CSVOptions, has_header: bool
) -> None:
    table = as_table(value, "pyarrow")

    if table.num_columns == 1 and table.column(0).null_count:  # see `_write_polars`
        _write_plain(table, file, options, has_header)
        return

    writer = need("pyarrow.csv", "exposed_type 'arrow'")
    how = writer.WriteOptions(include_header=has_header, **options.write_options)

    if codecs.lookup(options.encoding).name == "utf-8":
        writer.write_csv(table, file, how)
        return

    with io.BytesIO() as memory:
        writer.write_csv(table, memory, how)
        file.write(memory.getvalue().decode().encode(options.encoding))


def _write_plain(
    value: object, file: BinaryIO, options: CSVOptions, has_header: bool
) -> None:
    columns = columns_in(value)
    lines: Iterable[Any] = zip(*columns.values(), strict=True)
    text = io.TextIOWrapper(file, encoding=options.encoding, newline="")

    try:
        writer = csv.writer(text, lineterminator="\n", **options.write_options)

        if has_header and columns:
            writer.writerow(columns)

        writer.writerows(lines)
    finally:
        text.detach()


_READ = {"pandas": _read_pandas, "polars": _read_polars, "pyarrow": _read_arrow}
_WRITE = {"pandas": _write_pandas, "polars": _write_polars, "pyarrow": _write_arrow}
