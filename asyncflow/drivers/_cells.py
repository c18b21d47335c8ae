"""The cells of workbooks."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sized
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from asyncflow.drivers._objects import is_columns
from asyncflow.gc_pause import pause_gc
from asyncflow.worker.errors import DataNodeWritingError

FIRST_YEAR = 1900
"""Where the days of workbooks begin: what is before is read as midnight."""

LONGEST = 32_767
"""How many letters a cell has at most."""

MANY = 2000
"""How many rows a large table has."""


def pause_for(tables: Iterable[Any]) -> AbstractContextManager[None]:
    """Collect no garbage while large tables are written: each look at millions of cells
    would hold up the event loop of the program.
    """
    found = (
        next(iter(table.values()), ()) if is_columns(table) else table
        for table in tables
    )
    sized = (
        column
        for column in found
        if isinstance(column, Sized) and getattr(column, "ndim", None) != 0
    )
    return pause_gc() if sum(map(len, sized)) >= MANY else nullcontext()


def forget_cells(book: Any) -> None:
    """Let the cells of a workbook go, which refers to itself."""
    for sheet in book.worksheets():
        for row in sheet.table.values():  # all at once takes too long
            row.clear()


def unify_dates(lines: list[list[Any]]) -> None:
    """Have all of a column be times, where some are: midnight is read as a date."""
    for at, column in enumerate(zip(*lines, strict=True)):
        if {datetime.date, datetime.datetime} <= {*map(type, column)}:
            for line in lines:
                if type(day := line[at]) is datetime.date:
                    line[at] = datetime.datetime.combine(day, datetime.time())


def lines_of(book: Any, name: str, **options: Any) -> list[Any]:
    """Return the rows of a sheet.

    :param options: those of calamine's `to_python`
    """
    lines = book.get_sheet_by_name(name).to_python(**options)
    return [[_value(cell) for cell in line] for line in lines]


def _value(value: Any) -> Any:
    """Return a cell as what was written: all numbers are floats there."""
    if value == "" and isinstance(value, str):
        return None

    if isinstance(value, float) and value.is_integer():
        return int(value)

    return value


def as_cell(value: Any) -> Any:
    """Return a value as a cell can hold it.

    :raises DataNodeWritingError: for a time with a zone, and for days before 1900
    """
    if isinstance(value, datetime.date):
        if value != value:  # the NaT of pandas
            return None

        check_day(value)

        if getattr(value, "tzinfo", None) is not None:
            raise DataNodeWritingError(
                "a cell has no time zone: write naive datetimes, or text"
            )

    cell = value if isinstance(value, _CELLS) else str(value)
    check_text(cell)
    return cell


def check_frame(frame: Any) -> None:
    """Refuse a frame of pandas of which cells would hold days before 1900, or more text
    than a cell can.
    """
    for name in frame.columns:
        check_text(name)

    for at in range(frame.shape[1]):
        column = frame.iloc[:, at]

        if column.dtype.kind == "M" and column.notna().any():
            check_day(column.min())
        elif column.dtype.kind == "O":
            for value in column:
                if isinstance(value, datetime.date) and value == value:  # no NaT
                    check_day(value)
                else:
                    check_text(value)


def check_day(value: datetime.date) -> None:
    if value.year < FIRST_YEAR:
        raise DataNodeWritingError(
            f"a cell has no days before {FIRST_YEAR}, as {value} is: write text"
        )


def check_text(value: object) -> None:
    if isinstance(value, str) and len(value) > LONGEST:
        raise DataNodeWritingError(
            f"a cell has {LONGEST} letters at most, and a text has {len(value)}: divide "
            "it, or use another storage type"
        )


def check_written(error: int) -> None:
    """Refuse a table that XlsxWriter would write a part of.

    :param error: what its methods return: 0, or why a cell was left out
    """
    if error:
        raise DataNodeWritingError(
            "a sheet has 1,048,576 rows and 16,384 columns at most: divide the table, or "
            "use another storage type"
        )


_CELLS = (
    *(bool, int, float, str, type(None)),
    *(datetime.datetime, datetime.date, datetime.time, datetime.timedelta),
)
