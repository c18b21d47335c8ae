"""What the writer of a store is asked for, and how it tells that it writes no more."""

from __future__ import annotations

import pytest

from asyncflow.errors import NotFound, StoreFailed, StoreUnavailable, TakenOver
from asyncflow.stores._command import Command, is_reported, taken_over


def test_each_command_has_its_own_answers() -> None:
    one, other = Command("claim", [{"id": "a"}]), Command("claim", [{"id": "a"}])
    one.answers["found"] = [("a",)]
    assert other.answers == {}
    assert one != other


def test_who_was_taken_over_is_told_what_to_do() -> None:
    error = taken_over("runs.db")
    assert isinstance(error, TakenOver)
    assert error.file == "runs.db"
    assert "took this one for dead" in error.problem
    assert "open a new one" in error.remedy


@pytest.mark.parametrize(
    ("error", "is_told"),
    [
        (None, False),
        (ValueError("no"), False),
        (NotFound("JOB_1"), False),
        (StoreFailed("f", "p", "r"), True),
        (StoreUnavailable("f", "p", "r"), True),
        (ExceptionGroup("", [ValueError("no"), KeyError("no")]), False),
        (
            ExceptionGroup(
                "", [ValueError(), ExceptionGroup("", [taken_over("runs.db")])]
            ),
            True,
        ),
    ],
)
def test_a_failure_is_told_once(error: BaseException | None, is_told: bool) -> None:
    assert is_reported(error) is is_told
