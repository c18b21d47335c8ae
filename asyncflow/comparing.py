"""How a cell is compared with a value: the same, whatever keeps them.

Where times are compared, a date is midnight of its day, and a text is one of ISO 8601.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from typing import Any

from asyncflow.filters import Condition, JoinOperator, Operator, Where, is_missing

COMPARE: Mapping[Operator, Callable[[Any, Any], Any]] = {
    Operator.EQUAL: operator.eq,
    Operator.NOT_EQUAL: operator.ne,
    Operator.LESS_THAN: operator.lt,
    Operator.LESS_OR_EQUAL: operator.le,
    Operator.GREATER_THAN: operator.gt,
    Operator.GREATER_OR_EQUAL: operator.ge,
}


def joined(where: Where, compare: Callable[[Condition], Any]) -> Any:
    """Return conditions as something that `&` and `|` join: masks, expressions.

    :param compare: gives that for one condition
    """
    if isinstance(where, Condition):
        return compare(where)

    join = operator.and_ if where.join is JoinOperator.AND else operator.or_
    first, *others = [joined(part, compare) for part in where.parts]

    for other in others:
        first = join(first, other)

    return first


def holds(cell: object, how: Operator, value: object) -> bool:
    """Tell whether one cell compares with a value so.

    :raises TypeError: where the two cannot be compared
    """
    if is_missing(cell) or is_missing(value):
        same = is_missing(cell) and is_missing(value)
        return same if how is Operator.EQUAL else how is Operator.NOT_EQUAL and not same

    if isinstance(cell, date) and isinstance(value, date | str):
        has_zone = getattr(cell, "tzinfo", None) is not None
        return bool(COMPARE[how](midnight(cell), as_time(value, has_zone=has_zone)))

    return bool(COMPARE[how](cell, value))


def as_time(value: object, *, has_zone: bool | None) -> datetime:
    """Return what times are compared with.

    :param has_zone: whether these times have a time zone; None where that is not known
    :raises TypeError: where it is no time, or has a time zone and these have none
    """
    found = _read(value) if isinstance(value, str) else value

    if not isinstance(found, date):
        raise TypeError(
            f"{value!r:.100} is no date or time: give a datetime, a date, or a text "
            "like '2024-01-31 12:00'"
        )

    at = midnight(found)

    if has_zone is not None and (at.tzinfo is not None) != has_zone:
        ours, theirs = ("a", "none") if has_zone else ("no", "one")
        raise TypeError(
            f"the column has {ours} time zone, and {value!r:.100} has {theirs}"
        )

    return at


def midnight(day: date) -> datetime:
    """Return a date as midnight of its day, and a time as it is."""
    return day if isinstance(day, datetime) else datetime.combine(day, time())


def _read(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
