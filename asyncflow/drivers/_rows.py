"""Rows of a table, as they go to a database and come from one.

What a library makes is asked by its own methods: it is loaded already.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from asyncflow.selection import library_of

TYPES = ("pandas", "polars", "arrow", "numpy", "list")
"""The names of exposed types; a class is one too."""

MODULES: Mapping[object, str] = {
    "pandas": "pandas",
    "polars": "polars",
    "arrow": "pyarrow",
    "numpy": "numpy",
}
"""The module that each needs."""

Row = dict[str, Any]


def rows_of(value: Any, columns: Sequence[str] = ()) -> list[Row]:
    """Return the rows of a value.

    :param columns: the names of columns, for a value that has none
    :raises TypeError: where it has no rows
    """
    match library_of(value):
        case "pandas":
            frame = value if hasattr(value, "columns") else value.to_frame()
            objects = frame.astype(object)
            names = [str(name) for name in frame.columns]
            cells = objects.where(frame.notna(), None).itertuples(index=False)
            return [dict(zip(names, row, strict=True)) for row in cells]
        case "polars":
            found: list[Row] = value.to_dicts()
            return found
        case "pyarrow":
            rows: list[Row] = value.to_pylist()
            return rows
        case "numpy":
            names = [*(value.dtype.names or columns)]
            return [dict(zip(names, row, strict=True)) for row in value.tolist()]
        case _:
            return [
                {name: native(one) for name, one in row.items()}
                for row in _of_plain(value)
            ]


def native(value: Any) -> Any:
    """Return a scalar of NumPy as what Python has for it."""
    return value.item() if type(value).__module__ == "numpy" else value


def _of_plain(value: Any) -> list[Row]:
    if isinstance(value, Mapping):
        return [dict(value)]

    if not isinstance(value, list | tuple):
        raise TypeError(
            f"a {type(value).__qualname__} has no rows: return a frame, or a list of "
            "dicts or objects"
        )

    return [row_of(one) for one in value]


def row_of(one: Any) -> Row:
    """Return a row: a dict, or what an object has."""
    if isinstance(one, Mapping):
        return dict(one)

    for name in ("encode", "model_dump", "_asdict"):
        if callable(found := getattr(one, name, None)) and not isinstance(one, str):
            return dict(found())

    fields = getattr(type(one), "__dataclass_fields__", None) or [
        field.name for field in getattr(type(one), "__attrs_attrs__", ())
    ]

    if fields:
        return {name: getattr(one, name) for name in fields}

    if hasattr(one, "__dict__"):
        return dict(vars(one))

    raise TypeError(f"a {type(one).__qualname__} is no row: give dicts or objects")


def exposed(kind: Any, names: list[str], rows: list[tuple[Any, ...]]) -> Any:
    """Return rows as a value of the exposed type.

    :param kind: one of `TYPES`, or a class
    """
    match kind:
        case "pandas":
            import pandas

            return pandas.DataFrame(rows, columns=names)
        case "polars":
            import polars

            return polars.DataFrame(
                rows, schema=names, orient="row", infer_schema_length=None
            )
        case "arrow":
            import pyarrow

            cells = zip(*rows, strict=True) if rows else ([] for _ in names)
            return pyarrow.table(dict(zip(names, map(list, cells), strict=True)))
        case "numpy":
            import numpy

            array = numpy.array(rows, dtype=None if rows else object)
            return array if rows else array.reshape(0, len(names))
        case "list":
            return [dict(zip(names, row, strict=True)) for row in rows]
        case _:
            make = maker(kind)
            return [make(dict(zip(names, row, strict=True))) for row in rows]


def maker(kind: Any) -> Callable[[Row], Any]:
    """Return what makes an object of a class of a row."""
    decode = getattr(kind, "decode", None)
    return decode if callable(decode) else lambda row: kind(**row)
