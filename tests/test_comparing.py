"""One cell compared with a value."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest

from asyncflow.comparing import as_time, holds, joined
from asyncflow.filters import Condition, Operator, as_where

DAY, MIDNIGHT = date(2024, 1, 2), datetime.fromisoformat("2024-01-02")
ZONED = datetime(2024, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize("value", [DAY, MIDNIGHT, "2024-01-02", pd.Timestamp(MIDNIGHT)])
@pytest.mark.parametrize("cell", [DAY, MIDNIGHT, pd.Timestamp(MIDNIGHT)])
def test_a_date_is_midnight_of_its_day(cell: object, value: object) -> None:
    assert holds(cell, Operator.EQUAL, value)
    assert not holds(cell, Operator.LESS_THAN, value)
    assert holds(cell, Operator.LESS_THAN, MIDNIGHT + timedelta(seconds=1))


@pytest.mark.parametrize("value", ["soon", "2024", 3])
def test_what_is_no_time_says_so(value: object) -> None:
    with pytest.raises(TypeError, match="is no date or time: give a datetime"):
        as_time(value, has_zone=False)


def test_a_time_zone_is_compared_with_one_alone() -> None:
    assert holds(ZONED, Operator.EQUAL, ZONED)

    for cell, value in [(ZONED, MIDNIGHT), (ZONED, DAY), (MIDNIGHT, ZONED)]:
        with pytest.raises(TypeError, match="time zone"):
            holds(cell, Operator.EQUAL, value)


def test_conditions_are_joined_as_they_say() -> None:
    def above(condition: Condition) -> set[int]:
        return {number for number in range(6) if number > condition.value}  # type: ignore[operator]

    one, two, three = (
        Condition("a", limit, Operator.GREATER_THAN) for limit in (0, 2, 4)
    )
    assert joined(one, above) == {1, 2, 3, 4, 5}
    assert joined(one & two & three, above) == {5}
    either = as_where([("a", 2, ">"), ("a", 4, ">")], "or")
    assert either is not None
    assert joined(either & one, above) == {3, 4, 5}
