"""Checks of what is kept of runs that have finished."""

from __future__ import annotations

import math
from typing import Any

import pytest

from asyncflow.config import Configuration, CoreConfig
from asyncflow.config.checks.core import problems


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"keep_days": 0, "keep_submissions": 0, "keep_log_days": 0},
        {"keep_days": 0.5, "keep_log_days": 36_500},
        {"keep_submissions": 10**9},
    ],
    ids=["nothing", "least", "fraction", "most"],
)
def test_a_rule(given: Any) -> None:
    assert list(problems(CoreConfig(**given))) == []


@pytest.mark.parametrize(
    ("field", "value", "piece"),
    [
        ("keep_days", -1, "-1 is not a number from 0 to 36500; give days, or None"),
        ("keep_days", 36_501, "36501 is not a number"),
        ("keep_days", math.nan, "nan is not a number"),
        ("keep_log_days", "7", "'7' is not a number"),
        ("keep_log_days", True, "True is not a number"),
        ("keep_submissions", 1.5, "1.5 is not an int from 0 to 1000000000; give one"),
        ("keep_submissions", 10**9 + 1, "1000000001 is not an int"),
    ],
)
def test_what_is_no_rule(field: str, value: Any, piece: str) -> None:
    (problem,) = problems(CoreConfig(**{field: value}))
    assert (problem.section, problem.field) == ("CORE", field)
    assert piece in str(problem)


def test_each_wrong_field_is_told() -> None:
    wrong: Any = {"keep_days": -1, "keep_submissions": -1, "keep_log_days": -1}
    found = [problem.field for problem in problems(CoreConfig(**wrong))]
    assert found == ["keep_days", "keep_submissions", "keep_log_days"]


@pytest.mark.parametrize(
    "wrong",
    [{"keep_days": -1}, {"keep_submissions": 1.5}, {"keep_log_days": "7"}],
)
def test_a_wrong_rule_is_told(config: Configuration, wrong: dict[str, Any]) -> None:
    config.configure_core(**wrong)
    (problem,) = config.problems()
    assert problem.section == "CORE"
    assert problem.field in wrong
