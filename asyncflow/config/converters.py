"""What callers give, in the form that sections hold it.

Whatever has no such form is kept as it is, for the checks to report.
"""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import FunctionType
from typing import Any, TypeAlias

Comparators: TypeAlias = Callable[..., object] | Iterable[Callable[..., object]]
"""What compares the values of a data node."""


def as_tuple(value: object) -> tuple[Any, ...]:
    """Make a tuple of None, of one thing, or of several."""
    if value is None:
        return ()

    if isinstance(value, Iterable) and not isinstance(value, str | bytes | type):
        return tuple(value)

    return (value,)


def as_sequences(value: object) -> Any:
    """Make a dict of tuples."""
    if value is None:
        return {}

    if isinstance(value, Mapping):
        return {name: as_tuple(tasks) for name, tasks in value.items()}

    return value


def as_comparators(value: object) -> Any:
    """Make a dict of tuples of functions, by the ids of data nodes."""
    if value is None:
        return {}

    if isinstance(value, Mapping):
        return {
            getattr(node, "id", node): as_tuple(functions)
            for node, functions in value.items()
        }

    return value


def as_path(value: object) -> Any:
    """Make a string of a path."""
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def as_place(value: Any) -> Any:
    """Return a path; an address with a password as what does not show it."""
    if not isinstance(value, str) or "://" not in value:
        return value

    from asyncflow.secret import concealed

    return concealed("", value)


def as_amounts(value: Mapping[str, float] | None) -> Mapping[str, float]:
    """Make a dict of its own, which later changes of the caller's leave alone."""
    given: Any = value
    if given is None:
        return {}

    return dict(given) if isinstance(given, Mapping) else given


def as_concealed(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what was given by name, with passwords and keys as what does not show them."""
    if not value or not isinstance(value, dict):
        return value

    from asyncflow.secret import concealed

    return {name: concealed(name, part) for name, part in value.items()}


def refers(value: Any) -> bool:
    """Tell whether a value is found in the environment, or part of it: ``ENV[NAME]``."""
    kind = type(value)

    if kind is str:
        return bool(value.startswith("ENV["))

    if kind in _PLAIN or (kind is dict and not value):
        return False

    if kind is tuple:
        return any(map(refers, value))

    return isinstance(value, str | Mapping | list | tuple) and any(
        True for _ in references_in(value)
    )


def references_in(value: Any) -> Iterator[str]:
    """Yield the texts of a value that say what is found in the environment."""
    if isinstance(value, str):
        if value.startswith("ENV["):
            yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from references_in(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from references_in(part)


def any_refers(values: Iterable[Any]) -> bool:
    """Tell whether some of many values, most of them plain, is found in the environment."""
    for value in values:
        if type(value) is str:
            if value.startswith("ENV["):
                return True
        elif type(value) not in _PLAIN and refers(value):
            return True

    return False


_PLAIN = frozenset({bool, int, float, type(None), FunctionType})
"""The types of most of what is given; none of it refers to anything."""


def is_async(function: object) -> bool:
    """Tell whether calling a function gives a coroutine."""
    return any(map(inspect.iscoroutinefunction, run_by(function)))


def run_by(function: object) -> tuple[object, object]:
    """Return what a call may run: a function itself, and the ``__call__`` of its class."""
    while isinstance(function, functools.partial):
        function = function.func

    return function, getattr(type(function), "__call__", None)  # noqa: B004  # not a class's own


def signature_of(function: Callable[..., object]) -> inspect.Signature | None:
    """Return the signature of a function; None where nobody knows before it is called."""
    try:
        return inspect.signature(function)
    except Exception:  # it has none, or its own code raises
        return None


def refusal(signature: inspect.Signature | None, count: int) -> TypeError | None:
    """Return why a function cannot be called with so many values; None where it can, or
    nobody knows.
    """
    try:
        if signature is not None:
            signature.bind(*range(count))
    except TypeError as error:
        return error

    return None
