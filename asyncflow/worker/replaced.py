"""What a job may replace, remove or hide in the standard library, and others need:
functions, modules, settings.
"""

from __future__ import annotations

import builtins
import os
import pickle
import sys
import time
from collections.abc import Callable
from operator import itemgetter
from types import ModuleType
from typing import Any, TypeAlias

_OURS: tuple[tuple[ModuleType, str], ...] = (
    (pickle, "dumps loads Pickler Unpickler dump load PickleBuffer"),
    (time, "time perf_counter monotonic sleep"),
    (
        os,
        """
        read write open close lseek dup dup2 pread pwrite ftruncate unlink replace fsync
        fsencode stat getpid getcwd chdir listdir umask _exit kill fork
        """,
    ),
    (
        builtins,
        """
        isinstance issubclass len map zip type tuple list dict str bytes int float bool
        set frozenset object open print getattr setattr hasattr super range enumerate
        sorted reversed sum min max any all iter next id repr hash callable abs
        __import__ __build_class__ BaseException Exception
        """,
    ),
)
"""Functions that others need: by their modules, their names."""

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

_CACHES = frozenset({"tempdir", "_event_loop_policy", "start method"})
"""Settings that a mere use sets, too."""

REPLACEABLE = frozenset(
    [
        *(name for _, names in _OURS for name in names.split()),
        *(name for _, name, _ in _ATTRIBUTES),
    ]
)
"""The names of functions and settings."""

_NEEDED = ("asyncflow.", "anyio.to_process", "pickle", "_pickle", "copyreg", "io")
"""How the names of modules begin that a trip needs."""

_zip = zip
"""Bound here: a job may replace what a module has under this name."""


class Names:
    """What this process has under names, as it was remembered last."""

    def __init__(self) -> None:
        self._functions = [
            (module.__dict__, itemgetter(*names.split()), names.split())
            for module, names in _OURS
        ]
        self._modules = sys.modules
        names = [name for name in self._modules if name.startswith(_NEEDED)]
        self._needed = {name: self._modules[name] for name in names}
        self._get_needed = itemgetter(*names)
        self._needed_modules = (*self._needed.values(),)
        self.remember()

    def remember(self) -> None:
        """Take what is there for what it is to be."""
        self._loaded = {**self._modules}
        self._values = [get(mapping) for mapping, get, _ in self._functions]

    def are_whole(self) -> bool:
        """Tell whether all is there that a trip needs.

        :raises KeyError: where a module is not
        """
        return (
            self._get_needed(self._modules) == self._needed_modules
            and self._have_functions()
        )

    def _have_functions(self) -> bool:
        """Tell whether all functions are there that others need."""
        for (mapping, get, _), values in _zip(self._functions, self._values):
            try:
                if get(mapping) != values:
                    return False
            except KeyError:
                return False

        return True

    def functions_left(self) -> str:
        """Put back what was replaced; return what to say of it."""
        if self._have_functions():
            return ""

        found = []

        for (mapping, _, names), values in _zip(self._functions, self._values):
            for name, value in _zip(names, values):
                if mapping.get(name) is not value:
                    mapping[name] = value
                    found.append(f"{mapping['__name__']}.{name}")

        return f"replaced {', '.join(found)}"

    def modules_left(self) -> str:
        """Put back what was removed; return what to say of it."""
        try:
            if self._get_needed(self._modules) == self._needed_modules:
                return ""
        except KeyError:
            pass

        get = self._modules.get
        gone = [
            name for name, module in self._needed.items() if get(name) is not module
        ]
        self._modules.update(self._needed)
        return f"removed {len(gone)} modules, such as {gone[0]}" if gone else ""

    def put_back(self) -> bool:
        """Put back what a job has hidden from imports, or replaced in the standard library;
        a module of the user's it may have loaded anew. Tell whether there was something.
        """
        modules = self._modules

        if modules == self._loaded:
            return False

        now: dict[str, object] = {**modules}
        wrong = {
            name: module
            for name, module in self._loaded.items()
            if now.get(name, name) is not module
            and (now.get(name, name) is None or _is_of_library(name))
        }
        modules.update(wrong)
        hidden = [
            name for name in now.keys() - self._loaded.keys() if now[name] is None
        ]

        for name in hidden:
            del modules[name]

        self._loaded = {**modules}
        return bool(wrong or hidden)


def _is_of_library(name: str) -> bool:
    return name.partition(".")[0] in sys.stdlib_module_names


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
    *(_attribute(*one) for one in _ATTRIBUTES),
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
