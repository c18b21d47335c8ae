"""The cells of workbooks."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sized
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from asyncflow.drivers._objects import is_columns
from asyncflow.gc_pause import pause_gc
from asyncflow.worker.errors import DataNodeWritingError

MANY = 2000
"""How many rows a large table has."""


def pause_for(tables: Iterable[Any]) -> AbstractContextManager[None]:
    """Collect no garbage while large tables are written: each look at millions of cells
    would hold up the event loop of the program.
    """
    found = (next(iter(one.values()), ()) if is_columns(one) else one for one in tables)
    sized = (one for one in found if isinstance(one, Sized))
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
    return [[_value(one) for one in line] for line in lines]


def _value(value: Any) -> Any:
    """Return a cell as what was written: all numbers are floats there."""
    if value == "" and isinstance(value, str):
        return None

    if isinstance(value, float) and value.is_integer():
        return int(value)

    return value


def as_cell(value: Any) -> Any:
    """Return a value as a cell can hold it.

    :raises DataNodeWritingError: for a time with a zone
    """
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        raise DataNodeWritingError(
            "a cell has no time zone: write naive datetimes, or text"
        )

    return value if isinstance(value, _CELLS) else str(value)


_CELLS = (
    *(bool, int, float, str, type(None)),
    *(datetime.datetime, datetime.date, datetime.time, datetime.timedelta),
)
