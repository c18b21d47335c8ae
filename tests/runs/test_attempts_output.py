"""What the attempts at a job have printed, as one text."""

from __future__ import annotations

from asyncflow.abc import Printed
from asyncflow.runs import attempts_output
from asyncflow.runs.attempts_output import joined, separator


def test_the_first_stands_alone_and_the_next_are_parted() -> None:
    first = joined(None, Printed("one"), 1)
    assert first == Printed("one")
    assert joined(first, Printed("two"), 2) == Printed(f"one{separator(2)}two")


def test_of_much_the_middle_is_left_out() -> None:
    long = Printed("x" * (attempts_output.EARLIER + 100), left_out=7)
    found = joined(long, Printed("end"), 2)
    assert found.text.endswith(f"{separator(2)}end")
    assert found.left_out >= 107
