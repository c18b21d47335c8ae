"""Conditions on the rows of a value: a small tree, which drivers take as far as they can.

The rows that a condition picks are the same whatever keeps them. A value that is missing
(None, NaN, NULL) is equal to None alone, differs from all else, and is neither smaller
nor larger than anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, NamedTuple, TypeAlias


class Operator(StrEnum):
    """How a column is compared with a value."""

    EQUAL = "=="
    NOT_EQUAL = "!="
    LESS_THAN = "<"
    LESS_OR_EQUAL = "<="
    GREATER_THAN = ">"
    GREATER_OR_EQUAL = ">="


class JoinOperator(StrEnum):
    """How conditions are joined."""

    AND = "and"
    OR = "or"


class Condition(NamedTuple):
    """A column compared with a value; ``&`` and ``|`` join two."""

    column: str
    value: object
    operator: Operator = Operator.EQUAL

    def __and__(self, other: Where) -> Conditions:
        return Conditions((self, other), JoinOperator.AND)

    def __or__(self, other: Where) -> Conditions:
        return Conditions((self, other), JoinOperator.OR)


class Conditions(NamedTuple):
    """Several conditions, joined; ``&`` and ``|`` join two."""

    parts: tuple[Where, ...]
    join: JoinOperator = JoinOperator.AND

    def __and__(self, other: Where) -> Conditions:
        return Conditions((self, other), JoinOperator.AND)

    def __or__(self, other: Where) -> Conditions:
        return Conditions((self, other), JoinOperator.OR)


Where: TypeAlias = Condition | Conditions
"""A condition, or several."""


def as_where(given: object, join: object = JoinOperator.AND) -> Where | None:
    """Return the conditions that are meant.

    :param given: a condition, a tuple of column, value and operator, or a list of these;
        None for no condition
    :param join: how those of a list are joined
    :raises ValueError: where it is none of these
    """
    joined = _joined(join)

    if given is None:
        return None

    if isinstance(given, Conditions):
        inner = [part for one in given.parts if (part := as_where(one)) is not None]
        return Conditions(tuple(inner), given.join)

    if isinstance(given, tuple):
        return _condition(given)

    if isinstance(given, list):
        parts = tuple(
            part for condition in given if (part := as_where(condition)) is not None
        )
        return Conditions(parts, joined) if parts else None

    raise ValueError(
        f"{given!r:.200} is no condition: give (column, value, operator), or a list"
    )


def _joined(join: object) -> JoinOperator:
    try:
        return JoinOperator(str(join).lower())
    except ValueError:
        raise ValueError(
            f"conditions are joined by 'and' or 'or', not {join!r}"
        ) from None


def columns_of(where: Where) -> Iterator[str]:
    """Yield the columns that are compared."""
    if isinstance(where, Condition):
        yield where.column
        return

    for part in where.parts:
        yield from columns_of(part)


def is_missing(value: object) -> bool:
    """Tell whether a value is None or NaN, or what a library has for these."""
    if value is None:
        return True

    try:
        return bool(value != value)  # so it is with NaN alone
    except (TypeError, ValueError):  # pandas' NA has no truth; an array is something
        return type(value).__name__ == "NAType"


def python_scalar(value: object) -> object:
    """Return what Python has for a scalar of NumPy, and all else as it is."""
    if not any(map(_is_of_numpy, type(value).__mro__)):
        return value

    scalar: Any = value

    if scalar.dtype.kind not in "mM":
        return scalar.item()

    found = scalar.astype(f"{scalar.dtype.kind}8[us]")  # Python has nothing finer
    plain = found.item()
    return value if isinstance(plain, int) or bool(found != scalar) else plain


def _condition(given: tuple[object, ...]) -> Condition:
    what = f"the condition {given!r:.200}"

    if len(given) not in (2, 3):
        raise ValueError(f"{what} is not of the form (column, value, operator)")

    column, value, *rest = given

    try:
        operator = Operator(str(rest[0])) if rest else Operator.EQUAL
    except ValueError:
        names = ", ".join(f"{operator.name} ({operator})" for operator in Operator)
        raise ValueError(f"{what} has no known operator: use {names}") from None

    is_ordering = operator not in (Operator.EQUAL, Operator.NOT_EQUAL)

    if is_ordering and is_missing(value):
        raise ValueError(f"{what} orders what is missing: use EQUAL or NOT_EQUAL")

    if not isinstance(column, str) and type(column) is not int:
        raise ValueError(f"{what} begins with no column's name")

    return Condition(column, python_scalar(value), operator)  # type: ignore[arg-type]  # or a number


def _is_of_numpy(kind: type[Any]) -> bool:
    return f"{kind.__module__}.{kind.__name__}" == "numpy.generic"
