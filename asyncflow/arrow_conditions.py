"""Conditions as expressions of Arrow, which compare as other libraries do."""

from __future__ import annotations

from typing import Any

from asyncflow.comparing import COMPARE, as_time, joined
from asyncflow.filters import (
    Condition,
    Operator,
    Where,
    is_missing,
)
from asyncflow.worker.errors import DataNodeReadingError

COMPARABLE = "compare a column with a value of its own type"

ORDERING = frozenset(Operator) - {Operator.EQUAL, Operator.NOT_EQUAL}


def arrow_expression(where: Where, source: Any) -> Any:
    """Return a condition as an expression of Arrow.

    :param source: the table or the dataset that it is for; categories are read there
    :raises DataNodeReadingError: where a column cannot be compared so
    """

    def compare(condition: Condition) -> Any:
        try:
            return _compared(condition, source)
        except TypeError as error:
            why = f"its rows cannot be compared ({error})"
            raise DataNodeReadingError("", why, COMPARABLE) from error

    return joined(where, compare)


def _compared(where: Condition, source: Any) -> Any:
    from pyarrow import compute

    name, how = where.column, where.operator
    field = compute.field(name)
    missing = field.is_null(nan_is_null=True)

    if is_missing(where.value):
        return missing if how is Operator.EQUAL else ~missing

    value = where.value
    kind = source.schema.field(name).type

    if _is_categories(kind) and how in ORDERING:
        return _ordered(where, source, field)

    plain, value = _alike(field, kind, value)
    found = COMPARE[how](plain, value)
    return found | missing if how is Operator.NOT_EQUAL else found


def _alike(field: Any, kind: Any, value: Any) -> tuple[Any, Any]:
    """Return a column and a value that Arrow compares as Python does."""
    import pyarrow
    from pyarrow import types

    if types.is_timestamp(kind):
        at = as_time(value, has_zone=kind.tz is not None)
        return field, pyarrow.scalar(at, _finer(at, kind))

    if types.is_date(kind):
        return field, as_time(value, has_zone=False)

    is_number = types.is_integer(kind) or types.is_floating(kind)

    if isinstance(value, bool) and is_number:
        value = int(value)

    if types.is_boolean(kind) and type(value) in (int, float):
        return field.cast(pyarrow.int8()), value

    if (types.is_float32(kind) or types.is_float16(kind)) and type(value) is float:
        return field, pyarrow.scalar(value, kind)

    return field, value


def _finer(at: Any, kind: Any) -> Any:
    """Return the type that holds a time, and those of a column, without loss."""
    import pyarrow

    unit = "ns" if getattr(at, "nanosecond", 0) else "us"
    return pyarrow.timestamp(unit, kind.tz)


def _is_categories(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_dictionary(kind))


def _ordered(where: Condition, source: Any, field: Any) -> Any:
    """Compare categories by their order: as text they would have another."""
    name, value = where.column, where.value
    kind = source.schema.field(name).type

    if not kind.ordered:
        if b"pandas" not in (source.schema.metadata or {}):
            return COMPARE[where.operator](field, value)  # texts that are kept once

        raise TypeError(f"the categories of {name!r} have no order: use == or !=")

    known = _categories(source, name)

    if value not in known:
        shown = ", ".join(map(repr, known[:50]))
        raise TypeError(f"{value!r:.100} is no category of {name!r}, which has {shown}")

    at = known.index(value)
    picked = [
        one for code, one in enumerate(known) if COMPARE[where.operator](code, at)
    ]
    return field.cast(kind.value_type).isin(picked)


def _categories(source: Any, name: str) -> list[Any]:
    """Return the categories of a column in their order, as a read of all of it has them."""
    is_dataset = hasattr(source, "to_table")
    column = (source.to_table(columns=[name]) if is_dataset else source).column(name)
    chunks = column.unify_dictionaries().chunks
    return list(chunks[0].dictionary.to_pylist()) if chunks else []
