"""What shows and compares instances of attrs classes by their fields.

attrs writes and compiles these methods for each class as that is imported: with some fifty
classes a sizeable part of a program's start.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time
from math import isfinite
from reprlib import recursive_repr
from typing import Any, ClassVar


def in_json(value: Any) -> Any:
    """Return a number as JSON can hold it: a text, where it is infinite or none."""
    return value if not isinstance(value, float) or isfinite(value) else f"{value:f}"


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it; what has no such form as its repr."""
    if isinstance(value, str):
        return str(value)

    if value is None or isinstance(value, bool | int | float):
        return in_json(value)

    if isinstance(value, date | time):
        return value.isoformat()

    if isinstance(value, set | frozenset):
        return sorted(map(plain, value), key=repr)

    if isinstance(value, tuple) and hasattr(value, "as_dict"):  # a record
        return value.as_dict()

    if isinstance(value, Mapping):
        return {str(name): plain(part) for name, part in value.items()}

    if isinstance(value, list | tuple):
        return [plain(part) for part in value]

    return repr(value)


class Shown:
    """Shows its fields, save private ones. An attrs class below it is made with ``repr=False``."""

    __slots__ = ()

    __attrs_attrs__: ClassVar[Any]

    @recursive_repr()
    def __repr__(self) -> str:
        name = type(self).__qualname__.rpartition(">.")[2]
        return f"{name}({', '.join(self._shown())})"

    def _shown(self) -> list[str]:
        shown = []

        for field in self.__attrs_attrs__:
            if field.repr and not field.name.startswith("_"):
                show = repr if field.repr is True else field.repr
                shown.append(f"{field.name}={show(self._fact(field.name))}")

        return shown

    def _fact(self, name: str) -> Any:
        return getattr(self, name)


class Facts(Shown):
    """Is equal to another of its class with the same fields. An attrs class below it is
    made with ``eq=False, repr=False``, and is frozen.
    """

    __slots__ = ()

    def _facts(self) -> tuple[object, ...]:
        facts: list[object] = []

        for field in self.__attrs_attrs__:
            if field.eq:
                fact = getattr(self, field.name)
                facts.append(field.eq_key(fact) if field.eq_key else fact)

        return tuple(facts)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented

        return self._facts() == other._facts()

    def __hash__(self) -> int:
        return hash((type(self), self._facts()))
