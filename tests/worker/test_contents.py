"""Equal values have one digest, whatever their pickles look like; others have others."""

from __future__ import annotations

import collections
import enum
import pickle
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asyncflow.worker import contents
from asyncflow.worker.codec import dumps
from asyncflow.worker.contents import Unsuited, content_of
from asyncflow.worker.digests import digest

PROGRAM = """
import collections, dataclasses, enum, typing
import attrs, pydantic
from asyncflow.worker.codec import dumps
from asyncflow.worker.digests import digest
{0}
@dataclasses.dataclass(frozen=True)
class Row:
    number: object
    def double(self):
        return {1}

class Kind(enum.Enum):
    ONE = 1
    LETTERS = frozenset("abcdef")

class Model(pydantic.BaseModel):
    names: set[str]

@attrs.define
class Made:
    names: set = attrs.field(converter=lambda names: names)

class Named(typing.NamedTuple):
    names: set

class Basket(list):
    pass

basket = Basket([Row(1), Kind.ONE])
basket.owner = {{"ann", "bob", "cyd"}}
letters = set("abcdefgh")

for value in (
    letters,
    {{frozenset(letters): {{"kept": letters, 2: {{Row(1), Row("b"), Kind.ONE}}}}}},
    [Row(letters), Row(1)],
    Kind.LETTERS,
    Model(names=letters),
    Made(letters),
    Named(letters),
    basket,
    collections.defaultdict(set, a=letters, b={{Named, Row}}),
    lambda: letters,
    Row,
):
    print(digest(dumps(value)))
"""


def printed(text: str, seed: int) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-"],
        input=text,
        env={"PYTHONHASHSEED": str(seed)},
        cwd=Path(contents.__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_what_is_equal_at_two_starts_has_one_digest() -> None:
    first = printed(PROGRAM.format("", "1"), 1)
    assert len(set(first)) == len(first) == 11
    assert printed(PROGRAM.format("# a comment\n\n", "1"), 2) == first

    changed = printed(PROGRAM.format("", "2"), 3)
    same = [one == other for one, other in zip(first, changed, strict=True)]
    assert same == [True, False, False, *[True] * 4, False, False, True, False]


class Kind(enum.Enum):
    ONE = 1
    TWO = 2


class Thing:
    def __init__(self, *parts: Any, **more: Any) -> None:
        self.parts = parts
        vars(self).update(more)


class Things(list[Any]):
    pass


def shared(*, is_shared: bool) -> list[Any]:
    one: list[Any] = []
    return [one, one if is_shared else [], {1}]


def cyclic(name: str) -> Thing:
    thing = Thing(frozenset({"a", "b"}), name=name)
    vars(thing)["own"] = {thing, Thing()}
    return thing


def things(*values: object) -> Things:
    made = Things(values)
    vars(made)["seen"] = {1, 2}
    return made


OTHERS: list[Any] = [
    {1, 2},
    {1, 3},
    {1},
    {1.0},
    {True},
    {"1"},
    {b"1"},
    {-0.0},
    {0.0},
    {None},
    frozenset({1, 2}),
    [{1, 2}],
    ({1, 2},),
    [{1}, {2}],
    [{2}, {1}],
    {frozenset({1}), frozenset({2})},
    {frozenset({1, 2})},
    {(1, frozenset({2}))},
    {"a": {1}, "b": 2},
    {"b": 2, "a": {1}},
    {"a": {1}, "b": 2.0},
    collections.OrderedDict(a={1}, b=2),
    collections.defaultdict(list, a={1}, b=2),
    collections.defaultdict(set, a={1}, b=2),
    collections.deque([{1}]),
    collections.deque([{1}], maxlen=1),
    {Kind.ONE},
    {Kind.TWO},
    [{Kind.ONE}, Kind.TWO],
    [{Kind.TWO}, Kind.ONE],
    Thing({1}),
    Thing({1}, {2}),
    Thing({1}, a=1),
    things(1, 2),
    things(2, 1),
    things(),
    shared(is_shared=True),
    shared(is_shared=False),
    cyclic("a"),
    cyclic("b"),
    {int},
    {float},
    {1j},
    [bytearray(b"1"), {1}],
    [b"1", {1}],
    ["1", {1}],
    [np.arange(3), {1}],
    [np.arange(4), {1}],
    [np.arange(3.0), {1}],
    [np.zeros((2, 3)), {1}],
    [np.zeros((3, 2)), {1}],
]


def test_what_is_not_equal_has_different_contents() -> None:
    told = [content_of(dumps(value)) for value in OTHERS]

    for one, other in combinations(range(len(OTHERS)), 2):
        assert told[one] != told[other], (OTHERS[one], OTHERS[other])


def test_the_order_of_a_set_does_not_count() -> None:
    forward, backward = {0, 8}, {8, 0}  # they meet in one place
    assert [*forward] != [*backward]
    assert pickle.dumps(forward, 5) != pickle.dumps(backward, 5)
    assert digest(pickle.dumps(forward, 5)) == digest(pickle.dumps(backward, 5))
    assert digest(dumps([*forward])) != digest(dumps([*backward]))


def test_buffers_stay_apart() -> None:
    def of(*arrays: Any) -> str:
        buffers: list[pickle.PickleBuffer] = []
        data = dumps([{1, 2}, *arrays], buffers)
        assert len(buffers) == len(arrays)
        return digest(data, buffers)

    one, other = np.arange(10_000), np.arange(10_000)[::-1].copy()
    assert of(one, other) == of(one.copy(), other.copy())
    assert len({of(one, other), of(other, one), of(one), of(other), of()}) == 5


def test_what_is_too_much_is_told_by_its_bytes(monkeypatch: Any) -> None:
    deep: Any = {1}

    for _ in range(contents.DEEPEST):
        deep = [deep]

    data = dumps(deep)

    with pytest.raises(Unsuited):
        content_of(data)

    assert digest(data) == digest(data)
    monkeypatch.setattr(contents, "MAX_PARTS", 3)

    with pytest.raises(Unsuited):
        content_of(dumps({1, 2, 3, 4}))


def test_nothing_is_called_or_imported() -> None:
    class Calls:
        def __reduce__(self) -> Any:
            return sys.exit, ("it was called",)

    assert content_of(pickle.dumps([{1}, Calls()], 5))
    assert content_of(b"\x80\x05cno_such_module\nname\n.")
    assert "no_such_module" not in sys.modules
