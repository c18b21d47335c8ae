"""Where values are kept: small ones in bytes, large ones in a file of their own.

A file holds the pickle and, after it, each large buffer (an array's, a frame's) at an
aligned place. Who reads it maps it into memory copy-on-write, so that an array is used
where it lies: nothing is copied, and the function may write into it. Method: pickle
protocol 5, PEP 574.

File: ``AFV1``, the number of buffers (u32), the length of the pickle (u64), the length of
each buffer (u64 each); then the pickle; then the buffers, each at a multiple of 64.
All little endian.
"""

from __future__ import annotations

import mmap
import os
import pickle
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO

from asyncflow.worker.codec import dumps
from asyncflow.worker.outcome import Kept

INLINE = 64 * 1024
"""Values whose pickle has at most so many bytes need no file."""

_MAGIC = b"AFV1"
_HEAD = struct.Struct("<4sIQ")
_ALIGN = 64


def keep(value: object, path: str, name: str) -> Kept:
    """Keep a value; return its bytes, or `path` where a file was made for it.

    :param path: the file to make where the value is large
    :param name: how an error calls the value
    :raises NotPicklable: where it cannot be pickled
    :raises OSError: where the file cannot be written; none is left behind
    """
    buffers: list[pickle.PickleBuffer] = []
    data = dumps(value, buffers, name)

    if not buffers and len(data) <= INLINE:
        return data

    replace_file(path, lambda file: _write(file, data, buffers))
    return path


def fetch(kept: bytes | str) -> object:
    """Read a value that `keep` kept."""
    if isinstance(kept, bytes):
        return pickle.loads(kept)

    with open(kept, "rb") as file:
        view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))

    magic, count, length = _HEAD.unpack_from(view)

    if magic != _MAGIC:
        raise ValueError(f"{kept} is not a value file of asyncflow")

    sizes = struct.unpack_from(f"<{count}Q", view, _HEAD.size)
    start = _HEAD.size + 8 * count
    data = view[start : start + length]
    end = start + length
    buffers = []

    for size in sizes:
        begin = _aligned(end)
        end = begin + size
        buffers.append(view[begin:end])

    return pickle.loads(data, buffers=buffers)


def replace_file(path: str, write: Callable[[BinaryIO], object]) -> None:
    """Write a file under a temporary name beside `path`, then rename it to `path`.

    Whatever fails, `path` is what it was and the temporary file is gone.
    """
    temporary = temporary_name(path)

    try:
        with open(temporary, "wb") as file:
            write(file)

        os.replace(temporary, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)

        raise


def temporary_name(path: str) -> str:
    """Return the name under which a file is written before it is called `path`."""
    return f"{path}.tmp"


def _write(file: BinaryIO, data: bytes, buffers: list[pickle.PickleBuffer]) -> None:
    raws = [buffer.raw() for buffer in buffers]
    file.write(_HEAD.pack(_MAGIC, len(raws), len(data)))
    file.write(struct.pack(f"<{len(raws)}Q", *(raw.nbytes for raw in raws)))
    file.write(data)

    for raw in raws:
        file.seek(_aligned(file.tell()))
        file.write(raw)


def _aligned(offset: int) -> int:
    return -(-offset // _ALIGN) * _ALIGN
