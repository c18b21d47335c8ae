"""Enums that no module has under their name: in another process they are the same."""

from __future__ import annotations

import datetime
import enum
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary, WeakValueDictionary

import cloudpickle.cloudpickle as cloud  # type: ignore[import-untyped]  # it has no types
import pytest

from asyncflow.worker.pickler import pickled


def planet() -> type[enum.Enum]:
    class Planet(enum.Enum):
        EARTH = (5.9, 6.3)
        MARS = (0.6, 3.3)

        def __init__(self, mass: float, radius: float) -> None:
            self.mass, self.radius = mass, radius

        @property
        def density(self) -> float:
            return self.mass / self.radius

    return Planet


def coordinate() -> type[enum.Enum]:
    class Coordinate(bytes, enum.Enum):
        label: str

        def __new__(cls, value: int, label: str) -> Coordinate:
            made = bytes.__new__(cls, [value])
            made._value_, made.label = value, label
            return made

        X = (0, "P.X")
        Y = (1, "P.Y")

    return Coordinate


def status() -> type[enum.Enum]:
    class Status(enum.IntEnum):
        phrase: str

        def __new__(cls, value: int, phrase: str) -> Status:
            made = int.__new__(cls, value)
            made._value_, made.phrase = value, phrase
            return made

        OK = 200, "fine"
        GONE = 410, "gone"

    return Status


def numbered() -> type[enum.Enum]:
    class Numbered(enum.Enum):
        def __new__(cls) -> Numbered:
            made = object.__new__(cls)
            made._value_ = len(cls.__members__) + 1
            return made

        ONE = ()
        TWO = ()  # noqa: PIE796  # its value is another

    return Numbered


def alias() -> type[enum.Enum]:
    class Alias(enum.Enum):
        A = 1
        B = 2
        C = 1  # noqa: PIE796  # an alias

    return Alias


def permission() -> type[enum.Enum]:
    class Permission(enum.Flag):
        R = 4
        W = 2
        X = 1
        RWX = 7

    return Permission


def kept_flag() -> type[enum.Enum]:
    class Kept(enum.IntFlag, boundary=enum.KEEP):
        A = 1
        MANY = 12

    return Kept


def word() -> type[enum.Enum]:
    class Word(enum.StrEnum):
        @staticmethod
        def _generate_next_value_(name: str, *_: Any) -> str:
            return f"{name.lower()}!"

        HELLO = enum.auto()
        BYE = enum.auto()

    return Word


def unhashable() -> type[enum.Enum]:
    class Unhashable(enum.Enum):
        A = {"x": 1}  # noqa: RUF012  # a member
        B = [1, 2]  # noqa: RUF012

    return Unhashable


def day() -> type[enum.Enum]:
    class Day(datetime.date, enum.Enum):
        FIRST = 2026, 1, 1
        SECOND = 2026, 1, 2

    return Day


def creature() -> type[enum.Enum]:
    @dataclass
    class Creature:
        size: str
        legs: int = 4

    class Animal(Creature, enum.Enum):
        BEETLE = "small", 6
        DOG = "medium"

    return Animal


def of_base() -> type[enum.Enum]:
    class Base(enum.Enum):
        def __init__(self, first: int, second: int) -> None:
            self.total = first + second

    class Derived(Base):
        A = (1, 2)

    return Derived


def operation() -> type[enum.Enum]:
    class Operation(enum.Enum):
        ADD = enum.member(lambda a, b: a + b)
        OPTIONS = enum.nonmember({"a": 1})

        @classmethod
        def _missing_(cls, value: object) -> Any:
            return cls.ADD if value == "+" else None

    return Operation


def shouting() -> type[enum.Enum]:
    class Kind(enum.EnumMeta):
        def shout(cls) -> list[str]:
            return [name.upper() for name in cls.__members__]

    class Shouting(enum.Enum, metaclass=Kind):
        a = 1

    return Shouting


LOOKS: dict[Callable[[], Any], Callable[[Any], object]] = {
    planet: lambda c: (c.EARTH.density, c.MARS.mass, c((0.6, 3.3)) is c.MARS),
    coordinate: lambda c: (c.Y.label, bytes(c.Y), c(1) is c.Y, c.X.value),
    status: lambda c: (c.OK.phrase, c.GONE + 1, c(410) is c.GONE),
    numbered: lambda c: (c.TWO.value, c(1) is c.ONE),
    alias: lambda c: (c.C is c.A, c["C"].name),
    permission: lambda c: (c.R | c.W, ~c.R, c.RWX == c.R | c.W | c.X, c(6), len(c)),
    kept_flag: lambda c: (c(17), c.MANY, c(64).value, ~c.A),
    word: lambda c: (c.HELLO.value, c("bye!") is c.BYE, c.BYE.upper()),
    unhashable: lambda c: (c.A.value, c([1, 2]) is c.B),
    day: lambda c: (c.SECOND - c.FIRST, c.FIRST.isoformat()),
    creature: lambda c: (c.BEETLE.legs, c.DOG.size, c.DOG.legs),
    of_base: lambda c: (c.A.total, c((1, 2)) is c.A),
    operation: lambda c: (c.ADD.value(1, 2), c("+") is c.ADD, c.OPTIONS),
    shouting: lambda c: c.shout(),
}


@pytest.fixture
def _another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no class known that was made here."""
    monkeypatch.setattr(cloud, "_DYNAMIC_CLASS_TRACKER_BY_CLASS", WeakKeyDictionary())
    monkeypatch.setattr(cloud, "_DYNAMIC_CLASS_TRACKER_BY_ID", WeakValueDictionary())


@pytest.mark.usefixtures("_another_process")
@pytest.mark.parametrize("make", LOOKS, ids=lambda make: make.__name__)
def test_an_enum_has_the_same_members(
    make: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    look = LOOKS[make]
    cls = make()
    members = [] if make is operation else [*cls]  # a function is equal to itself only
    data = pickled([cls, *members])
    monkeypatch.setattr(cloud, "_DYNAMIC_CLASS_TRACKER_BY_ID", WeakValueDictionary())

    there, *members = pickle.loads(data)

    assert there is not cls
    assert type(there).__name__ == type(cls).__name__
    assert repr(look(there)) == repr(look(cls))
    assert all(one is other for one, other in zip(members, there, strict=False))
    assert [*there.__members__] == [*cls.__members__]
    assert {*dir(there)} == {*dir(cls)} - {"__slotnames__"}  # copyreg's
    assert pickle.loads(pickled(there)) is there
