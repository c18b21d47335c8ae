"""Which modules are the user's own: their code may change from one run to the next."""

from __future__ import annotations

import functools
import importlib.machinery
import os
import sys
from pathlib import PurePath
from posix import listdir  # tests take that of `os` for a call that blocks

ELSEWHERE = frozenset({"site-packages", "dist-packages"})
"""The folders of what is installed."""

_STANDARD = tuple(
    folder + os.sep
    for path in (os.path.dirname(os.__file__), os.path.dirname(functools.__file__))
    for folder in {path, os.path.realpath(path)}
)


class OwnModules:
    """The names of the modules that are the user's; each is looked at once.

    :param root: the module of the task's function, which is the user's wherever it is
    """

    def __init__(self, root: str | None) -> None:
        self.root = root
        self._known: dict[str, bool] = {}

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str):
            return False

        known = self._known.get(name)

        if known is None:
            known = self._known[name] = is_own_module(name, self.root)

        return known


class AllModules:
    """All names, where it is no question whose a module is."""

    def __contains__(self, name: object) -> bool:
        return True


def is_own_module(name: str, root: str | None) -> bool:
    """Tell whether a module is the user's: neither installed nor of Python.

    :param root: the module of the task's function, which is the user's wherever it is
    """
    if is_ours(name):
        return False

    top = name.partition(".")[0]

    if name == root or top == "__main__":
        return True

    module = sys.modules.get(name)

    if module is None:  # a name that somebody made up
        return top not in sys.stdlib_module_names

    file = getattr(module, "__file__", None)

    if not isinstance(file, str):
        return (
            name not in sys.builtin_module_names and top not in sys.stdlib_module_names
        )

    return is_own_file(file)


def is_ours(name: str) -> bool:
    """Tell whether a module is of asyncflow: never the user's, wherever it is."""
    return name.partition(".")[0] == "asyncflow"


def is_own_file(path: str) -> bool:
    """Tell whether a source file is the user's."""
    return not (
        path.startswith(_STANDARD)
        or ELSEWHERE.intersection(_parts(path))
        or _is_put_there(path)
    )


def _is_put_there(path: str) -> bool:
    """Tell whether a file was installed into a folder of the user's, beside own ones, as
    by ``pip install --target``.
    """
    folders = [f"{folder}{os.sep}" for folder in sys.path if folder]
    found = max(filter(path.startswith, folders), key=len, default="")
    return bool(found) and path[len(found) :].partition(os.sep)[0] in _put_into(found)


@functools.lru_cache(256)
def _put_into(folder: str) -> frozenset[str]:
    """Return the names in a folder that were installed into it. Blocks, once."""
    try:
        names = [name for name in listdir(folder) if name.endswith(".dist-info")]
    except OSError:
        return frozenset()

    found: set[str] = set()

    for name in names:
        try:
            with open(os.path.join(folder, name, "RECORD"), encoding="utf-8") as record:
                found.update(
                    line.partition(",")[0].partition("/")[0] for line in record
                )
        except (OSError, UnicodeDecodeError):
            continue

    return frozenset(found)


def root_of(function: object) -> str | None:
    """Return the module of a task's function; None where that is of Python."""
    name = getattr(function, "__module__", None)

    if not isinstance(name, str) or name.partition(".")[0] in sys.stdlib_module_names:
        return None

    return name


@functools.lru_cache(256)
def installed(root: str) -> str:
    """Tell which version a module is of that is installed: by when that was done.

    Blocks for a moment, once. It is ``""`` for a module of the user's.
    """
    file = getattr(sys.modules.get(root), "__file__", None)

    if not isinstance(file, str) or is_own_file(file):
        return ""

    top = getattr(sys.modules.get(root.partition(".")[0]), "__file__", None)

    try:
        facts = os.stat(top or file)
    except OSError:
        return ""

    return f"{facts.st_mtime_ns} {facts.st_size}"


def source_of(name: str) -> str | None:
    """Find the file of a module, and import nothing; None where it has none. Blocks."""
    module = sys.modules.get(name)
    file = getattr(module, "__file__", None)

    if module is not None:
        return file if isinstance(file, str) else None

    path: list[str] | None = None
    spec = None
    done: list[str] = []

    for part in name.split("."):
        done.append(part)
        loaded = sys.modules.get(".".join(done))

        if loaded is not None and hasattr(loaded, "__path__"):
            path, spec = list(loaded.__path__), None
            continue

        try:
            spec = importlib.machinery.PathFinder.find_spec(".".join(done), path)
        except (ImportError, ValueError, OSError):
            return None

        if spec is None:
            return None

        path = list(spec.submodule_search_locations or ())

    return spec.origin if spec is not None and spec.has_location else None


@functools.lru_cache(4096)
def _parts(path: str) -> tuple[str, ...]:
    return PurePath(path).parts
