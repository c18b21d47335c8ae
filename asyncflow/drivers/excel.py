"""The ``excel`` storage type."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

import attrs

from asyncflow.drivers import _exposed, _options
from asyncflow.drivers._file import FileDriver
from asyncflow.drivers._libraries import EXTRAS, as_table, need, rows_of
from asyncflow.drivers._objects import columns_of, is_columns
from asyncflow.worker.errors import DataNodeReadingError, DataNodeWritingError

if TYPE_CHECKING:
    from asyncflow.filters import Where

SHEET = "Sheet1"
"""How the sheet is called of a table for which no name is given."""


def _names(given: Any) -> Any:
    return list(given) if isinstance(given, tuple) else given


def _are_names(_: object, __: object, value: Any) -> None:
    names = value if isinstance(value, list) else [value]
    is_right = value is None or (names and all(isinstance(one, str) for one in names))

    if not is_right:
        raise ValueError(f"{value!r} is neither a sheet's name nor a list of names")


@attrs.frozen(kw_only=True)
class ExcelOptions(_options.TableOptions):
    """What a data node of this storage type takes."""

    has_header: bool = _options.flag(True)
    sheet_name: str | list[str] | None = attrs.field(
        default=None,
        converter=_names,
        validator=_are_names,
        metadata={"remedy": "give a name, a list of names, or None for all sheets"},
    )


class ExcelDriver(FileDriver):
    """Keep tables in the sheets of a workbook (.xlsx)."""

    storage_type: ClassVar[str] = "excel"
    suffix: ClassVar[str] = ".xlsx"
    extra: ClassVar[str | None] = "excel"
    Options: ClassVar[type[ExcelOptions]] = ExcelOptions
    options: ExcelOptions = ExcelOptions()

    @classmethod
    def needs(cls, options: ExcelOptions | None) -> dict[str, str | None]:
        own = {name: EXTRAS[name] for name in ("python_calamine", "xlsxwriter")}
        return {**_exposed.needs((options or ExcelOptions()).exposed_type), **own}

    # -------------------------------------------------------------------------- reading

    def load(
        self,
        file: str | BinaryIO,
        columns: Sequence[str] | None = None,
        where: Where | None = None,
    ) -> object:
        calamine = need("python_calamine", "the storage type 'excel'")

        with self.open(file) as opened:
            book = calamine.CalamineWorkbook.from_filelike(opened)

            try:
                return self._sheets(book, opened, columns, where)
            finally:
                book.close()

    def _sheets(
        self,
        book: Any,
        file: BinaryIO,
        columns: Sequence[str] | None,
        where: Where | None,
    ) -> object:
        wanted = self.options.sheet_name
        names = book.sheet_names if wanted is None else wanted
        names = [names] if isinstance(names, str) else names

        for name in names:
            if name not in book.sheet_names:
                known = ", ".join(map(repr, book.sheet_names))
                raise DataNodeReadingError(
                    "", f"it has no sheet {name!r}", f"use one of {known}"
                )

        found = {name: self._sheet(book, file, name) for name in names}
        exposed = {
            name: _exposed.expose(
                table,
                self.options.exposed_type,
                columns,
                where,
                are_named=self.options.has_header,
            )
            for name, table in found.items()
        }
        return exposed[wanted] if isinstance(wanted, str) else exposed

    def _sheet(self, book: Any, file: BinaryIO, name: str) -> Any:
        options = self.options

        if _exposed.library(options.exposed_type) == "pandas":
            pandas = need("pandas", "exposed_type 'pandas'")
            file.seek(0)
            given: dict[str, Any] = {
                "header": 0 if options.has_header else None,
                **options.read_options,
            }
            return pandas.read_excel(file, sheet_name=name, engine="calamine", **given)

        lines = book.get_sheet_by_name(name).to_python(**options.read_options)
        lines = [[_cell(one) for one in line] for line in lines]

        if not lines:
            return []

        first = lines.pop(0) if options.has_header else range(len(lines[0]))
        names = [*map(str, first)]
        return [dict(zip(names, line, strict=True)) for line in lines]

    # -------------------------------------------------------------------------- writing

    def dump(self, value: object, file: BinaryIO, name: str) -> None:
        try:
            with BytesIO() as memory:  # it seeks, and is not closed where that fails
                self._dump(self._named(value), memory)
                data = memory.getvalue()
        except DataNodeWritingError as error:
            raise DataNodeWritingError(f"data node {name!r}: {error}") from error
        except (TypeError, ValueError) as error:
            raise DataNodeWritingError(
                f"data node {name!r}: a workbook cannot hold the value ({error})"
            ) from error
        except Exception as error:
            if type(error).__module__.partition(".")[0] != "xlsxwriter":
                raise

            raise DataNodeWritingError(f"data node {name!r}: {error}") from error

        file.write(data)

    def _named(self, value: Any) -> dict[str, Any]:
        """Return the tables of a value, by the names of their sheets."""
        wanted = self.options.sheet_name
        is_several = isinstance(value, dict) and not is_columns(value)
        sheets = value if is_several else None

        if sheets is None and (wanted is None or isinstance(wanted, str)):
            return {wanted or SHEET: value}

        if sheets is None and isinstance(wanted, list) and len(wanted) == 1:
            return {wanted[0]: value}

        names = [wanted] if isinstance(wanted, str) else wanted

        if sheets is None or (names is not None and {*sheets} != {*names}):
            has = "one table" if sheets is None else f"{', '.join(map(str, sheets))}"
            raise DataNodeWritingError(
                f"its sheets are {', '.join(names or ())}, and the value has {has}: "
                "return a dict of one table for each"
            )

        return {str(name): sheets[name] for name in names or sheets}

    def _dump(self, sheets: dict[str, Any], file: BinaryIO) -> None:
        if _exposed.library(self.options.exposed_type) == "pandas":
            self._dump_pandas(sheets, file)
            return

        writer = need("xlsxwriter", "the storage type 'excel'")
        given = {
            "default_date_format": "yyyy-mm-dd hh:mm:ss",
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "in_memory": True,  # files of its own would stay after a kill
            **self.options.write_options,
        }

        with writer.Workbook(file, given) as book:
            for name, table in sheets.items():
                columns = columns_of(rows_of(table))
                sheet = book.add_worksheet(name)

                for at, (title, cells) in enumerate(columns.items()):
                    first = [title] if self.options.has_header else []
                    sheet.write_column(0, at, [*first, *map(_kept, cells)])

    def _dump_pandas(self, sheets: dict[str, Any], file: BinaryIO) -> None:
        need("xlsxwriter", "the storage type 'excel'")
        pandas = need("pandas", "exposed_type 'pandas'")
        options = {"strings_to_formulas": False, "strings_to_urls": False}
        how = {"options": {**options, "in_memory": True}}
        given = {
            "index": False,
            "header": self.options.has_header,
            **self.options.write_options,
        }

        with pandas.ExcelWriter(file, engine="xlsxwriter", engine_kwargs=how) as book:
            for name, table in sheets.items():
                as_table(table, "pandas").to_excel(book, sheet_name=name, **given)


def _cell(value: Any) -> Any:
    """Return a cell as what was written: all numbers are floats there."""
    if value == "" and isinstance(value, str):
        return None

    if isinstance(value, float) and value.is_integer():
        return int(value)

    return value


def _kept(value: Any) -> Any:
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        raise DataNodeWritingError(
            "a cell has no time zone: write naive datetimes, or text"
        )

    return value if isinstance(value, _CELLS) else str(value)


_CELLS = (
    *(bool, int, float, str, type(None)),
    *(datetime.datetime, datetime.date, datetime.time, datetime.timedelta),
)
