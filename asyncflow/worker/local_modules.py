"""Modules that only this process has: what they define travels by value.

Those that no worker could import: loaded from a file that is not on ``sys.path``, or made
by hand. And those that open an orchestrator while they are imported: a worker would open
one as well, and whoever asks for them meanwhile waits for the end of that import.
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from types import FrameType, ModuleType
from typing import Any

from asyncflow.worker.loaded import file_of, is_users, stat

_folder = os.getcwd

MAINS = frozenset({"__main__", "__mp_main__"})

names: dict[str, bytes] = {}
"""For each such module, how a pickle says its name."""

importing: set[str] = set()
"""Those of them that may still be under way."""

_seen: set[str] = set()
_path: list[str] = []
"""What ``sys.path`` was at the last look."""

_is_relative = False
"""Whether a part of it depended on the folder."""

count: int = 0
"""How many modules there were then."""


def is_local(name: object) -> bool:
    """Tell whether only this process has the module of a name."""
    return name in names


def names_any(data: bytes) -> bool:
    """Tell whether a pickle names a module that only this process has."""
    return bool(names) and any(name in data for name in names.values())


def are_importing() -> bool:
    """Tell whether one of them is still being imported."""
    for name in [*importing]:
        if not _is_importing(sys.modules.get(name)):
            importing.discard(name)

    return bool(importing)


def are_as_ever() -> bool:
    """Tell whether no module has come since the last look, and none is found elsewhere."""
    return count == len(sys.modules) and _path == sys.path and not _is_relative


def look() -> bool:
    """Look for modules that no worker could import.

    :return: whether there are more than before
    """
    global count, _path, _is_relative

    if count == len(sys.modules) and _path == sys.path:
        return False

    modules = {**sys.modules}

    if _path != sys.path:
        _seen.clear()

    count, _path = len(modules), [*sys.path]
    _is_relative = not all(str(entry).startswith("/") for entry in _path)
    before = len(names)

    for name in modules.keys() - _seen:
        file = file_of(modules[name])

        if file is not None and not is_users(file):
            _seen.add(name)
            continue

        if _is_importing(modules[name]):
            count = 0  # it is looked at again
            continue

        _seen.add(name)

        with suppress(Exception):  # of somebody's finder
            if name not in MAINS and _is_homeless(name, modules[name]):
                register(name)

    return len(names) > before


def take_importing() -> bool:
    """Register the user's modules that are being imported.

    :return: whether this thread imports any
    """
    own = threading.get_ident()

    for thread, frame in sys._current_frames().items():
        if (
            thread != own
        ):  # it may wait for this one, as one that a module starts and joins
            _take_importing(frame)

    return _take_importing(sys._getframe(1))


def _take_importing(frame: FrameType | None) -> bool:
    """Do so for a thread, from what it is at outwards."""
    found = False

    while frame is not None:
        name = frame.f_globals.get("__name__")

        if frame.f_code.co_name == "<module>" and name not in MAINS:
            module = sys.modules.get(name) if isinstance(name, str) else None
            file = file_of(module)

            if _is_importing(module) and file is not None and is_users(file):
                register(str(name))
                importing.add(str(name))
                found = True

        frame = frame.f_back

    return found


def register(name: str) -> None:
    """Take note that only this process has a module, or has what stands for it."""
    said = name.encode("utf-8", "surrogatepass")
    names[name] = b"\x8c%c%s" % (len(said), said) if len(said) < 256 else said


def _is_importing(module: object) -> bool:
    spec = getattr(module, "__dict__", {}).get("__spec__")
    return bool(getattr(spec, "_initializing", False))


def _is_homeless(name: str, module: object) -> bool:
    file = file_of(module)

    if file is not None:
        return is_users(file) and not _is_found(name, _whole(file))

    # Those of C libraries that look the same are parts of others.
    return (
        type(module) is ModuleType
        and "." not in name
        and vars(module).get("__spec__") is None
        and vars(module).get("__loader__") is None
    )


def _is_found(name: str, file: str) -> bool:
    """Tell whether another process would load a file under a name."""
    package, _, last = name.rpartition(".")
    path = None

    if package:
        parent = sys.modules.get(package)
        parents_file = file_of(parent)
        path = [*getattr(parent, "__path__", ())]

        if parents_file and not _is_found(package, _whole(parents_file)):
            return False

    folder, base = os.path.split(file)
    stem = base.partition(".")[0]

    if stem == "__init__":
        folder, stem = os.path.split(folder)

    entries = sys.path if path is None else path

    if stem == last and any(_whole(entry) == folder for entry in entries):
        return True

    for finder in sys.meta_path:
        spec = finder.find_spec(name, path)

        if spec is not None:
            return spec.origin is not None and _is_same(spec.origin, file)

    return False


def _is_same(path: str, other: str) -> bool:
    return path == other or os.path.samestat(stat(path), stat(other))


def _whole(path: str) -> str:
    return path if os.path.isabs(path) else os.path.normpath(f"{_folder()}/{path}")


def named(module: object, name: str) -> Any:
    """Return what a module has under a dotted name; None for nothing."""
    found: Any = module

    for part in name.split("."):
        found = getattr(found, part, None)

    return found
