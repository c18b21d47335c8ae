"""The ``excel`` storage type."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

import attrs

from asyncflow.abc import StoredValue
from asyncflow.drivers import _exposed, _options
from asyncflow.drivers._cells import (
    as_cell,
    check_frame,
    check_written,
    forget_cells,
    lines_of,
    pause_for,
    unify_dates,
)
from asyncflow.drivers._file import FileDriver
from asyncflow.drivers._libraries import (
    EXTRAS,
    as_table,
    check_header,
    columns_in,
    need,
)
from asyncflow.drivers._objects import is_columns
from asyncflow.worker.errors import DataNodeReadingError, DataNodeWritingError
from asyncflow.worker.replacing import check_packed

if TYPE_CHECKING:
    from asyncflow.filters import Where

SHEET = "Sheet1"
"""How the sheet is called of a table for which no name is given."""


OTHERS = frozenset({".ods", ".xls", ".xlsb", ".xlsm", ".xlt", ".xltm", ".xltx"})
"""How the names of workbooks end that have another form: these are read, not written."""


def _names(given: Any) -> Any:
    return list(given) if isinstance(given, tuple) else given


def _are_names(_: object, __: object, value: Any) -> None:
    names = value if isinstance(value, list) else [value]
    is_right = value is None or (names and all(isinstance(name, str) for name in names))

    if not is_right:
        raise ValueError(f"{value!r} is neither a sheet's name nor a list of names")


def _each(given: Any) -> Any:
    """Return the exposed types of the sheets: one for all, or one for each."""
    if isinstance(given, dict):
        return {name: _exposed.as_exposed(sheet) for name, sheet in given.items()}

    if isinstance(given, list | tuple):
        return [_exposed.as_exposed(sheet) for sheet in given]

    return _exposed.as_exposed(given)


@attrs.frozen(kw_only=True)
class ExcelOptions(_options.TableOptions):
    """What a data node of this storage type takes."""

    exposed_type: Any = attrs.field(
        default="pandas",
        converter=_each,
        metadata={
            "remedy": f"{_exposed.REMEDY}; or a dict of these by sheets, or a list of "
            "them, one for each of sheet_name"
        },
    )
    has_header: bool = _options.flag(True)
    sheet_name: str | list[str] | None = attrs.field(
        default=None,
        converter=_names,
        validator=_are_names,
        metadata={"remedy": "give a name, a list of names, or None for all sheets"},
    )

    def __attrs_post_init__(self) -> None:
        exposed, names = self.exposed_type, self.sheet_name
        many = names if isinstance(names, list) else []

        if isinstance(exposed, list) and len(exposed) != len(many):
            raise ValueError(
                f"exposed_type has {len(exposed)} types, sheet_name {len(many)} names: "
                "have one for each, or a dict"
            )

        if isinstance(exposed, dict) and many and not exposed.keys() <= {*many}:
            other = ", ".join(sorted(map(str, exposed.keys() - {*many})))
            raise ValueError(f"sheet_name has no {other}, which exposed_type has")

    def exposed_as(self, sheet: str) -> _exposed.Exposed:
        """Return what a sheet is when it is read."""
        found: Any = self.exposed_type

        if isinstance(found, list):
            assert isinstance(self.sheet_name, list)
            found = found[self.sheet_name.index(sheet)]
        elif isinstance(found, dict):
            found = found.get(sheet, "pandas")

        return found  # type: ignore[no-any-return]  # what `_each` has made

    @property
    def all_exposed(self) -> list[_exposed.Exposed]:
        """The exposed types of all sheets."""
        found: Any = self.exposed_type

        if isinstance(found, dict):
            names = self.sheet_name if isinstance(self.sheet_name, list) else None
            is_whole = names is not None and {*names} == found.keys()
            return [*found.values(), *([] if is_whole else ["pandas"])]

        return found if isinstance(found, list) else [found]


class _Asked(dict[str, Any]):
    """Options that know which of them a library has looked for: it takes any."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        super().__init__(given)
        self.names: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.names.add(name)
        return super().get(name, default)


