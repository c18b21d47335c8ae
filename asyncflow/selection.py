"""Parts of values that are there as a whole: some columns, some rows, the first rows.

What a library makes is asked by its own methods: it is loaded already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from asyncflow.arrow_conditions import COMPARABLE, arrow_expression
from asyncflow.column_names import Known, index_names, is_columns, names_in, only
from asyncflow.column_names import library_of as library_of
from asyncflow.comparing import COMPARE, as_time, holds, joined
from asyncflow.filters import (
    Condition,
    JoinOperator,
    Operator,
    Where,
    is_missing,
)
from asyncflow.worker.errors import DataNodeReadingError


class Preview(NamedTuple):
    """The first rows of a value, to be shown."""

    kind: str
    """The type of the whole value."""
    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    total: int | None
    """How many rows the value has; None where that is not known."""


def select(value: Any, columns: Sequence[str] | None, where: Where | None) -> Any:
    """Return the rows of a value that a condition picks, and of these some columns.

    :raises DataNodeReadingError: where it has no such column, or none at all
    """
    if isinstance(value, dict) and not is_columns(value):  # sheets, by name
        return {name: select(table, columns, where) for name, table in value.items()}

    found = names_in(value)
    wanted = None if columns is None else list(columns)

    if found is not None:
        known = Known(
            found, index_names(value) if library_of(value) == "pandas" else ()
        )
        wanted, where = known.columns(wanted), known.where(where)

    try:
        return _SELECT[library_of(value)](value, wanted, where)
    except DataNodeReadingError:
        raise
    except Exception as error:  # each library has its own
        what = (
            "its rows cannot be compared" if where else "its columns cannot be picked"
        )
        raise DataNodeReadingError("", f"{what} ({error})", COMPARABLE) from error


def column_of(value: Any, name: str | int) -> Any:
    """Return the one column of a table that has no other, as what it is by itself."""
    if isinstance(value, dict) and not is_columns(value):  # sheets, by name
        return {key: column_of(table, name) for key, table in value.items()}

    match library_of(value):
        case "numpy":
            return only(value, name) if value.dtype.names else value[:, 0]
        case "" if isinstance(value, list | tuple):
            return [
                only(row, name) if isinstance(row, Mapping) else _cell(row, name)
                for row in value
            ]
        case _:
            return only(value, name)


def preview(value: Any, rows: int) -> Preview:
    """Return the first rows of a value."""
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    kind = kind.removeprefix("builtins.")

    match library_of(value):
        case "pandas" if hasattr(value, "columns"):
            head = value.head(rows)
            cells = head.itertuples(index=False, name=None)
            return _shown(kind, map(str, value.columns), cells, len(value))
        case "polars" if hasattr(value, "columns"):
            head = value.head(rows)
            return _shown(kind, value.columns, head.rows(), value.height)
        case "pyarrow" if hasattr(value, "column_names"):
            head = value.slice(0, rows).to_pylist()
            cells = (tuple(row.values()) for row in head)
            return _shown(kind, value.column_names, cells, value.num_rows)
        case "numpy" if value.dtype.names:
            return _shown(kind, value.dtype.names, value[:rows].tolist(), len(value))
        case "numpy" if value.ndim == 2:
            names = map(str, range(value.shape[1]))
            return _shown(kind, names, map(tuple, value[:rows].tolist()), len(value))
        case "numpy" if value.ndim:
            items = [(item,) for item in value[:rows].tolist()]
            return _shown(kind, ("value",), items, len(value))
        case _:
            return _plain_preview(kind, value, rows)


LONGEST = 1000
"""How many characters of a cell are shown."""


def plain_preview(preview: Preview) -> Preview:
    """Return a preview whose cells are numbers, truth values, None, or texts."""
    rows = tuple(tuple(map(_plain_cell, row)) for row in preview.rows)
    return preview._replace(rows=rows)


def _plain_cell(cell: object) -> object:
    if cell is None or type(cell) in (bool, int, float):
        return cell

    try:
        text = cell if type(cell) is str else repr(cell)
    except Exception as error:  # a user's own
        text = f"<{type(cell).__name__}, which cannot be shown: {error!r}>"

    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _shown(
    kind: str, columns: Iterable[str], rows: Iterable[tuple[object, ...]], total: int
) -> Preview:
    return Preview(kind, tuple(columns), tuple(rows), total)


def _plain_preview(kind: str, value: Any, rows: int) -> Preview:
    if isinstance(value, dict):
        if value and is_columns(value):
            columns = [column[:rows] for column in value.values()]
            total = len(next(iter(value.values())))
            return _shown(kind, map(str, value), zip(*columns, strict=True), total)

        items = [*value.items()]
        return _shown(kind, ("key", "value"), items[:rows], len(items))

    if not isinstance(value, list | tuple):
        return Preview(kind, ("value",), ((value,),), 1)

    head: Sequence[Any] = value[:rows]

    if head and all(isinstance(row, dict) for row in head):
        names = list(dict.fromkeys(name for row in head for name in row))
        cells = (tuple(row.get(name) for name in names) for row in head)
        return _shown(kind, map(str, names), cells, len(value))

    return _shown(kind, ("value",), ((item,) for item in head), len(value))


# ----------------------------------------------------------------------- each library


def _of_pandas(frame: Any, columns: list[str] | None, where: Where | None) -> Any:
    if where is not None:
        frame = frame.loc[_mask(where, lambda name: _pandas_column(frame, name))]

    return frame if columns is None else frame[columns]


def _pandas_column(frame: Any, name: str) -> Callable[[Operator, object], Any]:
    is_index = name not in frame.columns
    column = (
        frame.index.get_level_values(name).to_series(frame.index)
        if is_index
        else frame[name]
    )

    def compare(how: Operator, value: object) -> Any:
        mask = column.notna().to_numpy(dtype=bool, copy=True)

        if is_missing(value):
            return ~mask if how is Operator.EQUAL else mask

        missing = ~mask
        found = _pandas_compared(column[mask], how, value)
        mask[mask] = found
        return mask | missing if how is Operator.NOT_EQUAL else mask

    return compare


def _pandas_compared(cells: Any, how: Operator, value: object) -> Any:
    """Compare cells of which none is missing."""
    kind = cells.dtype

    if kind.kind == "M":
        value = as_time(value, has_zone=getattr(kind, "tz", None) is not None)
    elif kind.kind == "m" and isinstance(value, str):
        raise TypeError(f"{value!r:.100} is no duration: give a timedelta")
    elif str(kind) == "object" and _has_times(cells, value):
        return _each(cells.tolist(), how, value)

    return COMPARE[how](cells, value).fillna(False).to_numpy(dtype=bool)


def _has_times(cells: Any, value: object) -> bool:
    """Tell whether cells of Python's own are times, or are compared with one."""
    if isinstance(value, str):
        return any(isinstance(cell, date) for cell in cells)

    return isinstance(value, date)


