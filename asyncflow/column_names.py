"""The names of the columns of a value, and which of them are meant.

A column that has a number for its name is meant by that number and by its text, as it has
become a text in some files and not in others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from asyncflow.filters import Condition, Conditions, Where
from asyncflow.worker.errors import DataNodeReadingError

LIBRARIES = frozenset({"numpy", "pandas", "polars", "pyarrow"})
"""The libraries whose tables are known."""


def library_of(value: object) -> str:
    """Return the library that a value is a table or an array of; ``""`` for none."""
    for kind in type(value).__mro__:
        if (name := kind.__module__.partition(".")[0]) in LIBRARIES:
            return name

    return ""


def is_columns(value: Mapping[Any, Any]) -> bool:
    """Tell whether a dict has the columns of one table: lists of one length."""
    lengths = {
        len(column) if isinstance(column, list) else -1 for column in value.values()
    }
    return len(lengths) == 1 and lengths != {-1}


def names_in(value: Any) -> list[Any] | None:
    """Return the names of the columns; None where each row has its own."""
    match library_of(value):
        case "pandas" if hasattr(value, "columns"):
            return list(value.columns)
        case "polars" if hasattr(value, "collect_schema"):
            return list(value.collect_schema().names())
        case "pyarrow" if hasattr(value, "column_names"):
            return list(value.column_names)
        case "numpy" if value.dtype.names:
            return list(value.dtype.names)
        case "numpy" if value.ndim == 2:
            return [*map(str, range(value.shape[1]))]
        case "":
            return _plain_names(value)
        case _:
            raise DataNodeReadingError(
                "",
                f"a {type(value).__qualname__} has no columns",
                "read it as a whole",
            )


def _plain_names(value: Any) -> list[Any] | None:
    if isinstance(value, dict):
        return list(value)

    if not isinstance(value, list | tuple) or not value:
        return None

    if all(isinstance(row, Mapping) for row in value):
        return list(dict.fromkeys(name for row in value for name in row))

    first = value[0]

    if isinstance(first, list | tuple) and not hasattr(first, "_fields"):
        return [*map(str, range(len(first)))]

    if hasattr(kind := type(first), "model_fields"):  # pydantic: it has much besides
        return [*kind.model_fields]

    names = [name for name in dir(first) if not name.startswith("_")]
    return [name for name in names if not callable(getattr(first, name, None))]


class Known:
    """The columns that are there, of which some are meant.

    :param names: those of the columns
    :param index: those of the index of a frame of pandas, by which rows are picked
    """

    def __init__(self, names: Iterable[Any], index: Iterable[Any] = ()) -> None:
        self.names: list[Any] = list(names)
        self.index: list[Any] = [name for name in index if name is not None]

    def columns(self, wanted: Sequence[Any] | None) -> list[Any] | None:
        """Return the columns that are wanted, as they are called there; None for all.

        :raises DataNodeReadingError: where one is not there
        """
        return None if wanted is None else [self._column(name) for name in wanted]

    def where(self, where: Where | None) -> Where | None:
        """Return a condition with the columns as they are called there.

        :raises DataNodeReadingError: where one is not there
        """
        if where is None:
            return None

        if not isinstance(where, Condition):
            parts = tuple(part for one in where.parts if (part := self.where(one)))
            return Conditions(parts, where.join)

        name = _meant(where.column, self.names)
        name = _meant(where.column, self.index) if name is None else name
        return where._replace(
            column=self._column(where.column) if name is None else name
        )

    def _column(self, name: Any) -> Any:
        if (found := _meant(name, self.names)) is not None:
            return found

        if _meant(name, self.index) is not None:
            raise DataNodeReadingError(
                "",
                f"{name!r} is its index, and no column",
                "read the value, and take its index",
            )

        known = ", ".join(map(str, self.names[:50]))
        raise DataNodeReadingError(
            "", f"it has no column {name!r}", f"use one of {known}"
        )


def only(table: Any, name: Any) -> Any:
    """Return a column of a mapping or a table that was asked for this one."""
    names = [*table] if isinstance(table, Mapping) else names_in(table) or []
    return table[next((one for one in names if str(one) == str(name)), name)]


def _meant(name: Any, known: Collection[Any]) -> Any:
    """Return the name that is meant; None where there is none."""
    if name in known:
        return name

    return next((one for one in known if str(one) == str(name)), None)


def index_names(value: Any) -> list[Any]:
    """Return the names of the index of a frame of pandas."""
    return [*getattr(getattr(value, "index", None), "names", ())]
