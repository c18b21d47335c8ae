"""Which modules of the user's a worker has loaded, and from which files."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from operator import attrgetter
from typing import TypeAlias

Facts: TypeAlias = tuple[int, int, int, int]
"""Of a file: when its text was changed, in nanoseconds since the epoch; its size, its
inode; when anything of it was changed. The last two tell it from one that was copied over
it, or that a link leads to now, with the date of the first."""

Sign: TypeAlias = tuple[str, Facts]
"""A module's name, and what its file was."""

UNKNOWN = -1
"""Stands for the size of a file that has changed since, or while, it was loaded."""

_LIBRARY = os.path.join(os.path.dirname(os.__file__), "")
_OURS = os.path.join(os.path.dirname(os.path.dirname(__file__)), "")
_SITE, _DIST = (
    f"{os.sep}{folder}{os.sep}" for folder in ("site-packages", "dist-packages")
)

stat: Callable[[str], os.stat_result] = os.stat
open_file: Callable[[str, int], int] = os.open
read: Callable[[int, int], bytes] = os.read
is_there: Callable[[str], bool] = partial(os.access, mode=os.F_OK)


def facts_of(path: str) -> Facts:
    """Return what a file is, or the archive in which it is. Blocks.

    :raises OSError: where there is none
    """
    return facts(status_of(path))


facts: Callable[[os.stat_result], Facts] = attrgetter(
    "st_mtime_ns", "st_size", "st_ino", "st_ctime_ns"
)
"""Returns what tells that a file is still the same."""


def status_of(path: str) -> os.stat_result:
    """Return the status of a file, or of the archive in which it is. Blocks.

    :raises OSError: where there is none
    """
    while True:
        try:
            return stat(path)
        except NotADirectoryError:
            path = os.path.dirname(path)


def place_of(path: str) -> str:
    """Return where a file is, or was: itself, or the archive that has it. Blocks."""
    try:
        stat(path)
    except NotADirectoryError:
        return place_of(os.path.dirname(path))
    except OSError:  # it is gone
        return path

    return path


def text_of(path: str, max_bytes: int) -> tuple[os.stat_result, bytes | None]:
    """Return what a file is, and its text; None where that is too long. Blocks.

    :param max_bytes: how many bytes it may have
    """
    file = open_file(path, os.O_RDONLY | os.O_CLOEXEC)

    try:
        status = os.fstat(file)
        text = b""

        if status.st_size > max_bytes:
            return status, None

        while more := read(file, status.st_size + 1):
            text += more
    finally:
        os.close(file)

    return status, text


class Loaded:
    """Tells each module once.

    :param is_new: whether this process has loaded none of the user's yet
    """

    count: int = 0
    """How many modules there were at the last look."""

    def __init__(self, *, is_new: bool) -> None:
        self._seen: set[str] = {*sys.modules} if is_new else {"__main__"}

    def news(self, since: int, found_as: Mapping[str, Facts]) -> dict[str, Sign]:
        """Return the modules that have come, by their files.

        :param since: when the first of them was loaded at the earliest, in nanoseconds
            since the epoch; a file that was changed later may not be what was loaded
        :param found_as: for files, what they were when they were loaded, as far as that
            is known
        """
        modules = {**sys.modules}
        self.count = len(modules)
        found: dict[str, Sign] = {}

        for name in modules.keys() - self._seen:
            file = file_of(modules[name])

            if file is None or not is_users(file):
                continue

            if file in found_as:
                found[file] = name, found_as[file]
                continue

            try:
                now = facts_of(file)
            except OSError:
                continue

            changed, _, *more = now
            found[file] = (
                name,
                now if changed < since else (changed, UNKNOWN, more[0], more[1]),
            )

        self._seen = {*modules}
        return found


def file_of(module: object) -> str | None:
    """Return the file of a module, and load nothing for it."""
    file = getattr(module, "__dict__", {}).get("__file__")
    return file if isinstance(file, str) else None


def is_installed(file: str) -> bool:
    """Tell whether a file is of an installed package."""
    return _SITE in file or _DIST in file


def is_users(file: str) -> bool:
    """Tell whether a file is neither of Python, nor of an installed package, nor ours."""
    return not (file.startswith((_LIBRARY, _OURS)) or is_installed(file))
