"""What is written to descriptor 2 past Python: by C code, by child processes.

It has a file of its own, so that it can be told from what goes to stdout. From there it
is folded into the log: before Python prints next, when the job ends, and by the parent
once in a while.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import threading

from asyncflow.worker.sparse_file import BLOCK, punch_hole
from asyncflow.worker.streams import framed

_HEAD = struct.Struct("<q")
"""The file begins with this: up to where it is in the log."""

PIECE = 1024 * 1024
"""How much is folded at a time, in bytes."""

_lseek = os.lseek


class RawStderr:
    """The file, as its worker or the parent has it open.

    :param path: its path
    :param log: the descriptor of the log
    """

    def __init__(self, path: str, log: int) -> None:
        self._log = log
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._size = _HEAD.size
        """How much is known to be in the log."""
        self._lock = threading.Lock()

        if not _lseek(self._file, 0, os.SEEK_END):
            os.pwrite(self._file, _HEAD.pack(_HEAD.size), 0)

    def has_grown(self) -> bool:
        """Tell whether something may be there that is not in the log."""
        return _lseek(self._file, 0, os.SEEK_END) != self._size

    def fold(self, *, waits: bool = True) -> None:
        """Bring what is new into the log. Blocks.

        :param waits: whether another thread that does it is waited for
        """
        if not self._lock.acquire(blocking=waits, timeout=1 if waits else -1):
            return

        try:
            fcntl.flock(self._file, fcntl.LOCK_EX)  # the other process may do it, too

            try:
                self._fold()
            finally:
                fcntl.flock(self._file, fcntl.LOCK_UN)
        finally:
            self._lock.release()

    def clear(self) -> None:
        """Give back the disk space of what is in the log."""
        punch_hole(self._file, BLOCK, self._size)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _fold(self) -> None:
        (at,) = _HEAD.unpack(os.pread(self._file, _HEAD.size, 0))
        end = _lseek(self._file, 0, os.SEEK_END)

        while (at := self._written_from(at, end)) < end:
            data = os.pread(self._file, min(PIECE, end - at), at)

            if at + len(data) < end:  # a character is not cut in two
                data = data[: data.rfind(b"\n") + 1] or data

            write_all(self._log, framed(data, "stderr"))
            at += len(data)
            os.pwrite(self._file, _HEAD.pack(at), 0)

        self._size = at

    def _written_from(self, at: int, end: int) -> int:
        """Return from where on something was written; a job may make the file as long
        as it likes without writing a byte.
        """
        try:
            return min(end, _lseek(self._file, at, os.SEEK_DATA))
        except OSError as error:
            return end if error.errno == errno.ENXIO else at  # not all know holes


def path_of(log_path: str) -> str:
    """Return the path of the file that belongs to a log."""
    return f"{log_path.removesuffix('.log')}.stderr"


def fold(log_path: str) -> None:
    """Bring what is new into a log, from outside of its worker. Blocks.

    :raises OSError: where the worker has gone
    """
    log = os.open(log_path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)

    try:
        os.stat(path_of(log_path))  # it is not made anew
        raw = RawStderr(path_of(log_path), log)

        try:
            raw.fold()

            if raw._size > 2 * BLOCK:
                raw.clear()
        finally:
            raw.close()
    finally:
        os.close(log)


def write_all(descriptor: int, data: bytes) -> None:
    """Write all to a descriptor."""
    view = memoryview(data)

    while view:
        view = view[os.write(descriptor, view) :]
