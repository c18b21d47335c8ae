"""Temporary folders that do not outlive their owner for long, even if it is killed."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import signal
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from asyncflow.worker import parent

PREFIX = "asyncflow-"
LOCK = "lock"
WORKERS = "workers"
"""The kind of a folder whose path marks processes; see `parent.MARK`."""
NAME = re.compile(f"{PREFIX}({WORKERS}|values|peers|cluster)-[a-z0-9_]{{8}}")
"""The names that folders of this package have."""
MARK = b"a temporary folder of asyncflow\n"
"""What the lock's file has in it, to tell our folders from those of other programs."""

LOOKS = 10
"""How often it is looked for what marked processes start while they are killed."""

_held: set[Folder] = set()
"""The folders that this process has the locks of."""


class Folder:
    """A new temporary folder.

    Its owner holds a lock on it, and no fork of the owner does. Whoever makes a folder
    removes those of the same user whose lock nobody holds any more: their owners were
    killed. All methods block.

    :param kind: a word for its name
    """

    path: str

    def __init__(self, kind: str) -> None:
        sweep()
        self.path, self._lock = _make(kind)

        while not os.path.exists(self.path):  # swept before it was locked
            os.close(self._lock)
            self.path, self._lock = _make(kind)

        _held.add(self)

    def remove(self) -> None:
        """Remove the folder with all that is in it; a fork of its owner leaves it."""
        if self in _held:
            _remove(self.path)
            self._let_go()

    def _let_go(self) -> None:
        _held.discard(self)
        os.close(self._lock)


@contextmanager
def temporary(kind: str) -> Iterator[str]:
    """Have a new folder for as long as the block; give its path. Blocks.

    :param kind: see `Folder`
    """
    folder = Folder(kind)

    try:
        yield folder.path
    finally:
        folder.remove()


def _let_all_go() -> None:
    """Let go of what a fork has of its parent's, which stays locked."""
    for folder in list(_held):
        with suppress(OSError):
            folder._let_go()


os.register_at_fork(after_in_child=_let_all_go)


def _make(kind: str) -> tuple[str, int]:
    path = tempfile.mkdtemp(prefix=f"{PREFIX}{kind}-")

    try:
        lock = os.open(os.path.join(path, LOCK), os.O_CREAT | os.O_RDWR, 0o600)
    except FileNotFoundError:  # swept before it had a lock
        return _make(kind)

    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.write(lock, MARK)
    except OSError as error:
        os.close(lock)
        shutil.rmtree(path, ignore_errors=True)
        what = f"no temporary folder: its file cannot be locked ({error.strerror})"
        remedy = "set TMPDIR to a folder on a local disk, with some room"
        raise OSError(error.errno, f"{what}; {remedy}", path) from error

    return path, lock


def sweep() -> None:
    """Remove the folders whose owners were killed. Blocks."""
    parent_folder = tempfile.gettempdir()

    for name in _names(parent_folder):
        if name.startswith(PREFIX):
            with suppress(OSError):  # of another user, or gone meanwhile
                _remove_if_dead(os.path.join(parent_folder, name))


def _remove_if_dead(folder: str) -> None:
    """Remove a folder whose lock nobody holds.

    A kill may also come while a folder is made or removed: it has no lock then, or one
    without a mark, and nothing else. An owner that is about to lock such a folder finds it
    gone, and makes another.
    """
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK

    try:
        lock = os.open(os.path.join(folder, LOCK), flags)
    except FileNotFoundError:
        if _is_incomplete(folder, []):
            os.rmdir(folder)

        return

    try:
        mark = _mark(lock)

        if mark == MARK or (mark == b"" and _is_incomplete(folder, [LOCK])):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

            if f"{PREFIX}{WORKERS}-" in folder:
                _end_marked(folder)

            _remove(folder)
    finally:
        os.close(lock)


def _is_incomplete(folder: str, names: list[str]) -> bool:
    """Tell whether a folder of this user has a name of ours, and these files alone."""
    is_named = NAME.fullmatch(os.path.basename(folder)) is not None
    return (
        is_named
        and os.stat(folder).st_uid == os.geteuid()
        and os.listdir(folder) == names
    )


def _mark(lock: int) -> bytes | None:
    """Read the mark of a lock that this user made; `None` of what is another's."""
    found = os.fstat(lock)
    is_file = stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()
    return os.pread(lock, len(MARK) + 1, 0) if is_file else None


def _remove(folder: str) -> None:
    """Remove a folder, its lock last: a kill leaves what the next sweep removes."""
    for name in set(_names(folder)) - {LOCK}:
        path = os.path.join(folder, name)

        with suppress(OSError):
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path, ignore_errors=True)
            else:
                os.unlink(path)

    shutil.rmtree(folder, ignore_errors=True)


def _end_marked(folder: str) -> None:
    """Kill what workers started whose files were in a folder, as their parent is dead."""
    mark = os.fsencode(f"{parent.MARK}={folder}/")
    killed: set[int] = set()

    for _ in range(LOOKS):
        there = set(_marked(mark))

        if there <= killed:
            return

        for pid in there - killed:
            with suppress(OSError):  # of another user, or gone meanwhile
                os.kill(pid, signal.SIGKILL)

        killed |= there


def _marked(mark: bytes) -> Iterator[int]:
    """Find the processes with a variable that begins so in their environment."""
    for pid in filter(str.isdecimal, _names("/proc")):
        with suppress(OSError), open(f"/proc/{pid}/environ", "rb") as file:
            if any(variable.startswith(mark) for variable in file.read().split(b"\0")):
                yield int(pid)


def _names(folder: str) -> list[str]:
    """Return what is in a folder; nothing where that cannot be told."""
    try:
        return os.listdir(folder)
    except OSError:
        return []
