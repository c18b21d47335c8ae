"""What a job may replace, remove or hide in the standard library, and others need."""

from __future__ import annotations

import builtins
import os
import pickle
import sys
import time
from operator import itemgetter
from types import ModuleType

from asyncflow.worker.settings import ATTRIBUTES

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

REPLACEABLE = frozenset(
    [
        *(name for _, names in _OURS for name in names.split()),
        *ATTRIBUTES,
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
