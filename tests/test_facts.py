"""What shows and compares the fields of attrs classes, as attrs itself would."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import attrs
import pytest

from asyncflow import Retry
from asyncflow.facts import Facts, Shown


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Ours(Facts):
    number: int
    text: str = attrs.field(default="a", repr=str.upper)
    hidden: object = attrs.field(default=None, repr=False, eq=False)
    folded: str = attrs.field(default="", eq=str.lower)


@attrs.frozen(kw_only=True)
class Theirs:
    number: int
    text: str = attrs.field(default="a", repr=str.upper)
    hidden: object = attrs.field(default=None, repr=False, eq=False)
    folded: str = attrs.field(default="", eq=str.lower)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Below(Ours):
    more: int = 0


@attrs.define(eq=False, repr=False)
class Circle(Shown):
    inside: object = None


KINDS: tuple[dict[str, Any], ...] = (
    {"number": 1},
    {"number": 2},
    {"number": 1, "text": "b"},
    {"number": 1, "hidden": []},
    {"number": 1, "folded": "X"},
    {"number": 1, "folded": "x"},
)


@pytest.mark.parametrize("one", KINDS)
def test_facts_are_as_attrs_makes_them(one: dict[str, Any]) -> None:
    assert repr(Ours(**one)) == repr(Theirs(**one)).replace("Theirs", "Ours")

    for other in KINDS:
        are_equal = Theirs(**one) == Theirs(**other)
        assert (Ours(**one) == Ours(**other)) is are_equal
        assert (Ours(**one) != Ours(**other)) is not are_equal
        assert (hash(Ours(**one)) == hash(Ours(**other))) is are_equal


def test_only_facts_of_one_class_are_equal() -> None:
    assert Ours(number=1) != Below(number=1)
    assert Below(number=1) != Ours(number=1)
    assert Ours(number=1) != (1, "a", "")
    assert Below(number=1, more=2) != Below(number=1, more=3)
    assert repr(Below(number=1)) == "Below(number=1, text=A, folded='', more=0)"


def test_facts_stay_equal_wherever_they_come_from() -> None:
    for made in (copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))):
        assert made(Below(number=1)) == Below(number=1)

    assert Retry(2, on=(OSError,)) == Retry(2, on=("builtins.OSError",))
    assert not hasattr(Ours(number=1), "__dict__")


def test_what_holds_itself_is_shown() -> None:
    circle = Circle()
    circle.inside = [circle]
    assert repr(circle) == "Circle(inside=[...])"
