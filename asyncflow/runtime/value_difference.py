"""How two values differ: tables cell by cell, arrays element by element."""

from __future__ import annotations

import pickle
import reprlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import attrs

from asyncflow.entities.difference import DataNodeDiff
from asyncflow.selection import library_of

INDEX = "(index)"
"""How the index of a pandas frame is called among its columns."""


class Table(NamedTuple):
    """A table by its columns."""

    rows: int
    columns: Mapping[str, Any]
    """A one-dimensional array of numpy for each, or a list where there is no numpy."""
    types: Mapping[str, str]


def difference(name: str, one: Any, other: Any) -> DataNodeDiff | None:
    """Return how two values of a data node differ; None where they do not. Blocks.

    Whether tables, or what has tables in it, are equal is never asked of these.
    """
    tables = table_of(one), table_of(other)

    if tables[0] is not None and tables[1] is not None:
        return _of_tables(name, one, other, tables[0], tables[1])

    if library_of(one) == library_of(other) == "numpy" and _are_arrays(one, other):
        return _of_arrays(name, one, other)

    if is_same(one, other):
        return None

    return DataNodeDiff(name=name, texts=(_text(one), _text(other)))


def is_same(one: Any, other: Any) -> bool:
    """Tell whether two values are the same: of one type, and of equal parts."""
    if one is other:
        return True

    tables = table_of(one), table_of(other)

    if tables[0] is not None or tables[1] is not None or _are_arrays(one, other):
        return difference("", one, other) is None if type(one) is type(other) else False

    if type(one) is not type(other):
        return False

    if isinstance(one, dict):
        return one.keys() == other.keys() and all(
            is_same(part, other[key]) for key, part in one.items()
        )

    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(is_same, one, other))

    if type(one) in (str, bytes, int, bool, type(None)):
        return bool(one == other)

    return _is_pickled_alike(one, other) or _is_equal(one, other)


def _is_pickled_alike(one: Any, other: Any) -> bool:
    try:
        return pickle.dumps(one, 5) == pickle.dumps(other, 5)
    except Exception:  # what its class raises, or what cannot be pickled
        return False


def _is_equal(one: Any, other: Any) -> bool:
    try:
        return (one == other) is True
    except Exception:  # what its class raises
        return False


def _text(value: Any) -> str:
    if table_of(value) is not None or library_of(value):
        return f"{type(value).__module__.partition('.')[0]}.{type(value).__name__}"

    return reprlib.repr(value)


def table_of(value: Any) -> Table | None:
    """Return a table by its columns; None where a value is none."""
    kind = library_of(value), type(value).__name__

    if kind[0] == "pandas" and hasattr(value, "columns"):
        return _of_pandas(value)

    if kind == ("pandas", "Series"):
        return _of_pandas(value.to_frame())

    if kind == ("polars", "LazyFrame"):
        return table_of(value.collect())

    if kind == ("polars", "DataFrame"):
        columns = [column.to_numpy() for column in value.get_columns()]
        return _table(value.height, value.columns, columns, value.dtypes)

    if kind == ("polars", "Series"):
        return table_of(value.to_frame())

    if kind == ("pyarrow", "Table"):
        columns = [column.to_numpy() for column in value.columns]
        return _table(value.num_rows, value.column_names, columns, value.schema.types)

    return None


def _of_pandas(frame: Any) -> Table:
    names = [str(name) for name in frame.columns]
    columns = [frame.iloc[:, at].to_numpy() for at in range(len(names))]
    types = [*frame.dtypes]

    if type(frame.index).__name__ != "RangeIndex":
        names.append(INDEX)
        columns.append(frame.index.to_numpy())
        types.append(frame.index.dtype)

    return _table(len(frame), names, columns, types)


def _table(rows: int, names: Any, columns: Any, types: Any) -> Table:
    seen: dict[str, int] = {}
    unique: list[str] = []

    for name in names:  # pandas has frames with several of one name
        count = seen[name] = seen.get(name, -1) + 1
        unique.append(f"{name}.{count}" if count else str(name))

    known = zip(unique, columns, strict=True)
    return Table(rows, dict(known), dict(zip(unique, map(str, types), strict=True)))


def _of_tables(
    name: str, one: Any, other: Any, first: Table, second: Table
) -> DataNodeDiff | None:
    both = [column for column in first.columns if column in second.columns]
    rows = min(first.rows, second.rows)
    cells = sum(
        _changed(first.columns[column][:rows], second.columns[column][:rows])
        for column in both
    )
    found = DataNodeDiff(
        name=name,
        texts=(_text(one), _text(other)),
        rows=(first.rows, second.rows),
        columns=(_width(first), _width(second)),
        changed_cells=cells,
        only_columns=(
            tuple(column for column in first.columns if column not in both),
            tuple(column for column in second.columns if column not in both),
        ),
        retyped=tuple(c for c in both if first.types[c] != second.types[c]),
    )
    is_like = first.rows == second.rows and not any(found.only_columns)
    is_alike = is_like and not cells and type(one) is type(other)
    return None if is_alike and not found.retyped else found


def _width(table: Table) -> int:
    return len(table.columns) - (INDEX in table.columns)


def _are_arrays(one: Any, other: Any) -> bool:
    return hasattr(one, "dtype") and hasattr(other, "dtype")


def _of_arrays(name: str, one: Any, other: Any) -> DataNodeDiff | None:
    counts = tuple(len(part) if part.ndim else 1 for part in (one, other))
    is_like = one.shape == other.shape
    cells = _changed(one.reshape(-1), other.reshape(-1)) if is_like else None

    if cells == 0 and one.dtype == other.dtype:
        return None

    texts = tuple(f"array of {part.dtype}, {part.shape}" for part in (one, other))
    retyped = () if one.dtype == other.dtype else ("dtype",)
    found = DataNodeDiff(name=name, rows=(counts[0], counts[1]), changed_cells=cells)
    return attrs.evolve(found, texts=(texts[0], texts[1]), retyped=retyped)


def _changed(one: Any, other: Any) -> int:
    """Return how many cells of two columns of one length differ; NaN is as NaN."""
    kinds = {
        getattr(getattr(part, "dtype", None), "kind", "O") for part in (one, other)
    }

    if kinds <= {*"biufc"} or (len(kinds) == 1 and kinds <= {*"mMUS"}):
        differs = one != other
        return int((differs & ~((one != one) & (other != other))).sum())

    return sum(
        not _is_same_cell(cell, its) for cell, its in zip(one, other, strict=True)
    )


def _is_same_cell(one: Any, other: Any) -> bool:
    if one is other:
        return True

    return _is_equal(one, other) or is_same(one, other) or _is_missing(one, other)


def _is_missing(one: Any, other: Any) -> bool:
    """Tell whether neither is anything: NaN, NaT and such are not equal to themselves."""
    try:
        return bool(one != one) and bool(other != other)
    except Exception:  # pandas.NA is neither
        return type(one) is type(other) and repr(one) == repr(other) == "<NA>"
