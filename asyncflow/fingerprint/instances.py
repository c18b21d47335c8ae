"""What instances consist of that neither Python nor pickle tells as it is needed here."""

from __future__ import annotations

import contextvars
import weakref
from collections.abc import Iterable, Iterator
from typing import TypeGuard

TYPING = frozenset({"typing", "typing_extensions"})
_TYPING_PARTS = (
    "__module__",
    "__name__",
    "_name",
    "__origin__",
    "__args__",
    "__metadata__",
    "__supertype__",
    "__forward_arg__",
    "__bound__",
    "__constraints__",
    "__covariant__",
    "__contravariant__",
    "__value__",
)

_WEAK_DICTS = (weakref.WeakKeyDictionary, weakref.WeakValueDictionary)
_BY_ATTRIBUTES = {
    ("_struct", "Struct"): ("format",),
    ("_ctypes", "CField"): ("offset", "size"),
}
"""Types of C without a pickle; and what their instances are made of."""

_MADE_BY_USE = {
    "functools": frozenset({"_all_weakrefable_instances", "_method_cache"}),
    "pandas": frozenset({"_cache"}),
    "pydantic": frozenset({"cls_ref", "core_schema", "serializer", "validator"}),
}
"""For packages, attributes with caches in them, or with addresses."""


def held_by(value: object) -> Iterable[object] | None:
    """Give what a container of C or with weak references holds; None for all others."""
    kind = type(value)
    name = kind.__module__, kind.__name__

    if name in _BY_ATTRIBUTES:
        return [getattr(value, attribute) for attribute in _BY_ATTRIBUTES[name]]

    if isinstance(value, weakref.ReferenceType):
        return (value(),)

    if isinstance(value, _WEAK_DICTS):
        return (dict(value),)

    if isinstance(value, weakref.WeakSet):
        return (set(value),)

    if isinstance(value, contextvars.ContextVar):
        return value.name, *_default_of(value)

    return None


def _default_of(variable: contextvars.ContextVar[object]) -> tuple[object, ...]:
    try:
        return (contextvars.Context().run(variable.get),)
    except LookupError:
        return ()


def parts_of_state(state: object, kind: type) -> Iterator[object]:
    """Give the attributes of an instance in the order of their names."""
    left_out = _MADE_BY_USE.get(kind.__module__.partition(".")[0], frozenset())

    for part in state if type(state) is tuple else (state,):
        if not _has_names(part):
            yield part
        elif names := sorted(part.keys() - left_out):
            yield {name: part[name] for name in names}


def _has_names(part: object) -> TypeGuard[dict[str, object]]:
    return type(part) is dict and all(type(name) is str for name in part)


def parts_of_typing(value: object) -> Iterator[object]:
    for name in _TYPING_PARTS:
        try:
            yield getattr(value, name, None)
        except Exception:  # what a `type X = ...` is may not be known yet
            yield None
