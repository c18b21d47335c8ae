"""Rows as objects of a class, and objects as rows: no package is needed for these."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import inspect
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from functools import lru_cache
from typing import Any

from asyncflow.column_names import LIBRARIES, library_of
from asyncflow.worker.errors import DataNodeReadingError, DataNodeWritingError

Row = dict[str, Any]


def is_columns(value: object) -> bool:
    """Tell whether a value has the columns of a table, by their names."""
    if not isinstance(value, dict) or not value:
        return False

    return all(isinstance(column, list | tuple) for column in value.values())


def columns_of(rows: Sequence[Row]) -> dict[str, list[Any]]:
    """Return the columns of rows; a row that lacks one has None there."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def rows_of_objects(value: Any) -> list[Row]:
    """Return rows: those of dicts, of objects, of sequences, or of columns.

    :raises DataNodeWritingError: where the value is nothing of these
    """
    if is_columns(value):
        check_columns(value)
        cells = zip(*value.values(), strict=True)
        return [dict(zip(map(str, value), row, strict=True)) for row in cells]

    if isinstance(value, Mapping):
        rows = [dict(value)]
    elif isinstance(value, str | bytes) or not is_iterable(value):
        raise no_table(value)
    else:
        rows = [row_of(item) for item in value]

    check_cells(row.values() for row in rows)
    return rows


def no_table(value: object) -> DataNodeWritingError:
    """Return the error of a value that has no rows."""
    return DataNodeWritingError(
        f"a value of type {type(value).__qualname__} is no table: return a frame, a list of dicts or of "
        "objects, or a dict of columns"
    )


def is_iterable(value: object) -> bool:
    """Tell whether a value has parts: not what is grouped, and no single value."""
    if library_of(value):
        return hasattr(value, "tolist") and getattr(value, "ndim", 0) > 0

    return isinstance(value, Iterable)


def check_columns(columns: Mapping[Any, Sequence[Any]]) -> None:
    """Refuse columns of which the cells make no rows.

    :raises DataNodeWritingError: where they have several lengths, or tables for cells
    """
    lengths = {name: len(column) for name, column in columns.items()}

    if len({*lengths.values()}) > 1:
        told = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise DataNodeWritingError(
            f"its columns have several lengths ({told}): give each as many cells"
        )

    check_cells(columns.values())


def check_cells(rows: Iterable[Iterable[Any]]) -> None:
    """Refuse rows, or columns, of which a cell is a table.

    :raises DataNodeWritingError: where one is
    """
    kinds: set[type[Any]] = set()

    for cells in rows:
        kinds.update(map(type, cells))

    for kind in kinds:
        if is_table(kind, _GROUPS) or not has_text(kind):
            raise DataNodeWritingError(
                f"a {kind.__qualname__} cannot be a cell: return one table, or have a data "
                "node for each"
            )


def is_table(kind: type[Any], names: Set[str] | None = None) -> bool:
    """Tell whether a class is that of a library's tables, or of their columns."""
    return any(
        base.__name__ in (names or TABLES)
        and base.__module__.partition(".")[0] in LIBRARIES
        for base in kind.__mro__
    )


TABLES = frozenset({"DataFrame", "Series", "LazyFrame", "Table", "RecordBatch"})
_GROUPS = TABLES | {"BaseGroupBy"}

MISSING = frozenset({"NaTType", "NAType"})
"""The classes of what is missing for pandas."""

_NO_ROW = (
    "a {} is no row: return one table, a list of dicts or of objects that have fields, or "
    "have a data node for each table"
)


def row_of(item: Any) -> Row:
    """Return an object as a row.

    :raises DataNodeWritingError: where nobody knows its fields
    """
    kind = type(item)

    if isinstance(item, Mapping):
        return {str(name): cell for name, cell in item.items()}

    if callable(getattr(kind, "encode", None)) and not isinstance(item, str):
        return dict(item.encode())

    if hasattr(kind, "model_dump"):  # pydantic
        return dict(item.model_dump())

    names = fields_of(kind)

    if not names and isinstance(item, list | tuple):
        return {str(at): cell for at, cell in enumerate(item)}

    if names:
        return {name: getattr(item, name) for name in names}

    if library_of(item):
        return _row_of_library(item)

    if isinstance(item, type) or not (own := _own_row(item)):
        raise DataNodeWritingError(_NO_ROW.format(kind.__qualname__))

    return own


def _own_row(item: Any) -> Row:
    """Return the attributes of an object, or itself where it is a cell."""
    if not isinstance(item, enum.Enum) and (
        attributes := getattr(item, "__dict__", None)
    ):
        return dict(attributes)

    return {"0": item} if has_text(type(item)) else {}


def has_text(kind: type[Any]) -> bool:
    """Tell whether the text of an object says more than where it is in memory."""
    if kind in _FUNCTIONS:
        return False

    told: Any = object
    return (kind.__repr__, kind.__str__) != (told.__repr__, told.__str__)


_FUNCTIONS = (types.FunctionType, types.MethodType)


def _row_of_library(item: Any) -> Row:
    """Return what a library has made as a row: an array of cells, or one of them."""
    kind = type(item)

    if names := getattr(getattr(item, "dtype", None), "names", None):
        return dict(zip(names, item.tolist(), strict=True))

    if getattr(item, "ndim", 0) == 1 and kind.__module__ == "numpy":
        return {str(at): cell for at, cell in enumerate(item.tolist())}

    if is_table(kind, _GROUPS) or getattr(item, "ndim", None):
        raise DataNodeWritingError(_NO_ROW.format(kind.__qualname__))

    return {"0": None if kind.__name__ in MISSING else item}


