"""Settings of the standard library that a job may change, for all that run after it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeAlias

_ATTRIBUTES: tuple[tuple[str, str, object], ...] = (
    ("sys", "excepthook", None),
    ("sys", "displayhook", None),
    ("sys", "unraisablehook", None),
    ("sys", "dont_write_bytecode", None),
    ("sys", "tracebacklimit", None),
    ("threading", "excepthook", None),
    ("logging", "raiseExceptions", True),
    ("tempfile", "tempdir", None),
    ("asyncio.events", "_event_loop_policy", None),
)
"""Settings that are attributes: of which modules, and what they are where nobody had
loaded these before the job.
"""

ATTRIBUTES = frozenset(name for _, name, _ in _ATTRIBUTES)
"""Their names."""

_CACHES = frozenset({"tempdir", "_event_loop_policy", "start method"})
"""Settings that a mere use sets, too."""

_zip = zip
"""Bound here: a job may replace what a module has under this name."""

_Setting: TypeAlias = tuple[
    str, str, Callable[[Any], Any], Callable[[Any, Any], object], object
]
"""A setting: of which module, its name, what gives it, what sets it, and what it is where
nobody had loaded the module before the job.
"""


def _attribute(place: str, name: str, first: object) -> _Setting:
    def get(module: Any) -> Any:
        return getattr(module, name, first)

    def put(module: Any, value: object) -> None:
        setattr(module, name, value)

    return place, name, get, put, first


def _https(ssl: Any) -> Any:
    """Return what makes the contexts of HTTPS; None for what ssl itself has for it."""
    make = ssl._create_default_https_context
    return None if make is ssl.create_default_context else make


def _set_https(ssl: Any, make: object) -> None:
    ssl._create_default_https_context = make or ssl.create_default_context


def _start_method(context: Any) -> Any:
    return context._default_context._actual_context


def _set_start_method(context: Any, value: object) -> None:
    context._default_context._actual_context = value


_SETTINGS: tuple[_Setting, ...] = (
    *(_attribute(*setting) for setting in _ATTRIBUTES),
    (
        *("_socket", "timeout", lambda socket: socket.getdefaulttimeout()),
        *(lambda socket, value: socket.setdefaulttimeout(value), None),
    ),
    (
        *("_csv", "field size", lambda csv: csv.field_size_limit()),
        *(lambda csv, value: csv.field_size_limit(value), 131_072),
    ),
    (
        *("sys", "digits", lambda sys: sys.get_int_max_str_digits()),
        *(lambda sys, value: sys.set_int_max_str_digits(value), None),
    ),
    (
        *("gc", "threshold", lambda gc: gc.get_threshold()),
        *(lambda gc, value: gc.set_threshold(*value), None),
    ),
    (
        *("gc", "callbacks", lambda gc: [*gc.callbacks]),
        *(lambda gc, value: gc.callbacks.__setitem__(slice(None), value), None),
    ),
    (
        *("time", "zone", lambda time: (time.tzname, time.timezone, time.altzone)),
        *(lambda time, _: time.tzset(), None),  # the environment is right by then
    ),
    ("ssl", "https", _https, _set_https, None),
    (
        *("multiprocessing.context", "start method"),
        *(_start_method, _set_start_method, None),
    ),
)


class Settings:
    """Settings of the standard library, as they were remembered last."""

    def __init__(self) -> None:
        self._modules = sys.modules
        self.remember()

    def remember(self) -> None:
        """Take what is there for what it is to be."""
        get_module = self._modules.get
        self._values = [
            first if (module := get_module(place)) is None else get(module)
            for place, _, get, _, first in _SETTINGS
        ]

    def put_right(self) -> bool:
        """Put right what a job has set, once the environment is right; tell whether there
        was something that no mere use sets.
        """
        is_set = False

        for (place, name, get, put, _), value in _zip(_SETTINGS, self._values):
            module = self._modules.get(place)

            if module is not None and get(module) != value:
                put(module, value)
                is_set = is_set or name not in _CACHES

        return is_set
