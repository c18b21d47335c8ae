"""Files mapped into memory, without a descriptor for each as long as it is mapped."""

from __future__ import annotations

import mmap
import os
import sys
from collections.abc import Callable
from functools import cache

_WRITABLE = mmap.PROT_READ | mmap.PROT_WRITE


def map_file(descriptor: int) -> mmap.mmap:
    """Map a file copy-on-write; its descriptor may be closed then.

    Python's own object keeps a copy of the descriptor, where it is not told otherwise:
    who joins a thousand arrays would have a thousand files open.

    :raises ValueError: for an empty file
    """
    if sys.version_info >= (3, 13):
        return mmap.mmap(descriptor, 0, access=mmap.ACCESS_COPY, trackfd=False)

    place_file = _place_file()

    if place_file is None:
        return mmap.mmap(descriptor, 0, access=mmap.ACCESS_COPY)

    size = os.fstat(descriptor).st_size

    if not size:
        raise ValueError("cannot map an empty file")

    # An area of memory that Python owns and frees, with the file put in its place.
    area = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    place_file(area, size, descriptor)
    return area


@cache
def _place_file() -> Callable[[mmap.mmap, int, int], None] | None:
    """Return what maps a file over an area of memory; None where the system has none.

    It takes the area, its size and the descriptor of the file.
    """
    import ctypes

    try:
        library = ctypes.CDLL(None, use_errno=True)
        map_at = library.mmap
    except (OSError, AttributeError):
        return None

    fixed = 0x10  # MAP_FIXED: the same on Linux and macOS
    map_at.restype = ctypes.c_void_p
    map_at.argtypes = [
        ctypes.c_void_p,
        ctypes.c_size_t,
        ctypes.c_int,
        ctypes.c_int,
        ctypes.c_int,
        ctypes.c_int64,
    ]

    def place(area: mmap.mmap, size: int, descriptor: int) -> None:
        address = ctypes.addressof(ctypes.c_char.from_buffer(area))
        flags = mmap.MAP_PRIVATE | fixed
        found = map_at(address, size, _WRITABLE, flags, descriptor, 0)

        if found != address:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    return place
