"""Conditions: what is taken as one, and how they are joined."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

import numpy as np
import pytest

from asyncflow.filters import (
    Condition,
    Conditions,
    JoinOperator,
    Operator,
    as_where,
    columns_of,
    is_missing,
    python_scalar,
)

SMALL = Condition("size", 3, Operator.LESS_THAN)
DAY = datetime.fromisoformat("2024-01-02")
RED = Condition("color", "red")


def test_a_tuple_is_a_condition() -> None:
    assert as_where(("size", 3, "<")) == SMALL
    assert as_where(("color", "red")) == RED
    assert as_where(SMALL) == SMALL
    assert as_where(None) is None


def test_a_list_is_several() -> None:
    both = as_where([("size", 3, "<"), RED])
    assert both == Conditions((SMALL, RED), JoinOperator.AND) == SMALL & RED
    assert as_where([SMALL, RED], "or") == SMALL | RED
    assert as_where([]) is None
    assert as_where(SMALL | RED) == SMALL | RED


def test_they_can_be_joined_again() -> None:
    where = (SMALL | RED) & Condition("name", None)
    assert where.join is JoinOperator.AND
    assert [*columns_of(where)] == ["size", "color", "name"]
    assert (where | SMALL).parts == (where, SMALL)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("size < 3", "is no condition"),
        (("size",), "not of the form"),
        (("size", 3, "=<"), r"no known operator: use EQUAL \(==\)"),
        (("size", None, "<"), "orders what is missing"),
        ((None, 3), "no column's name"),
        ([("size", 3), 4], "4 is no condition"),
    ],
)
def test_what_is_none_is_refused(given: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        as_where(given)


class Missing:
    """Has no truth, as the missing values of libraries have none."""

    def __ne__(self, other: object) -> bool:
        raise TypeError


def test_what_is_missing() -> None:
    assert is_missing(None)
    assert is_missing(math.nan)
    assert is_missing(type("NAType", (Missing,), {})())
    assert not any(map(is_missing, [0, "", [], False, Missing()]))


@pytest.mark.parametrize(
    ("scalar", "plain"),
    [
        (np.int64(2), 2),
        (np.float32(0.5), 0.5),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (np.datetime64("2024-01-02"), DAY),
        (
            np.datetime64("2024-01-02T00:00:00.000001000"),
            DAY + timedelta(microseconds=1),
        ),
        (np.timedelta64(3, "s"), timedelta(seconds=3)),
    ],
)
def test_scalars_of_numpy_are_those_of_python(scalar: object, plain: object) -> None:
    for given in (("a", scalar), Condition("a", scalar), Conditions((("a", scalar),))):  # type: ignore[arg-type]  # no condition yet
        found = as_where(given)
        found = found.parts[0] if isinstance(found, Conditions) else found
        assert isinstance(found, Condition)
        assert found.value == plain
        assert type(found.value) is type(plain)


def test_what_python_has_no_scalar_for_stays() -> None:
    finest = np.datetime64("2024-01-02T00:00:00.000000001")

    for value in (finest, np.datetime64(10**12, "Y"), np.array(3)):
        assert python_scalar(value) is value
