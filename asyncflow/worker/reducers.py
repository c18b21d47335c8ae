"""How things travel by value that neither pickle nor cloudpickle sends as they are.

What is only weakly held at the sender's is so at the receiver's: it is there if something
else in the pickle holds it.
"""

from __future__ import annotations

import functools
import logging
import operator
import sys
import typing
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TypeAlias

from asyncflow.worker import current, local_modules

Reduced: TypeAlias = tuple[Any, ...]

_VARIANCE = ("covariant", "contravariant", "infer_variance")


def parts_of_variable(value: typing.TypeVar) -> Reduced:
    """Return the arguments of `variable` that make a type variable anew."""
    options = {name: getattr(value, f"__{name}__", False) for name in _VARIANCE}
    bound = value.__bound__

    if (has_default := getattr(value, "has_default", None)) and has_default():
        options["default"] = getattr(value, "__default__")  # noqa: B009  # Python 3.13

    return value.__name__, value.__constraints__, bound, options


def variable(
    name: str, constraints: Reduced, bound: object, options: Mapping[str, Any]
) -> object:
    """Make a type variable."""
    given = {key: option for key, option in options.items() if option is not False}
    return typing.TypeVar(name, *constraints, bound=bound, **given)


def _reduce_property(value: functools.cached_property[Any]) -> Reduced:
    return cached_property, (value.func, value.attrname)  # without its lock (3.11)


def cached_property(
    function: Callable[[Any], object], name: str | None
) -> functools.cached_property[object]:
    """Make a cached property."""
    made = functools.cached_property(function)
    made.attrname = name
    return made


def _reduce_weak(value: weakref.ReferenceType[Any]) -> Reduced:
    held = value()
    return (dead, ()) if held is None else (weakref.ref, (held,))


def dead() -> weakref.ReferenceType[Any]:
    """Make a weak reference to what is gone."""
    return weakref.ref(type("gone", (), {})())


def _reduce_weak_mapping(value: Any) -> Reduced:
    return type(value), (), None, None, iter([*value.items()])


def reduce_in_own_way(value: Any) -> Any:
    """Reduce what its class reduces, a logger of a class of its own with that."""
    kind: Any = type(value)

    if kind.__reduce__ is logging.Logger.__reduce__ and kind is not logging.Logger:
        return logger, (value.name, kind)

    return value.__reduce_ex__(5)


def logger(name: str, kind: type[logging.Logger]) -> logging.Logger:
    """Return the logger of a name; in a worker it is of the class that it came with."""
    found = logging.getLogger(name)

    if current.is_worker and type(found) is not kind:
        with suppress(TypeError):  # one with slots
            found.__class__ = kind

    return found


def reduce_parametrized(cls: type) -> Reduced | None:
    """Reduce a model of pydantic with arguments, such as ``Page[Item]``."""
    parts = vars(cls).get("__pydantic_generic_metadata__")

    if not parts or parts["origin"] is None:
        return None

    arguments = parts["args"]
    return operator.getitem, (
        parts["origin"],
        arguments if len(arguments) > 1 else arguments[0],
    )


def constant_name(value: object) -> str | None:
    """Return the name of a constant that is told by its identity, as
    `dataclasses.MISSING`: its class is of the same module, and it has no state.
    """
    kind = type(value)
    module = sys.modules.get(kind.__module__)

    if (
        kind.__module__ in local_modules.MAINS
        or local_modules.is_local(kind.__module__)
        or getattr(value, "__dict__", None)
        or any(map(slots_of, kind.__mro__))
    ):
        return None

    names = getattr(module, "__dict__", {}).items()
    return next((name for name, constant in names if constant is value), None)


def slots_of(cls: type) -> tuple[str, ...]:
    """Return the names of the attributes that a class has slots for."""
    slots = cls.__dict__.get("__slots__", ())
    names = (slots,) if isinstance(slots, str) else tuple(slots)
    return tuple(name for name in names if name not in ("__dict__", "__weakref__"))


REDUCERS: Mapping[type, Callable[[Any], Reduced]] = {
    functools.cached_property: _reduce_property,
    weakref.ReferenceType: _reduce_weak,
    weakref.WeakKeyDictionary: _reduce_weak_mapping,
    weakref.WeakValueDictionary: _reduce_weak_mapping,
}
"""For types, what reduces their instances."""
