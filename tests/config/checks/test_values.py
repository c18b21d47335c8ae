"""Fields that take one of a few values, and arguments that have one of a few names."""

from __future__ import annotations

import pytest

from asyncflow.config.checks.values import (
    choice,
    flag,
    meant,
    most_like,
    names_arguments,
    one_of,
)

KNOWN = ("process", "thread", "inline")


def test_the_remedy_names_what_was_meant_and_all_there_is() -> None:
    choose = "choose one of 'process', 'thread', 'inline'"
    assert one_of("thred", KNOWN) == f"did you mean 'thread'? {choose}"
    assert one_of("gpu", KNOWN) == one_of(5, KNOWN) == choose
    assert meant("gpu", KNOWN) == ""


def test_what_is_most_alike() -> None:
    assert most_like("proces", KNOWN) == "process"
    assert most_like("proces", [5, None, "process"]) == "process"
    assert most_like("prose", KNOWN, likeness=0.9) is None
    assert most_like(["process"], KNOWN) is None


def test_one_of_a_few_values() -> None:
    assert list(choice("TASK.t", "executor", "thread", KNOWN)) == []
    others: list[object] = ["Thread", 5, None, []]
    for wrong in others:
        (problem,) = choice("TASK.t", "executor", wrong, KNOWN)
        assert (problem.section, problem.field) == ("TASK.t", "executor")
        assert problem.message == f"{wrong!r} is not known"


def test_a_flag_is_a_bool() -> None:
    assert list(flag("JOB", "prewarm", False)) == []
    (problem,) = flag("JOB", "prewarm", 0)
    assert str(problem) == "[JOB.prewarm] 0 is not a bool; give True or False"


@names_arguments
class Thing:
    def __init__(self, size: int, *, color: str = "red") -> None:
        """Make a thing."""
        self.given = (size, color)


def test_an_argument_that_there_is_not_is_named() -> None:
    assert Thing(1, color="blue").given == (1, "blue")
    assert Thing.__init__.__doc__ == "Make a thing."

    why = (
        r"^Thing\(\) has no argument 'colour': did you mean 'color'\? it takes size, c"
    )
    with pytest.raises(TypeError, match=why):
        Thing(1, colour="blue")  # type: ignore[call-arg]  # that is what is tested

    with pytest.raises(TypeError, match="missing 1 required"):
        Thing()  # type: ignore[call-arg]  # that is what is tested
