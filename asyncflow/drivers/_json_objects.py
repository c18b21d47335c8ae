"""Enums and dataclasses in JSON: what is written of them, and how that is read."""

from __future__ import annotations

import dataclasses
import enum
import functools
import operator
import sys
from importlib import import_module
from typing import Any

from asyncflow.worker.errors import DataNodeReadingError

REST = "__dict__"
"""The attributes of an object that are no fields: where it is there, nothing is missing."""

REMEDY = (
    "have the module where it was then, and the class in a module that can be imported, "
    "or give decoder=json.JSONDecoder, which reads plain dicts"
)


def address_of(kind: type[Any]) -> str:
    """Return the name by which a class is imported.

    :raises TypeError: where it cannot be imported
    """
    module, name = kind.__module__, kind.__qualname__
    found: Any = sys.modules.get(module)

    if "<locals>" in name:
        raise TypeError(
            f"{name} is made in a function, from which it cannot be imported: move it to "
            "its module"
        )

    if module != "__main__" and found is not None:  # a worker has another main
        for part in name.split("."):
            found = getattr(found, part, None)

        if found is None:
            raise TypeError(f"module {module!r} has no {name}: give it that name there")

    return f"{module}:{name}"


def class_at(address: str, base: type[Any] | None) -> Any:
    """Import an enum or a dataclass; nothing else that a file may name.

    :param base: what it is derived from; None for a dataclass
    :raises DataNodeReadingError: where it is not there, or something else
    """
    module, _, path = address.partition(":")

    try:
        found: Any = import_module(module)

        for part in path.split("."):
            found = getattr(found, part)
    except Exception as error:  # of the module, too
        why = f"its class {address} cannot be imported ({error})"
        raise DataNodeReadingError("", why, REMEDY) from error

    is_right = isinstance(found, type) and (
        dataclasses.is_dataclass(found) if base is None else issubclass(found, base)
    )

    if not is_right:
        why = f"{address} is neither an enum nor a dataclass"
        raise DataNodeReadingError("", why, REMEDY)

    return found


def member_name(member: enum.Enum) -> str | list[str | None]:
    """Return the name of a member, or those of the flags that it has.

    :raises TypeError: where it has none
    """
    kind = type(member)
    names: list[str | None] = []

    if member.name in kind.__members__:
        return member.name

    if isinstance(member, enum.Flag):
        names = [each.name for each in member]

    if not isinstance(member, enum.Flag) or _flags(kind, names) != member:
        raise TypeError(f"{member!r} has no name: give it one in {kind.__qualname__}")

    return names


def member_of(address: str, name: Any) -> Any:
    """Return the member of an enum that has a name, or all of several flags."""
    kind = class_at(address, enum.Enum)

    try:
        return _flags(kind, name) if isinstance(name, list) else kind[name]
    except KeyError as error:
        why = f"{address} has no member {error}"
        remedy = f"use one of {', '.join(map(str, kind.__members__))}"
        raise DataNodeReadingError("", why, remedy) from error


def _flags(kind: Any, names: list[Any]) -> Any:
    return functools.reduce(operator.or_, (kind[name] for name in names), kind(0))


def state_of(item: Any) -> dict[str, Any]:
    """Return the fields of an object of a dataclass that are set, and what else it has."""
    fields = [field.name for field in dataclasses.fields(item)]
    state = {name: getattr(item, name) for name in fields if hasattr(item, name)}
    kind = type(item)
    rest = {
        name: value
        for name, value in getattr(item, REST, {}).items()
        if name not in fields
        and not isinstance(getattr(kind, name, None), functools.cached_property)
    }
    return {**state, REST: rest} if rest or len(state) < len(fields) else state


def object_of(address: str, state: dict[str, Any]) -> Any:
    """Make an object of a dataclass that has a state, as it was when it was written.

    `__init__` and `__post_init__` are called where fields are missing: the class has
    more of them by now, or the file is of another program.
    """
    kind = class_at(address, None)
    fields = dataclasses.fields(kind)
    names = {field.name for field in fields}
    rest = state.get(REST)

    if unknown := [name for name in state if name not in {*names, REST}]:
        why = f"{address} has no field {unknown[0]!r}"
        raise DataNodeReadingError("", why, "have the class as it was then")

    given = {name: value for name, value in state.items() if name != REST}

    if rest is not None or names == given.keys():
        made = kind.__new__(kind)
        given |= rest or {}
    else:
        first = {f.name for f in fields if f.init} & given.keys()

        try:
            made = kind(**{name: given.pop(name) for name in first})
        except Exception as error:
            why = f"{address} cannot be made ({error})"
            remedy = "have the class as it was then"
            raise DataNodeReadingError("", why, remedy) from error

    for name, value in given.items():
        object.__setattr__(made, name, value)  # also where it is frozen

    return made
