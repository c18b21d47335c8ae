"""What callers give, in the form that sections hold it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from asyncflow.config import TaskConfig
from asyncflow.config.converters import as_amounts, as_path, as_sequences, as_tuple

TASK = TaskConfig(id="t", function=print)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ()),
        (TASK, (TASK,)),
        ([TASK, 5], (TASK, 5)),
        (iter([1, 2]), (1, 2)),
        ({"a": 1}, ("a",)),
        ("ab", ("ab",)),
        (b"ab", (b"ab",)),
        (int, (int,)),
        (5, (5,)),
    ],
    ids=["none", "one", "list", "iterator", "dict", "str", "bytes", "class", "int"],
)
def test_a_tuple(value: object, expected: tuple[object, ...]) -> None:
    assert as_tuple(value) == expected


def test_an_enumeration_is_one_thing_though_it_can_be_iterated() -> None:
    class Rows(type):
        def __iter__(cls) -> Any:
            raise AssertionError("it was iterated")

    class Table(metaclass=Rows): ...

    assert as_tuple(Table) == (Table,)


def test_sequences() -> None:
    assert as_sequences(None) == {}
    assert as_sequences({"one": TASK, "two": [TASK]}) == {
        "one": (TASK,),
        "two": (TASK,),
    }
    assert as_sequences(5) == 5


def test_a_path() -> None:
    assert as_path(Path("a") / "b.p") == "a/b.p"
    assert as_path("a.p") == "a.p"
    assert as_path(None) is None
    assert as_path(5) == 5


def test_amounts_are_a_copy() -> None:
    given = {"gpu": 1.0}
    amounts = as_amounts(given)
    given["gpu"] = 2.0
    assert amounts == {"gpu": 1.0}
    assert as_amounts(None) == {}
    wrong: Any = ["gpu"]
    assert as_amounts(wrong) is wrong
