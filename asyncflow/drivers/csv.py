"""The ``csv`` storage type."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, BinaryIO, ClassVar

import attrs

from asyncflow.abc import StoredValue
from asyncflow.drivers import _exposed, _options
from asyncflow.drivers._csv_libraries import marked_off, reader, reader_of, writer
from asyncflow.drivers._csv_options import CSVOptions as CSVOptions
from asyncflow.drivers._csv_rows import header_of, is_blank, to_append
from asyncflow.drivers._previews import RowFileDriver
from asyncflow.selection import preview
from asyncflow.worker.errors import DataNodeWritingError
from asyncflow.worker.replacing import COPIED, check_packed, copy

if TYPE_CHECKING:
    from asyncflow.filters import Where
    from asyncflow.selection import Preview

MARKED = frozenset({"utf-16", "utf-32"})
"""Encodings that begin a text with a mark, which cannot stand in its middle."""

COUNTED = 1 << 18
"""In how many letters behind the rows of a preview further ones are counted."""

HEADERS = frozenset({"header", "include_header"})
"""The options of libraries that say what the header of a file is."""

LIBRARIES = frozenset({"polars", "pyarrow"})
"""Whose errors tell what CSV cannot hold."""


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

            load = reader(_exposed.library(exposed))

            try:
                table = load(opened, options)
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
                write = writer(_exposed.library(self.options.exposed_type))
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

        self.check_place(name)

        with self.reading(old):
            if is_blank(old, self.options.encoding):  # as `write([])` leaves it
                return self.write(value, path, name)

        if codecs.lookup(self.options.encoding).name in MARKED:
            raise DataNodeWritingError(
                f"data node {name!r}: nothing can be appended in "
                f"{self.options.encoding!r}: use 'utf-8', or {self.options.encoding}-le"
            )

        rows = self._in_order(value, old, name)
        without_mark = self.options.encoding

        if codecs.lookup(without_mark).name == "utf-8-sig":
            without_mark = "utf-8"

        given = {
            option: how
            for option, how in self.options.write_options.items()
            if option not in HEADERS
        }
        options = attrs.evolve(self.options, encoding=without_mark, write_options=given)
        other = CSVDriver(options=options)

        def both(file: BinaryIO) -> None:
            copy(old, file)
            end_line(old, file, self.options.encoding)
            other._dump(rows, file, name, has_header=False)

        return self.stage(both, path, name)

    def _in_order(self, value: object, old: str, name: str) -> object:
        """Return rows with their columns as those of the file that they are added to."""
        if isinstance(value, str | bytes) or not self.options.has_header:
            return value

        with self.reading(old):
            encoding = marked_off(self.options.encoding)

            with open(old, encoding=encoding, newline="") as file:
                names = header_of(file, self.options.write_options)

        def written(table: object) -> list[str]:
            """Return the header that a table would have in a file of its own."""
            with io.BytesIO() as memory:
                self._dump(table, memory, name, has_header=True)
                text = memory.getvalue().decode(self.options.encoding)

            return header_of(io.StringIO(text, newline=""), self.options.write_options)

        try:
            library = _exposed.library(self.options.exposed_type)
            return to_append(value, library, names, written)
        except DataNodeWritingError as error:
            if str(error).startswith("data node "):
                raise

            raise DataNodeWritingError(f"data node {name!r}: {error}") from error


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
