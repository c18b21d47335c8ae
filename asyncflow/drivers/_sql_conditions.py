"""Conditions for SQLAlchemy: values are bound, and compared as a read returns the cells."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

from asyncflow.arrow_conditions import COMPARABLE
from asyncflow.comparing import COMPARE, as_time, midnight
from asyncflow.filters import (
    Condition,
    JoinOperator,
    Operator,
    Where,
    is_missing,
)
from asyncflow.worker.errors import DataNodeReadingError

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

NAIVE = frozenset({"DATETIME", "TIMESTAMP"})
"""The types of columns that drop the zone of a time in silence, where they have none."""

MOMENT = "0000-00-00 00:00:00.000000"
"""What SQLite keeps of a time in full; others write the first part of it."""

CLOCK = "00:00:00.000000"

Column = Any  # a `ColumnElement`, of whatever type
Find = Callable[[str], Any]


def condition_of(where: Where, column: Find, engine: str) -> Any:
    """Return conditions for SQLAlchemy, with bound values.

    :param column: gives a column by its name
    :param engine: the kind of database
    :raises DataNodeReadingError: where a column cannot be compared with a value
    """
    from sqlalchemy import and_, or_

    if isinstance(where, Condition):
        return _comparison(column(where.column), where, engine)

    join = and_ if where.join is JoinOperator.AND else or_
    return join(*(condition_of(part, column, engine) for part in where.parts))


def keeps_no_zone(kind: Any) -> bool:
    """Tell whether a type of columns drops the zone of a time in silence."""
    return type(kind).__name__ in NAIVE and not getattr(kind, "timezone", False)


def _comparison(column: ColumnElement[Any], where: Condition, engine: str) -> Any:
    from sqlalchemy import or_

    if is_missing(where.value):
        is_equal = where.operator is Operator.EQUAL
        return column.is_(None) if is_equal else column.is_not(None)

    try:
        found = _compared(column, where.operator, where.value, engine)
    except TypeError as error:
        why = f"column {where.column!r} cannot be compared ({error})"
        raise DataNodeReadingError("", why, COMPARABLE) from error

    if where.operator is Operator.NOT_EQUAL:
        return or_(found, column.is_(None))

    return found


def _compared(column: Column, how: Operator, value: Any, engine: str) -> Any:
    from sqlalchemy import types

    kind = column.type
    is_sqlite = engine == "sqlite"

    if isinstance(kind, types.DateTime):
        at = as_time(value, has_zone=_has_zone(kind))
        return (
            COMPARE[how](*_moments(column, at))
            if is_sqlite
            else COMPARE[how](column, at)
        )

    if isinstance(kind, types.Date):
        return _days(column, how, as_time(value, has_zone=False))

    if is_sqlite and isinstance(value, time):
        return COMPARE[how](_in_full(column, CLOCK), value.isoformat("microseconds"))

    if is_sqlite and isinstance(value, date) and isinstance(kind, types.NullType):
        return COMPARE[how](*_moments(column, midnight(value)))

    _check_kind(kind, value)
    found = COMPARE[how](column, _bound(kind, value, is_sqlite=is_sqlite))
    is_unknown = is_sqlite and isinstance(kind, types.NullType)
    return _of_kind(column, how, value, found) if is_unknown else found


def _has_zone(kind: Any) -> bool | None:
    if getattr(kind, "timezone", False):
        return True

    return False if keeps_no_zone(kind) else None


def _moments(column: Column, at: datetime) -> tuple[Any, str]:
    """Return a column of SQLite and a time as texts that are in the order of the times:
    others have written shorter ones than SQLAlchemy does.
    """
    return _in_full(column, MOMENT), at.isoformat(" ", "microseconds")


def _in_full(column: Column, pattern: str) -> Any:
    from sqlalchemy import String, func, type_coerce

    text = func.replace(type_coerce(column, String), "T", " ")
    rest = func.substr(pattern, func.length(text) + 1)
    return text.concat(rest)


def _days(column: Column, how: Operator, at: datetime) -> Any:
    """Compare dates with a time, which is later than the midnight of its day, or just
    that.
    """
    from sqlalchemy import false, true

    if at.time() == time():
        return COMPARE[how](column, at.date())

    match how:
        case Operator.EQUAL:
            return false()
        case Operator.NOT_EQUAL:
            return true()
        case Operator.LESS_THAN | Operator.LESS_OR_EQUAL:
            return column <= at.date()
        case _:
            return column > at.date()


def _check_kind(kind: Any, value: Any) -> None:
    """Refuse what SQLite would convert: other databases refuse it themselves."""
    from sqlalchemy import types

    is_number = isinstance(
        kind, types.Integer | types.Numeric | types.Float | types.Boolean
    )

    if is_number and isinstance(value, str | bytes | date | time):
        raise TypeError(f"it has numbers, and {value!r:.100} is none")

    is_text = isinstance(kind, types.String) and not isinstance(kind, types.Enum)

    if is_text and not isinstance(value, str):
        raise TypeError(f"it has texts, and {value!r:.100} is none")


def _of_kind(column: Column, how: Operator, value: Any, found: Any) -> Any:
    """Have SQLite take no text for a number, and no number for a text."""
    from sqlalchemy import func, literal_column

    if not isinstance(value, str | int | float):
        return found

    kinds = ("'text'",) if isinstance(value, str) else ("'integer'", "'real'")
    names: list[Any] = [literal_column(one) for one in kinds]
    kind = func.typeof(column)
    return (
        found | kind.not_in(names)
        if how is Operator.NOT_EQUAL
        else found & kind.in_(names)
    )


def _bound(kind: Any, value: Any, *, is_sqlite: bool) -> Any:
    """Return a value as it is bound: SQLAlchemy orders no truth values."""
    from sqlalchemy import bindparam, cast, types

    if isinstance(kind, types.REAL) and isinstance(value, float) and not is_sqlite:
        return cast(value, kind)  # of 32 bits

    if not isinstance(value, bool):
        return value

    if isinstance(kind, types.Boolean) or not (
        is_sqlite or isinstance(kind, types.Integer | types.Numeric | types.Float)
    ):
        return bindparam(None, value, types.Boolean())

    return int(value)
