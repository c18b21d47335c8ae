"""What callers give, in the form that sections hold it."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pytest

from asyncflow.config import TaskConfig
from asyncflow.config.converters import (
    as_amounts,
    as_path,
    as_sequences,
    as_tuple,
    refusal,
    run_by,
    signature_of,
)

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


class Hidden:
    """Has a signature that cannot be asked for."""

    @property
    def __signature__(self) -> object:
        raise OSError("no disk")

    def __call__(self) -> None: ...


def test_a_function_that_takes_another_number_of_values_is_refused() -> None:
    signature = signature_of(lambda one, two, three=0: None)
    counts = [count for count in range(5) if refusal(signature, count) is None]
    assert counts == [2, 3]
    assert "missing a required argument" in str(refusal(signature, 1))


def test_nothing_is_refused_whose_signature_nobody_knows() -> None:
    assert signature_of(Hidden()) is None
    assert refusal(None, 7) is None


def test_a_call_runs_a_function_or_that_of_its_class() -> None:
    hidden = Hidden()
    assert run_by(functools.partial(functools.partial(hidden), 1)) == (
        hidden,
        Hidden.__call__,
    )