def fields_of(kind: type[Any]) -> tuple[str, ...]:
    """Return the names of the fields of a class; none where they are not known."""
    if (fields := getattr(kind, "__attrs_attrs__", None)) is not None:
        return tuple(field.name for field in fields)

    if dataclasses.is_dataclass(kind):
        return tuple(field.name for field in dataclasses.fields(kind))

    return tuple(getattr(kind, "_fields", ()))


def objects_of(
    kind: type[Any], rows: Iterable[Row], *, are_texts: bool, are_named: bool = True
) -> list[Any]:
    """Make an object of each row.

    :param are_texts: whether cells are text, whatever the fields are
    :param are_named: whether the class is called with the columns' names
    :raises DataNodeReadingError: where the class does not take one of them
    """
    make: Callable[[Row], Any] = _maker(kind, are_texts=are_texts)

    if not are_named and not hasattr(kind, "decode"):
        names = fields_of(kind)
        rows = [dict(zip(names, row.values(), strict=False)) for row in rows]

    made = []

    for number, row in enumerate(rows, 1):
        try:
            made.append(make(row))
        except MemoryError:
            raise
        except Exception as error:  # of the class
            raise _unmade(kind, number, row, error) from error

    return made


def _maker(kind: Any, *, are_texts: bool) -> Callable[[Row], Any]:
    """Return what makes an object of a row."""
    if callable(decode := getattr(kind, "decode", None)):
        return typing.cast("Callable[[Row], Any]", decode)

    if callable(validate := getattr(kind, "model_validate", None)):  # pydantic
        if not are_texts:
            return typing.cast("Callable[[Row], Any]", validate)

        return lambda row: validate({n: cell for n, cell in row.items() if cell != ""})

    read = _readers(kind) if are_texts else {}

    def make(row: Row) -> Any:
        cells = {}

        for name, cell in row.items():
            try:
                cells[name] = read[name](cell) if name in read else cell
            except Exception as error:
                raise _WrongCell(name, cell) from error

        return kind(**cells)

    return make


class _WrongCell(Exception):
    """The text of a cell is none of the type that its field has."""


def _unmade(kind: Any, number: int, row: Row, error: Exception) -> DataNodeReadingError:
    """Return the error of a row that a class does not take."""
    own = kind.__qualname__

    if isinstance(error, _WrongCell):
        name, cell = error.args
        hint = typing.get_type_hints(kind)[name]
        told = getattr(hint, "__name__", None) if isinstance(hint, type) else None
        why = f"row {number}, column {name}: {cell!r:.100} is no {told or hint}"
        return DataNodeReadingError("", why, f"correct the cell, or the type in {own}")

    known = _parameters(kind)

    if other := [name for name in row if known is not None and name not in known]:
        remedy = f"give it one, or have only columns that {own} has"
        return DataNodeReadingError("", f"{own} has no field {other[0]}", remedy)

    needed = [name for name, is_needed in (known or {}).items() if is_needed]

    if lacking := [name for name in needed if name not in row]:
        remedy = f"add it, or give {own} a default"
        why = f"it has no column {lacking[0]}, which {own} needs"
        return DataNodeReadingError("", why, remedy)

    why = f"row {number}: {own} refuses it ({type(error).__name__}: {error})"
    return DataNodeReadingError("", why, f"correct the row, or {own}")


def _parameters(kind: Any) -> dict[str, bool] | None:
    """Return the names that a class is called with, and whether each is needed; None
    where it takes any, or nobody knows.
    """
    if hasattr(kind, "decode") or hasattr(kind, "model_validate"):
        return None

    try:
        found = inspect.signature(kind).parameters.values()
    except (TypeError, ValueError):
        return None

    if any(each.kind is each.VAR_KEYWORD for each in found):
        return None

    return {each.name: each.default is each.empty for each in found}


@lru_cache(256)
def _readers(kind: Any) -> Mapping[str, Callable[[str], Any]]:
    """Return what reads the text of a cell, for the fields of known types."""
    try:
        hints = typing.get_type_hints(kind)
    except Exception:  # of names that mean nothing here
        return {}

    found = {name: _reader(hint) for name, hint in hints.items()}
    return {name: read for name, read in found.items() if read is not None}


def _reader(hint: Any) -> Callable[[str], Any] | None:
    parts = typing.get_args(hint)

    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        others = [part for part in parts if part is not types.NoneType]
        inner = _reader(others[0]) if len(others) == 1 else None

        if inner is None or len(others) == len(parts):
            return inner

        return lambda text: None if text == "" else inner(text)

    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return lambda text: _member(hint, text)

    return _READERS.get(hint)


def _member(kind: type[enum.Enum], text: str) -> enum.Enum:
    for member in kind:
        if text in (member.name, str(member.value), str(member)):
            return member

    return kind(text)


def _flag(text: str) -> bool:
    try:
        return {"true": True, "1": True, "false": False, "0": False, "": False}[
            text.lower()
        ]
    except KeyError:
        raise ValueError(f"{text!r} is neither true nor false") from None


def _integer(text: str) -> int:
    """Read a whole number, also as pandas writes those of a column that lacks some."""
    whole, _, rest = text.partition(".")
    return int(text if rest.strip("0") else whole)


_READERS: Mapping[Any, Callable[[str], Any]] = {
    bool: _flag,
    bytes: str.encode,
    datetime.date: datetime.date.fromisoformat,
    datetime.datetime: datetime.datetime.fromisoformat,
    datetime.time: datetime.time.fromisoformat,
    decimal.Decimal: decimal.Decimal,
    float: float,
    int: _integer,
    str: str,
}
