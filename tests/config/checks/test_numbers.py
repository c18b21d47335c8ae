"""Which numbers a field takes, a time to wait, a flag."""

from __future__ import annotations

import math
from typing import Any

import pytest

from asyncflow.config.checks.numbers import (
    BYTES_OR_NONE,
    MAX_BYTES,
    SECONDS,
    SECONDS_OR_NONE,
    Number,
    check_flag,
    check_timeout,
)


@pytest.mark.parametrize(
    ("number", "taken", "others"),
    [
        (SECONDS, [0, 0.0, 1.5, 10**6], [-0.1, None, math.nan, math.inf, True, "1"]),
        (SECONDS_OR_NONE, [None, 0.001, 1], [0, 0.0, -1, math.inf, 10**400]),
        (BYTES_OR_NONE, [None, 1, MAX_BYTES], [0, 1.0, MAX_BYTES + 1, False]),
        (Number(minimum=1, maximum=2, remedy="x"), [1, 1.5, 2], [0.9, 2.1, None]),
    ],
    ids=["seconds", "seconds_or_none", "bytes_or_none", "from_to"],
)
def test_what_it_takes(number: Number, taken: list[Any], others: list[Any]) -> None:
    assert [value for value in taken if not number.takes(value)] == []
    assert [value for value in others if number.takes(value)] == []


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (SECONDS, "a number of at least 0"),
        (SECONDS_OR_NONE, "a number above 0"),
        (Number(minimum=1, maximum=9, whole=True, remedy="x"), "an int from 1 to 9"),
    ],
)
def test_how_it_is_told(number: Number, text: str) -> None:
    assert str(number) == text


def test_a_problem_names_the_part_of_the_field() -> None:
    assert list(SECONDS.problems("JOB", "kill_grace", 1)) == []
    (whole,) = SECONDS.problems("JOB", "kill_grace", "1")
    (part,) = SECONDS.problems("TASK.t", "retry", -1, "wait")
    assert (whole.section, whole.field) == ("JOB", "kill_grace")
    assert whole.message == "'1' is not a number of at least 0"
    assert part.message == "wait: -1 is not a number of at least 0"
    assert part.remedy == whole.remedy == "give seconds"


@pytest.mark.parametrize("timeout", [None, 0, 0.5, math.inf])
def test_a_time_to_wait(timeout: float | None) -> None:
    check_timeout(timeout)


@pytest.mark.parametrize("timeout", [-1, -0.001, math.nan, True, "5", [1]])
def test_what_is_no_time_to_wait(timeout: object) -> None:
    with pytest.raises(ValueError, match="timeout is in seconds"):
        check_timeout(timeout)


def test_a_flag() -> None:
    check_flag("force", True)
    check_flag("force", False)

    with pytest.raises(TypeError, match=r"^force is True or False; got \[\]: why$"):
        check_flag("force", [], ": why")

    with pytest.raises(TypeError, match=r"got 1$"):
        check_flag("force", 1)
