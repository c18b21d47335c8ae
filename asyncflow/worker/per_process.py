"""Globals that each process has its own of: locks, thread-local data, context variables.

A function of a main script, or one with such a closure, finds in a worker what it would find if that had imported the
script: one that was made there, once, and that later jobs find again.
"""

from __future__ import annotations

import contextvars
import os
import threading
from collections.abc import Callable, MutableMapping
from typing import Any
from weakref import WeakKeyDictionary


def _context_variable(value: contextvars.ContextVar[Any]) -> tuple[Any, ...]:
    try:
        return value.name, contextvars.Context().run(value.get)
    except LookupError:
        return (value.name,)


def _nothing(_: object) -> tuple[Any, ...]:
    return ()


def context_variable(name: str, *default: object) -> contextvars.ContextVar[Any]:
    """Make a context variable, with a default or without."""
    given: Any = {"default": default[0]} if default else {}
    return contextvars.ContextVar(name, **given)


_KINDS: dict[type, tuple[Callable[..., object], Callable[[Any], tuple[Any, ...]]]] = {
    type(threading.Lock()): (threading.Lock, _nothing),
    type(threading.RLock()): (threading.RLock, _nothing),
    threading.local: (threading.local, _nothing),
    threading.Condition: (threading.Condition, _nothing),
    threading.Event: (threading.Event, _nothing),
    contextvars.ContextVar: (context_variable, _context_variable),
}
"""For each kind, what makes one, and of what."""


class PerProcess:
    """What stands for such a global in a pickle."""

    def __init__(self, value: object) -> None:
        make, arguments = _KINDS[type(value)]
        self._made = os.urandom(16).hex(), make, arguments(value)

    def __reduce__(self) -> tuple[Any, ...]:
        return per_process, self._made


_sent: MutableMapping[Any, PerProcess] = WeakKeyDictionary()
_variables: dict[contextvars.ContextVar[Any], PerProcess] = {}
"""Those of `_sent` that nothing can refer to weakly."""
_found: dict[str, object] = {}


def stands_for(value: Any) -> Any:
    """Return what goes into a pickle for a global: itself, where it may travel."""
    if type(value) not in _KINDS:
        return value

    sent = _variables if type(value) is contextvars.ContextVar else _sent
    found = sent.get(value)
    return sent.setdefault(value, PerProcess(value)) if found is None else found


def per_process(key: str, make: Callable[..., object], arguments: Any) -> object:
    """Find what this process has, or make it."""
    if key not in _found:
        _found.setdefault(key, make(*arguments))

    return _found[key]