class ExcelDriver(FileDriver):
    """Keep tables in the sheets of a workbook (.xlsx)."""

    storage_type: ClassVar[str] = "excel"
    suffix: ClassVar[str] = ".xlsx"
    extra: ClassVar[str | None] = "excel"
    Options: ClassVar[type[ExcelOptions]] = ExcelOptions
    appends: ClassVar[bool] = True
    parses_in_process: int = 1 << 20
    options: ExcelOptions = ExcelOptions()

    @classmethod
    def needs(cls, options: ExcelOptions | None) -> dict[str, str | None]:
        own: dict[str, str | None] = {
            name: EXTRAS[name] for name in ("python_calamine", "xlsxwriter")
        }

        for exposed in (options or ExcelOptions()).all_exposed:
            own.update(_exposed.needs(exposed))

        return own

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
                self.options.exposed_as(name),
                columns,
                where,
                are_named=self.options.has_header,
            )
            for name, table in found.items()
        }
        return exposed[wanted] if isinstance(wanted, str) else exposed

    def _sheet(self, book: Any, file: BinaryIO, name: str) -> Any:
        options = self.options

        if _exposed.library(options.exposed_as(name)) == "pandas":
            pandas = need("pandas", "exposed_type 'pandas'")
            file.seek(0)
            given: dict[str, Any] = {
                "header": 0 if options.has_header else None,
                **options.read_options,
            }
            return pandas.read_excel(file, sheet_name=name, engine="calamine", **given)

        lines = lines_of(book, name, **options.read_options)

        if not lines:
            return []

        first = lines.pop(0) if options.has_header else range(len(lines[0]))
        names = [*map(str, first)]
        check_header(names)

        if not lines:
            return {name: [] for name in names}

        unify_dates(lines)
        return [dict(zip(names, line, strict=True)) for line in lines]

    # -------------------------------------------------------------------------- writing

    def dump(self, value: object, file: BinaryIO, name: str) -> None:
        self._check_ending(name)
        check_packed(self.path or self.address, name)

        def write(memory: BinaryIO) -> None:
            sheets = self._named(value)

            with pause_for(sheets.values()):
                self._dump(sheets, memory)

        self._written(write, file, name)

    def _check_ending(self, name: str) -> None:
        """Refuse to write to a file whose name says that it has another form."""
        ending = os.path.splitext(self.path or self.address or "")[1]

        if ending.lower() in OTHERS:
            raise DataNodeWritingError(
                f"data node {name!r}: the name of its file ends in {ending!r}, and .xlsx is "
                "what is written: use a name that ends in .xlsx"
            )

    def append(
        self, value: object, kept: StoredValue, path: str, name: str
    ) -> StoredValue:
        self._check_ending(name)
        self.check_place(name)
        old = self.file_before(kept)

        if old is None:
            return self.write(value, path, name)

        with self.reading(old):
            lines = self._all_lines(old)

        def both(memory: BinaryIO) -> None:
            more = {sheet: [*rows] for sheet, rows in lines.items()}
            self._add(value, more)

            with pause_for(more.values()):
                self._dump_lines(more, memory)

        return self.stage(lambda file: self._written(both, file, name), path, name)

    def _all_lines(self, path: str) -> dict[str, list[Any]]:
        """Read all sheets, also those of which no value is read."""
        calamine = need("python_calamine", "the storage type 'excel'")

        with self.open(path) as file:
            book = calamine.CalamineWorkbook.from_filelike(file)

            try:
                return {name: lines_of(book, name) for name in book.sheet_names}
            finally:
                book.close()

    def _add(self, value: Any, lines: dict[str, list[Any]]) -> None:
        """Add the rows of a value to those of its sheets."""
        is_free = self.options.sheet_name is None and not self._are_sheets(value)

        if is_free and len(lines) == 1:
            sheets = {next(iter(lines)): value}  # the only one there is
        else:
            sheets = self._named(value)

        for name, table in sheets.items():
            columns = columns_in(table)
            there = lines.setdefault(name, [])

            if self.options.has_header and columns:
                if not there:
                    there.append([*columns])

                names = [*map(str, there[0])]

                if columns.keys() != {*names}:
                    raise DataNodeWritingError(
                        f"the columns {', '.join(columns)} cannot be appended to "
                        f"{', '.join(names)} of sheet {name!r}: have the same ones"
                    )

                columns = {name: columns[name] for name in names}

            there.extend(zip(*columns.values(), strict=True))

    def _written(
        self, write: Callable[[BinaryIO], object], file: BinaryIO, name: str
    ) -> None:
        """Write a workbook; tell what it cannot hold."""
        try:
            memory = BytesIO()  # what has failed may close its archive later, in there
            write(memory)
            data = memory.getvalue()
        except DataNodeWritingError as error:
            raise DataNodeWritingError(f"data node {name!r}: {error}") from error
        except (TypeError, ValueError, NotImplementedError) as error:
            raise _options.unknown_option(error, name) or DataNodeWritingError(
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
        sheets = value if self._are_sheets(value) else None

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

    def _are_sheets(self, value: Any) -> bool:
        """Tell whether a value has a table for each sheet, and is none itself."""
        if not isinstance(value, dict):
            return False

        if not is_columns(value):
            return True

        if not all(isinstance(row, dict) for rows in value.values() for row in rows):
            return False

        wanted = self.options.sheet_name
        return any(value.values()) or (
            isinstance(wanted, list) and {*wanted} == value.keys()
        )

    def _dump(self, sheets: dict[str, Any], file: BinaryIO) -> None:
        exposed = self.options.exposed_type

        if isinstance(exposed, str) and _exposed.library(exposed) == "pandas":
            self._dump_pandas(sheets, file)
            return

        lines: dict[str, list[Sequence[Any]]] = {}

        for name, table in sheets.items():
            columns = columns_in(table)
            first = [[*columns]] if self.options.has_header and columns else []
            lines[name] = [*first, *zip(*columns.values(), strict=True)]

        self._dump_lines(lines, file)

    def _dump_lines(
        self, lines: Mapping[str, Sequence[Sequence[Any]]], file: BinaryIO
    ) -> None:
        writer = need("xlsxwriter", "the storage type 'excel'")
        options = self.options
        exposed = options.exposed_type
        is_pandas = isinstance(exposed, str) and _exposed.library(exposed) == "pandas"
        given = {
            "default_date_format": "yyyy-mm-dd hh:mm:ss",
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "in_memory": True,  # files of its own would stay after a kill
            **({} if is_pandas else options.write_options),
        }

        asked = _Asked(given)

        with writer.Workbook(file, asked) as book:
            _options.check_known(given, asked.names, "XlsxWriter")

            for name, rows in lines.items():
                sheet = book.add_worksheet(name)

                for at, row in enumerate(rows):
                    check_written(sheet.write_row(at, 0, [*map(as_cell, row)]))

                if rows and all(cell is None for cell in rows[-1]):
                    # a row all the same
                    sheet.write_string(len(rows) - 1, 0, "")

        forget_cells(book)

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
                frame = as_table(table, "pandas")
                check_frame(frame)
                frame.to_excel(book, sheet_name=name, **given)

        forget_cells(book.book)
