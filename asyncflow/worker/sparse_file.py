"""Giving back the disk space of a part of a file; the rest stays where it was."""

from __future__ import annotations

import fcntl
import os
import struct
import sys
from collections.abc import Callable
from functools import cache

BLOCK = 64 * 1024
"""Of what size the blocks of a file system are at most, in bytes: only whole ones go."""


def punch_hole(descriptor: int, start: int, end: int) -> bool:
    """Give back what a part of a file takes on the disk; zeros are read there.

    Blocks.

    :param start: bytes from the beginning of the file; the part may be made smaller
    :param end: likewise
    :return: whether that was done: not every file system can
    """
    start, end = -(-start // BLOCK) * BLOCK, end // BLOCK * BLOCK

    if start >= end:
        return True

    try:
        return _hole_puncher()(descriptor, start, end - start)
    except OSError:
        return False


@cache
def _hole_puncher() -> Callable[[int, int, int], bool]:
    """Return what punches: it takes the descriptor, the start and the length."""
    if sys.platform == "darwin":
        return _punch_apfs

    import ctypes

    try:
        fallocate = ctypes.CDLL(None).fallocate
    except (OSError, AttributeError):
        return lambda *_: False

    flags = 0x01 | 0x02  # FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE
    fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
    return lambda file, start, length: fallocate(file, flags, start, length) == 0


def _punch_apfs(descriptor: int, start: int, length: int) -> bool:
    fcntl.fcntl(descriptor, 99, struct.pack("IIqq", 0, 0, start, length))  # F_PUNCHHOLE
    return True


def next_data(descriptor: int, at: int, end: int) -> int:
    """Return where what was not punched goes on, from a place on; `end` if nowhere."""
    try:
        return min(os.lseek(descriptor, at, os.SEEK_DATA), end)
    except OSError:  # a hole up to the end of the file
        return end


def next_hole(descriptor: int, at: int, end: int) -> int:
    """Return where the next part begins that was punched; `end` if nowhere before."""
    try:
        return min(os.lseek(descriptor, at, os.SEEK_HOLE), end)
    except OSError:
        return end
