"""Tables of one library as those of another: by the Arrow C stream, where both have it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timezone
from importlib import import_module
from typing import Any

from asyncflow.drivers._objects import (
    MISSING,
    check_columns,
    columns_of,
    is_columns,
    is_iterable,
    is_table,
    no_table,
    rows_of_objects,
)
from asyncflow.selection import library_of
from asyncflow.worker.errors import (
    DataNodeReadingError,
    DataNodeWritingError,
    PackageMissing,
)

EXTRAS: Mapping[str, str] = {
    "numpy": "pandas",
    "pandas": "pandas",
    "polars": "polars",
    "pyarrow": "parquet",
    "python_calamine": "excel",
    "xlsxwriter": "excel",
}
"""The extra of asyncflow that installs each package."""


def need(module: str, what: str) -> Any:
    """Import a module of a package that may not be installed.

    :param what: what needs it, for the error
    :raises PackageMissing: where it is not installed
    """
    package = module.partition(".")[0]

    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise

        raise PackageMissing(what, package, EXTRAS[package]) from error


_IGNORES = "PYARROW_IGNORE_TIMEZONE"
_converting = threading.Lock()


@contextmanager
def zones_counting() -> Iterator[None]:
    """Have Arrow mind the zones of Python's datetimes, whatever the process has imported.

    pandera sets the variable that has it drop them, for PySpark: a time of 07:00+05:30
    would be written as one of 07:00 UTC. In any thread: these take turns.
    """
    if _IGNORES not in os.environ:
        yield
        return

    with _converting:
        ignores = os.environ.pop(_IGNORES, None)

        try:
            yield
        finally:
            if ignores is not None:
                os.environ[_IGNORES] = ignores


def as_table(value: Any, library: str) -> Any:
    """Return a table of any kind as one of a library.

    :param library: ``pandas``, ``polars`` or ``pyarrow``
    :raises DataNodeWritingError: where it is no table
    :raises PackageMissing: where a package is not installed
    """
    own = library_of(value)
    made = _same(value) if own == library else None

    if made is not None:
        return made

    if own and not is_table(type(value)) and not is_iterable(value):
        raise no_table(value)

    if own == "pandas" and _same(value) is None:  # an array of its own
        value, own = value.tolist(), ""

    try:
        return _FROM[library](value, own)
    except (DataNodeWritingError, PackageMissing):
        raise
    except Exception as error:  # each library has its own
        kind = f"{type(value).__module__}.{type(value).__qualname__}"
        why = f"a value of type {kind} is no table that {library} can hold ({error})"
        raise DataNodeWritingError(why) from error


def rows_of(value: Any) -> list[dict[str, Any]]:
    """Return the rows of a table of any kind; what is missing is None.

    :raises DataNodeWritingError: where it is no table
    """
    match library_of(value):
        case "pandas" if (frame := _same(value)) is not None:
            check_distinct([*map(str, frame.columns)])
            frame = frame.astype(object).where(frame.notna(), None)
            rows = frame.to_dict("records")
            return [{str(name): cell for name, cell in row.items()} for row in rows]
        case "polars" if (frame := _same(value)) is not None:
            return list(frame.to_dicts())
        case "pyarrow" if (table := _same(value)) is not None:
            check_distinct(table.column_names)
            return list(table.to_pylist())
        case "numpy" if getattr(value, "ndim", 0):
            names, cells = value.dtype.names, plain_of(value)
            return [_row(names, cells_of_row) for cells_of_row in cells]
        case _:
            return rows_of_objects(value)


def plain_of(value: Any) -> Any:
    """Return what a library has made, one value or many, in plain Python.

    :raises DataNodeWritingError: where Python has no such value
    """
    name = type(value).__name__

    if name in MISSING:
        return None

    if name in ("Timestamp", "Timedelta") and library_of(value) == "pandas":
        if value.nanosecond if name == "Timestamp" else value.nanoseconds:
            raise DataNodeWritingError(f"{value!r} has nanoseconds: round it")

        return value.to_pydatetime() if name == "Timestamp" else value.to_pytimedelta()

    if library_of(value) == "numpy" and value.dtype.str.endswith("8[ns]"):
        fine = value.astype(f"{value.dtype.kind}8[us]")  # else Python has numbers

        if ((fine != value) & (value == value)).any():  # NaT differs from itself
            raise DataNodeWritingError("its times have nanoseconds: round them")

        return fine.tolist()

    return value.tolist() if hasattr(value, "tolist") else rows_of(value)


def columns_in(value: Any) -> dict[str, list[Any]]:
    """Return the columns of a table of any kind, also of one without rows.

    :raises DataNodeWritingError: where it is no table
    """
    if rows := rows_of(value):
        return columns_of(rows)

    match library_of(value):
        case "pyarrow":
            names = _same(value).column_names
        case "pandas" | "polars":
            names = [*_same(value).columns]
        case "numpy":
            names = value.dtype.names or ()
        case _:
            names = value if is_columns(value) else ()

    check_distinct([*map(str, names)])
    return {str(name): [] for name in names}


def check_distinct(names: Sequence[str]) -> None:
    """Refuse a table of which rows, as dicts, would have lost a column.

    :raises DataNodeWritingError: where two columns have one name
    """
    if (name := _twice(names)) is not None:
        raise DataNodeWritingError(f"two of its columns are {name!r}: rename one")


def check_header(names: Sequence[str]) -> None:
    """Refuse to read a table of which rows, as dicts, would lack a column.

    :raises DataNodeReadingError: where two columns have one name
    """
    if (name := _twice(names)) is not None:
        remedy = "rename one, or read it as 'pandas', which numbers them"
        raise DataNodeReadingError("", f"two of its columns are {name!r}", remedy)


def _twice(names: Sequence[str]) -> str | None:
    seen: set[str] = set()

    for name in names:
        if name in seen:
            return name

        seen.add(name)

    return None


def _row(names: Any, cells: Any) -> dict[str, Any]:
    many = list(cells) if isinstance(cells, list | tuple) else [cells]
    return dict(zip(names or map(str, range(len(many))), many, strict=True))


def _same(value: Any) -> Any:
    """Return a table of a library as its plain table; None where it is none."""
    match library_of(value), type(value).__name__:
        case (("pandas" | "polars"), "Series"):
            return value.to_frame()
        case "pandas", _:
            pandas = need("pandas", "a table of pandas")

            if isinstance(value, pandas.Index):
                return value.to_frame(index=False)

            return value if isinstance(value, pandas.DataFrame) else None
        case "polars", "LazyFrame":
            return value.collect()
        case "polars", _:
            return value if hasattr(value, "to_dicts") else None
        case "pyarrow", "RecordBatch":
            return need("pyarrow", "a table of Arrow").Table.from_batches([value])
        case "pyarrow", "Table":
            return value
        case _:
            return None


def _to_pandas(value: Any, own: str) -> Any:
    pandas = need("pandas", "exposed_type 'pandas'")

    if own in ("polars", "pyarrow"):
        return _to_arrow(value, own).to_pandas()

    if own == "numpy":
        frame = pandas.DataFrame(value)
        frame.columns = [str(name) for name in frame.columns]
        return frame

    return pandas.DataFrame(_plain(value))


def _to_polars(value: Any, own: str) -> Any:
    polars = need("polars", "exposed_type 'polars'")

    if own == "pandas":
        need("pyarrow", "a table of pandas as one of Polars")

        with zones_counting():
            return polars.from_pandas(_with_named_zones(_same(value)))

    if own == "numpy":
        return polars.DataFrame(_plain(rows_of(value)), infer_schema_length=None)

    if own == "pyarrow":
        return polars.DataFrame(_arrow_with_named_zones(_same(value)))

    if own:
        return polars.DataFrame(_same(value))

    return polars.DataFrame(_plain(value), infer_schema_length=None)


def _with_named_zones(frame: Any) -> Any:
    """Return a frame of which times with a fixed offset are of UTC: Polars has none."""
    kinds = frame.dtypes.items()
    names = [
        name for name, kind in kinds if isinstance(getattr(kind, "tz", 0), timezone)
    ]

    if names:
        frame = frame.copy(deep=False)

    for name in names:
        frame[name] = frame[name].dt.tz_convert("UTC")

    return frame


def _arrow_with_named_zones(table: Any) -> Any:
    """Return a table of which times with a fixed offset are of UTC: Polars has none."""
    for at, field in enumerate(table.schema):
        if (getattr(field.type, "tz", None) or "").startswith(("+", "-")):
            kind = need("pyarrow", "a table of Arrow").timestamp(field.type.unit, "UTC")
            table = table.set_column(at, field.name, table.column(at).cast(kind))

    return table


def _to_arrow(value: Any, own: str) -> Any:
    arrow = need("pyarrow", "exposed_type 'arrow'")

    if own == "pandas":
        with zones_counting():
            return arrow.Table.from_pandas(_same(value))

    if own == "pyarrow":
        return _same(value)

    if own == "polars":  # text in a form that all of Arrow's functions take
        oldest = need("polars", "a table of Polars").CompatLevel.oldest()
        return _same(value).to_arrow(compat_level=oldest)

    with zones_counting():
        return arrow.table(columns_in(value))


def _plain(value: Any) -> Any:
    """Return the columns or the rows of a table that no library has made."""
    if not is_columns(value):
        return rows_of_objects(value)

    check_columns(value)
    return value


_FROM = {"pandas": _to_pandas, "polars": _to_polars, "pyarrow": _to_arrow}