def _of_polars(frame: Any, columns: list[str] | None, where: Where | None) -> Any:
    if where is not None:
        frame = frame.filter(polars_expression(frame, where))

    return frame if columns is None else frame.select(columns)


def polars_expression(frame: Any, where: Where) -> Any:
    """Return a condition as an expression of polars.

    :param frame: the frame that it is for, which may be a lazy one
    """
    import polars

    schema = frame.collect_schema()

    def column(name: str) -> Callable[[Operator, object], Any]:
        expression = polars.col(name)
        missing = expression.is_null()
        is_float = schema[name].is_float()

        if is_float:  # NaN, which is larger than all else there
            missing |= expression.is_nan()

        def compare(how: Operator, value: object) -> Any:
            if is_missing(value):
                return missing if how is Operator.EQUAL else ~missing

            # Null counts as false, and what is simple spares whole groups of rows.
            found = COMPARE[how](expression, polars.lit(_like(schema[name], value)))

            if how is Operator.NOT_EQUAL:
                return found | missing

            return found & expression.is_not_nan() if is_float else found

        return compare

    return _mask(where, column)


def _like(kind: Any, value: object) -> object:
    """Return a value as one of a type of Polars, where that has times."""
    if not kind.is_temporal() or type(kind).__name__ not in ("Date", "Datetime"):
        return value

    return as_time(value, has_zone=getattr(kind, "time_zone", None) is not None)


def _of_arrow(table: Any, columns: list[str] | None, where: Where | None) -> Any:
    if where is not None:
        table = table.filter(arrow_expression(where, table))

    return table if columns is None else table.select(columns)


def _of_numpy(array: Any, columns: list[str] | None, where: Where | None) -> Any:
    names = array.dtype.names

    def column(name: Any) -> Callable[[Operator, object], Any]:
        values = array[name] if names else array[:, int(name)]

        if values.dtype.kind in "mM":  # whose items of nanoseconds would be numbers
            values = values.astype(f"{values.dtype.kind}8[us]")

        # Elements may be None or of several types: NumPy compares these one by one.
        return lambda how, value: _each(values.tolist(), how, value)

    if where is not None:
        array = array[_mask(where, column)]

    if columns is None:
        return array

    return array[columns] if names else array[:, [int(name) for name in columns]]


def _each(values: list[Any], how: Operator, value: object) -> Any:
    """Compare values one by one."""
    import numpy

    return numpy.array([holds(item, how, value) for item in values], dtype=bool)


def _of_plain(value: Any, columns: list[str] | None, where: Where | None) -> Any:
    if isinstance(value, dict):
        names = list(value)
        cells = zip(*value.values(), strict=True)
        rows = [dict(zip(names, row, strict=True)) for row in cells]
        rows = _of_plain(rows, columns, where)
        return {name: [row[name] for row in rows] for name in columns or names}

    if not isinstance(value, list | tuple):
        raise DataNodeReadingError(
            "",
            f"a {type(value).__qualname__} has no rows and columns",
            "read it as a whole",
        )

    kept = [row for row in value if where is None or _row_holds(row, where)]

    if columns is None:
        return kept

    return [{name: _cell(row, name) for name in columns} for row in kept]


def _row_holds(row: object, where: Where) -> bool:
    if isinstance(where, Condition):
        return holds(_cell(row, where.column), where.operator, where.value)

    join = all if where.join is JoinOperator.AND else any
    return join(_row_holds(row, part) for part in where.parts)


def _cell(row: Any, name: Any) -> Any:
    if isinstance(row, Mapping):
        return row.get(name)

    if isinstance(row, list | tuple) and not hasattr(row, name):
        return row[int(name)]

    return getattr(row, name)


_SELECT: Mapping[str, Callable[[Any, list[str] | None, Where | None], Any]] = {
    "": _of_plain,
    "numpy": _of_numpy,
    "pandas": _of_pandas,
    "polars": _of_polars,
    "pyarrow": _of_arrow,
}


def _mask(
    where: Where, column: Callable[[str], Callable[[Operator, object], Any]]
) -> Any:
    """Return what picks rows, in a library's own form.

    :param column: gives what compares a column with a value
    """
    return joined(where, lambda one: column(one.column)(one.operator, one.value))
