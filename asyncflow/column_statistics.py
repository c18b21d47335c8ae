"""What the columns of a table have: how many values, the smallest, the largest, the mean.

What a library makes is asked by its own methods: it is loaded already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from statistics import fmean
from typing import Any, NamedTuple

from asyncflow.filters import is_missing
from asyncflow.selection import library_of

ROWS = 1_000_000
"""Of how many rows this is told at most: of the first."""

COLUMNS = 500
"""Of how many columns."""

LONGEST = 100
"""How many characters of a text are shown."""


class ColumnStatistics(NamedTuple):
    """What one column has; None for what it cannot be asked for."""

    name: str
    type: str
    present: int
    """How many rows have a value."""
    missing: int
    """How many have none: None, NaN, or what a library has for these."""
    distinct: int | None
    smallest: object
    """A number, a truth value, or a text."""
    largest: object
    mean: float | None
    """Of numbers alone."""


class Statistics(NamedTuple):
    """What the columns of a value have."""

    rows: int
    """How many rows this is of, the first ones."""
    total: int
    """How many rows there are."""
    columns: tuple[ColumnStatistics, ...]


def statistics_of(value: Any) -> Statistics | None:
    """Return what the columns of a value have; None where it has no columns."""
    match library_of(value):
        case "pandas" if hasattr(value, "columns"):
            columns = (
                _of_pandas(str(name), column) for name, column in value[:ROWS].items()
            )
            return _made(len(value), columns)
        case "polars" if hasattr(value, "height"):
            head = value.head(ROWS)
            return _made(value.height, map(_of_polars, head.iter_columns()))
        case "pyarrow" if hasattr(value, "column_names"):
            head = value.slice(0, ROWS)
            pairs = zip(head.column_names, head.columns, strict=True)
            return _made(value.num_rows, (_of_arrow(*pair) for pair in pairs))
        case "numpy" if value.dtype.names or value.ndim in (1, 2):
            return _made(len(value), _of_array(value[:ROWS]))
        case "":
            return _of_rows(value)
        case _:
            return None


def _made(total: int, columns: Iterable[ColumnStatistics]) -> Statistics:
    return Statistics(min(total, ROWS), total, (*islice(columns, COLUMNS),))


def _of_pandas(name: str, column: Any) -> ColumnStatistics:
    present = column.dropna()
    is_number = present.dtype.kind in "iuf"
    return ColumnStatistics(
        name,
        str(column.dtype),
        len(present),
        len(column) - len(present),
        _count(present.nunique, len(present)),
        _shown(present.min, len(present)),
        _shown(present.max, len(present)),
        _mean(present.mean, len(present) if is_number else 0),
    )


def _of_polars(column: Any) -> ColumnStatistics:
    present = column.drop_nulls()

    if present.dtype.is_float():
        present = present.drop_nans()

    return ColumnStatistics(
        column.name,
        str(column.dtype),
        len(present),
        len(column) - len(present),
        _count(present.n_unique, len(present)),
        _shown(present.min, len(present)),
        _shown(present.max, len(present)),
        _mean(present.mean, len(present) if present.dtype.is_numeric() else 0),
    )


def _of_arrow(name: str, column: Any) -> ColumnStatistics:
    from pyarrow import compute, types

    present = column.drop_null()

    if types.is_floating(column.type):
        present = present.filter(compute.invert(compute.is_nan(present)))

    numbers = types.is_integer, types.is_floating, types.is_decimal
    is_number = any(is_such(column.type) for is_such in numbers)
    return ColumnStatistics(
        name,
        str(column.type),
        len(present),
        len(column) - len(present),
        _count(lambda: compute.count_distinct(present).as_py(), len(present)),
        _shown(lambda: compute.min(present).as_py(), len(present)),
        _shown(lambda: compute.max(present).as_py(), len(present)),
        _mean(lambda: compute.mean(present).as_py(), len(present) if is_number else 0),
    )


def _of_array(array: Any) -> Iterator[ColumnStatistics]:
    """Tell of the fields of an array, of its columns, or of the one that it is."""
    columns: Iterable[tuple[str, Any]] = [("value", array)]

    if names := array.dtype.names:
        columns = ((name, array[name]) for name in names)
    elif array.ndim == 2:
        columns = ((str(place), array[:, place]) for place in range(array.shape[1]))

    return (_of_numpy(name, column) for name, column in columns)


def _of_numpy(name: str, column: Any) -> ColumnStatistics:
    import numpy

    kind = column.dtype.kind

    if kind not in "biufMmUS" or column.ndim > 1:
        return _of_values(name, column.tolist(), str(column.dtype))

    present = column

    if kind in "fMm":
        present = column[~(numpy.isnan if kind == "f" else numpy.isnat)(column)]

    distinct = numpy.unique(present)
    return ColumnStatistics(
        name,
        str(column.dtype),
        len(present),
        len(column) - len(present),
        len(distinct),
        _shown(lambda: distinct[0], len(present)),
        _shown(lambda: distinct[-1], len(present)),
        _mean(present.mean, len(present) if kind in "iuf" else 0),
    )


def _of_rows(value: Any) -> Statistics | None:
    """Tell of lists: of rows, of columns by their names, or of what is in one."""
    if isinstance(value, dict):
        lengths = {
            len(column) if isinstance(column, list) else None
            for column in value.values()
        }

        if len(lengths) != 1 or (total := lengths.pop()) is None:
            return None

        columns = (
            _of_values(str(name), column[:ROWS]) for name, column in value.items()
        )
        return _made(total, columns)

    if not isinstance(value, list | tuple):
        return None

    rows = value[:ROWS]
    found: Iterable[ColumnStatistics]

    if rows and all(isinstance(row, Mapping) for row in rows):
        names = dict.fromkeys(name for row in rows for name in row)
        found = (
            _of_values(str(name), [row.get(name) for row in rows]) for name in names
        )
    elif rows and all(type(row) in (list, tuple) for row in rows):
        width = max(map(len, rows))
        found = (
            _of_values(str(at), [row[at] if at < len(row) else None for row in rows])
            for at in range(width)
        )
    else:
        found = [_of_values("value", rows)]

    return _made(len(value), found)


def _of_values(name: str, values: Iterable[Any], kind: str = "") -> ColumnStatistics:
    found = [*values]
    present = [value for value in found if not is_missing(value)]
    types = {type(value) for value in present}
    is_number = bool(types) and types <= {int, float, Decimal}
    return ColumnStatistics(
        name,
        kind or " | ".join(sorted(kind.__qualname__ for kind in types)[:5]),
        len(present),
        len(found) - len(present),
        _count(lambda: len(set(present)), len(present)),
        _shown(lambda: min(present), len(present)),
        _shown(lambda: max(present), len(present)),
        _mean(lambda: fmean(present), len(present) if is_number else 0),
    )


def _count(ask: Callable[[], Any], count: int) -> int | None:
    """Return how many distinct values there are; None where they cannot be hashed."""
    if not count:
        return 0

    try:
        return int(ask())
    except Exception:  # each library, and each class of a user's, has its own
        return None


def _mean(ask: Callable[[], Any], count: int) -> float | None:
    if not count:
        return None

    try:
        return float(ask())
    except Exception:  # the same
        return None


def _shown(ask: Callable[[], Any], count: int) -> object:
    """Return a value as a number, a truth value, or a text; None for none.

    Where values cannot be compared with each other there is none.
    """
    if not count:
        return None

    try:
        value = ask()
        value = value.item() if library_of(value) == "numpy" else value

        if value is None or type(value) in (bool, int, float):
            return value

        plain = str, date, datetime, time, timedelta, Decimal
        text = str(value) if isinstance(value, plain) else repr(value)
    except Exception:  # the same
        return None

    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
