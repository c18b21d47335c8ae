"""Describing functions, classes and values: what is equal, what is named instead."""

from __future__ import annotations

import enum
import math
import socket
import sys
import threading
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest

from asyncflow.fingerprint import description
from asyncflow.fingerprint.description import DEEPEST, Describer, Description, Limit
from asyncflow.fingerprint.fingerprint import fingerprint
from asyncflow.fingerprint.own_modules import AllModules
from asyncflow.fingerprint.parts import Global, Members, Source, module_name, name_of
from tests.support.own_code import Load


def test_what_cannot_be_compared_is_named(load: Load) -> None:
    text = "import socket\nCLIENT = socket.socket()\nCLIENT.close()\ndef f():\n    return CLIENT"
    made = fingerprint(load("own_socket", own_socket=text).f)
    why = "`own_socket.CLIENT` is or holds a socket.socket, which cannot be compared"
    assert made.unknown == made.difference(made.text, "t") == why


def test_what_is_too_large_is_named(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(description, "MAX_BYTES", 1000)
    module = load("own_large", own_large="DATA = 'x' * 1001\ndef f():\n    return DATA")
    assert "`own_large.DATA` is or holds too much (" in fingerprint(module.f).unknown

    monkeypatch.setattr(description, "MAX_PARTS", 100)
    module = load("own_large", own_large="DATA = [[]] * 101\ndef f():\n    return DATA")
    assert "`own_large.DATA` is or holds too much (" in fingerprint(module.f).unknown


def test_circles_and_depths_end(load: Load) -> None:
    text = """
class Node:
    pass
ring = Node()
other = Node()
ring.friends = {other}
other.friends = {ring}
circle = []
circle.append(circle)
deep = None
for _ in range(5000):
    deep = [deep]
def f():
    return ring, circle, deep
"""
    made = fingerprint(load("own_circle", own_circle=text).f)
    assert not made.unknown
    assert made.text == fingerprint(load("own_circle", own_circle=text).f).text


def described(value: object, *, own: bool = True) -> Description:
    one = Description("value")
    one.digest = Describer(AllModules() if own else (), one).of((value,))
    return one


def digest(value: object) -> bytes:
    one = described(value)
    assert not one.unknown
    return one.digest


class Kind(enum.Enum):
    A = 1
    B = 2


class Slotted:
    __slots__ = ("a", "b")

    def __init__(self, **given: object) -> None:
        for name, value in given.items():
            setattr(self, name, value)


class Free:
    def __init__(self, **given: object) -> None:
        vars(self).update(given)


DIFFERENT: list[object] = [
    *(None, True, 1, 1.0, 1j, "1", b"1", bytearray(b"1"), Ellipsis, math.nan),
    *((), [], {}, set(), frozenset(), (1,), [1], {1: 1}, {1}, frozenset({1})),
    *((1, 2), (2, 1), ((1,), 2), (1, (2,)), [[1, 2]], {1: 2}, {2: 1}),
    *({"a": 1, "b": 2}, {"b": 2, "a": 1}, OrderedDict(a=1)),
    *(Kind.A, Kind.B, Slotted(a=1), Slotted(b=1), Free(a=1), Free(b=1)),
    *(np.arange(3), np.arange(3.0), np.arange(4), "a".upper, "b".upper, len, max),
    *(dict[str, int], dict[int, str], int | None, int | str),
]


def test_what_is_different_has_another_description() -> None:
    made = [described(value, own=False) for value in DIFFERENT]
    assert [one.unknown for one in made if one.unknown] == []
    assert len({(one.digest, *one.refers_to) for one in made}) == len(DIFFERENT)


def test_the_order_of_names_and_of_sets_is_no_difference() -> None:
    assert digest(Free(a=1, b=2)) == digest(Free(b=2, a=1))
    assert digest({"a", "b", ("c",)}) == digest({("c",), "b", "a"})
    assert digest(frozenset({1, 2})) == digest(frozenset({2, 1}))


def test_one_thing_twice_is_not_two_that_are_equal() -> None:
    one: list[object] = [[]]
    assert digest([one, one]) != digest([one, [[]]])


def test_a_circle_is_told_from_another() -> None:
    one: list[object] = []
    one.append(one)
    two: list[object] = [[]]
    two[0].append(two)  # type: ignore[attr-defined]  # it is a list
    assert digest(one) != digest(two)


def test_what_has_a_description_of_its_own_is_referred_to() -> None:
    def helper() -> None: ...

    one = described([helper, Kind, helper])
    assert one.refers_to == [helper, Kind, helper]
    assert described([helper, Kind], own=False).refers_to == [helper]


def test_what_is_installed_is_named() -> None:
    one = described([socket.socket, threading.Thread], own=False)
    assert one.refers_to == []
    assert one.digest != described([socket.socket, Kind], own=False).digest


def test_a_lock_is_as_good_as_another() -> None:
    assert digest([threading.Lock()]) == digest([threading.Lock()])
    assert digest(threading.Lock()) != digest(threading.RLock())


class Nameless:
    def __reduce__(self) -> str:
        return "NOWHERE"


class Broken:
    def __reduce__(self) -> str:
        raise RuntimeError("never")


@pytest.mark.parametrize("value", [Nameless(), Broken(), iter("a"), (_ for _ in ())])
def test_what_has_no_description_is_unknown(value: object) -> None:
    one = described({"a": [value]})
    kind = type(value)
    assert one.unknown in (f"a {kind.__module__}.{kind.__qualname__}", "")
    assert bool(one.unknown) is not isinstance(value, type(iter("a")))


def test_sets_in_sets_end() -> None:
    value: Any = frozenset({(1, (2,))})
    for _ in range(DEEPEST - 1):
        value = frozenset({(value,)})

    assert digest(value)

    with pytest.raises(Limit, match=f"more than {DEEPEST} deep"):
        digest(frozenset({(value,)}))


def test_what_a_part_is_called() -> None:
    module = sys.modules[__name__]
    names = frozenset({"digest"})
    content = vars(module)
    assert name_of(Global(content, "DIFFERENT")) == f"{__name__}.DIFFERENT"
    assert name_of(Members(module, names)) == __name__
    assert name_of(Source("some.module")) == "some.module"
    assert name_of(Free.__init__) == f"{__name__}.Free.__init__"
    assert name_of(Free()) == f"{__name__}.Free"

    things = Global(content, "x"), Members(module, names), Free, Free(), digest
    assert {module_name(one) for one in things} == {__name__}
    assert module_name(Source("some.module")) is None
    assert module_name(5) is None
