"""The exposed type: what a table is when it is read."""

from __future__ import annotations

import types
import typing
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from asyncflow.column_names import LIBRARIES as KNOWN
from asyncflow.drivers._libraries import EXTRAS, as_table, columns_in, rows_of
from asyncflow.drivers._objects import objects_of
from asyncflow.selection import select
from asyncflow.worker.errors import DataNodeReadingError, DataNodeWritingError

if TYPE_CHECKING:
    from asyncflow.filters import Where

LIBRARIES: typing.Mapping[str, tuple[str, ...]] = {
    "pandas": ("pandas",),
    "polars": ("polars",),
    "numpy": ("pandas", "numpy"),
    "arrow": ("pyarrow",),
}
"""The exposed types that are a library's, and the packages of each."""

PLAIN = ("list[dict]", "dict", "str", "bytes")
"""Those that need no package: rows, columns, the text and the content of a file."""

NAMES = (*LIBRARIES, *PLAIN)

REMEDY = f"give one of {', '.join(NAMES)}, a class, or 'module:Class'"

Exposed = str | type[Any]


def as_exposed(given: object) -> Exposed:
    """Return an exposed type as it is kept: its name, or a class.

    :raises ValueError: where it is none
    """
    if isinstance(given, str):
        if given in NAMES or _is_address(given):
            return given
    elif given in (dict, str, bytes):
        return typing.cast("type[Any]", given).__name__
    elif given is list or (
        isinstance(given, types.GenericAlias) and given.__origin__ is list
    ):
        inner = typing.get_args(given)
        found = inner[0] if inner else dict
        return as_exposed(found) if _is_own(found) else "list[dict]"
    elif isinstance(given, type):
        _check_class(given)
        return given

    raise ValueError(f"{given!r} is no exposed type")


def _check_class(kind: type[Any]) -> None:
    """Refuse a class of which no row can be an object.

    :raises ValueError: where it is Python's own, or a library's table
    """
    top = kind.__module__.partition(".")[0]

    if kind.__module__ == "builtins":
        raise ValueError(f"{kind.__name__} has no fields that rows could have")

    if top in KNOWN:
        name = "arrow" if top == "pyarrow" else top
        raise ValueError(f"{kind.__name__} is the whole table: write {name!r}")


def _is_own(kind: object) -> bool:
    return isinstance(kind, type) and kind is not dict


def _is_address(name: str) -> bool:
    module, colon, path = name.partition(":")
    return bool(colon) and all(
        part.isidentifier() for part in (*module.split("."), *path.split("."))
    )


def needs(exposed: Exposed) -> dict[str, str | None]:
    """Return the packages that an exposed type needs, and their extras."""
    names = LIBRARIES.get(exposed, ()) if isinstance(exposed, str) else ()
    return {name: EXTRAS[name] for name in names}


def library(exposed: Exposed) -> str:
    """Return the library that reads and writes; ``""`` where none is needed."""
    names = LIBRARIES.get(exposed, ()) if isinstance(exposed, str) else ()
    return names[0] if names else ""


def class_of(exposed: Exposed) -> type[Any]:
    """Return the class that rows become.

    :raises ImportError: where it cannot be imported
    """
    if isinstance(exposed, type):
        return exposed

    module, _, path = exposed.partition(":")
    found: Any = import_module(module)

    for part in path.split("."):
        found = getattr(found, part)

    return typing.cast("type[Any]", found)


def _class_of_rows(exposed: Exposed) -> type[Any]:
    """Return the class that rows become, where one can be an object of it."""
    kind = class_of(exposed)

    try:
        _check_class(kind)
    except ValueError as error:
        raise DataNodeReadingError("", f"exposed_type: {error}", REMEDY) from None

    return kind


def of_part(exposed: Exposed, columns: Sequence[str] | None) -> Exposed:
    """Return what some columns are exposed as: a class needs all, so that they are dicts."""
    is_class = isinstance(exposed, type) or exposed not in NAMES
    return "list[dict]" if columns is not None and is_class else exposed


def expose(
    value: Any,
    exposed: Exposed,
    columns: Sequence[str] | None = None,
    where: Where | None = None,
    *,
    are_texts: bool = False,
    are_named: bool = True,
) -> Any:
    """Return a table as it is exposed, or a part of it.

    :param columns: the columns to expose; None for all
    :param where: which rows to expose; None for all
    :param are_texts: whether its cells are text, whatever they mean
    :param are_named: whether its columns have names of their own
    """
    is_class = isinstance(exposed, type) or exposed not in NAMES

    if is_class and are_texts and (columns is not None or where is not None):
        return _of_objects(value, _class_of_rows(exposed), columns, where, are_named)

    if columns is not None or where is not None:
        value = select(value, columns, where)

    match of_part(exposed, columns):
        case "pandas" | "polars" as library_name:
            return _read_as(value, library_name)
        case "arrow":
            return _read_as(value, "pyarrow")
        case "numpy":
            return _read_as(value, "pandas").to_numpy()
        case "list[dict]":
            return rows_of(value)
        case "dict":
            return columns_in(value)
        case _:
            kind = _class_of_rows(exposed)
            rows = rows_of(value)
            return objects_of(kind, rows, are_texts=are_texts, are_named=are_named)


def _read_as(value: Any, library_name: str) -> Any:
    """Return a table that was read as one of a library."""
    try:
        return as_table(value, library_name)
    except DataNodeWritingError as error:
        remedy = "have one type in each column, or read it as 'list[dict]'"
        raise DataNodeReadingError("", str(error), remedy) from error


def _of_objects(
    value: Any,
    kind: type[Any],
    columns: Sequence[str] | None,
    where: Where | None,
    are_named: bool,
) -> Any:
    """Return a part of what has texts for cells: the class says what these mean."""
    rows = rows_of(value)

    if callable(getattr(kind, "decode", None)):  # it alone knows its attributes
        rows = select(rows, columns, where)
        return rows if columns is not None else objects_of(kind, rows, are_texts=True)

    objects = objects_of(kind, rows, are_texts=True, are_named=are_named)
    return select(objects, columns, where)
