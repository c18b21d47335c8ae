"""Where values are kept: small ones in bytes, large ones in a file of their own.

A file holds the pickle and, after it, each large buffer (an array's, a frame's) at an
aligned place. Who reads it maps it into memory copy-on-write, so that an array is used
where it lies: nothing is copied, and the function may write into it. Method: pickle
protocol 5, PEP 574.

File: ``AFV2``, the number of buffers (u32), the length of the pickle (u64), its CRC-32
(u32), the length of each buffer (u64 each); then the pickle; then the buffers, each at a
multiple of 64. All little endian.
"""

from __future__ import annotations

import os
import pickle
import struct
import zlib
from contextlib import suppress
from typing import BinaryIO

from asyncflow.worker import current
from asyncflow.worker.codec import PLAIN, dumps
from asyncflow.worker.digests import named_after
from asyncflow.worker.errors import (
    MISSING,
    WRITE_AGAIN,
    DataNodeReadingError,
    ValueMissing,
)
from asyncflow.worker.mapping import map_file
from asyncflow.worker.outcome import StoredValue
from asyncflow.worker.replacing import replace_file, unwritable

INLINE = 64 * 1024
"""Values whose pickle has at most so many bytes need no file."""

LARGE = 1 << 20
"""From how many bytes on a pickle is loaded in steps; see `steps`."""

INTENT = ".intent"
"""How the names of files end that say what a job is about to make visible."""

STAGED = ".staged"
"""How the name of a file ends, after a path that `Driver.write` was given, that is there
while something waits to be published that is found in no other way. It has the data node's
name, and then its path, where that is another one than its config's."""

_MAGIC = b"AFV2"
_HEAD = struct.Struct("<4sIQI")
_ALIGN = 64


def note_staged(path: str, name: str, place: str = "") -> None:
    """Note that something waits to be published, for who finds it after a crash.

    :param path: the path that `Driver.write` was given
    :param name: how errors call the value
    :param place: the path of the data node, where its config has another; without secrets
    """
    with suppress(OSError), open(path + STAGED, "w", encoding="utf-8") as file:
        file.write(f"{name}\n{place}" if place else name)


def forget_staged(path: str) -> None:
    """Note that nothing waits any more."""
    with suppress(OSError):
        os.unlink(path + STAGED)


def keep(value: object, path: str, name: str, *, sync: bool) -> StoredValue:
    """Keep a value; return its bytes, or the path where a file was made for it.

    :param path: the file to make where the value is large; see also `digests`
    :param name: how an error calls the value
    :param sync: whether the file outlives a power failure; waits for the disk
    :raises NotPicklable: where it cannot be pickled
    :raises OSError: where the file cannot be written, naming it; none is left behind
    """
    if type(value) in PLAIN:
        data = pickle.dumps(value, 5)

        if len(data) <= INLINE:
            return data

    buffers: list[pickle.PickleBuffer] = []
    data = dumps(value, buffers, name, in_steps=not current.is_worker)

    if not buffers and len(data) <= INLINE:
        return data

    return keep_pickled(data, buffers, path, name, sync=sync)


def keep_pickled(
    data: bytes,
    buffers: list[pickle.PickleBuffer],
    path: str,
    name: str,
    *,
    sync: bool,
) -> str:
    """Make the file of a value that is pickled already; see `keep`.

    :return: its path
    """
    temporary = temporary_name(path)
    path = named_after(path, data, buffers)

    def write(file: BinaryIO) -> None:
        _write(file, data, buffers)

    try:
        try:
            replace_file(path, write, temporary, sync=sync)
        except FileNotFoundError:  # somebody has removed the folder, with all it had
            with suppress(FileExistsError):
                os.mkdir(os.path.dirname(path), 0o700)

            replace_file(path, write, temporary, sync=sync)
    except OSError as error:
        raise unwritable(error, path, name) from error

    return path


def fetch(kept: bytes | str) -> object:
    """Read a value that `keep` kept.

    :raises ValueMissing: where its file is not there
    :raises DataNodeReadingError: where its file is not whole
    """
    if isinstance(kept, bytes):
        return pickle.loads(kept)

    try:
        with open(kept, "rb") as file:
            view = memoryview(map_file(file.fileno()))
    except FileNotFoundError:
        raise ValueMissing(kept, _why_missing(kept)) from None
    except ValueError:  # an empty file cannot be mapped
        raise _damaged(kept, "it is empty") from None

    try:
        data, buffers = _parts(view)
    except struct.error:
        raise _damaged(kept, "it is damaged (it ends in its head)") from None
    except ValueError as error:
        raise _damaged(kept, f"it is damaged ({error})") from None

    if len(data) < LARGE:
        return pickle.loads(data, buffers=buffers)

    from asyncflow.worker import steps

    return steps.load(data, buffers)


def is_whole(path: str) -> bool:
    """Tell whether the file of a value is there, and as long as it says. Blocks.

    One of a driver with a form of its own is whole unless it is empty.
    """
    try:
        with open(path, "rb") as file:
            found = os.fstat(file.fileno()).st_size
            head = file.read(_HEAD.size)

            if not _MAGIC.startswith(head[: len(_MAGIC)]):
                return True

            _, count, length, _ = _HEAD.unpack(head)
            sizes = struct.unpack(f"<{count}Q", file.read(8 * count))
    except IsADirectoryError:
        return True
    except (OSError, struct.error):
        return False

    end: int = _HEAD.size + 8 * count + length

    for size in sizes:
        end = _aligned(end) + size

    return found == end


def held_name(path: str, place: str) -> str:
    """Return how the file of a value is to be called that stays on the host that made it.

    :param path: the name that it would have in the folder of all values
    :param place: what tells that host from others: 32 hexadecimal digits
    """
    begin, _, end = os.path.basename(path).partition(".")
    return f"{begin}.at_{place}.{end}"


def place_of(path: str) -> str | None:
    """Return what tells on which host a value stays; None for one that is where all are."""
    _, mark, rest = os.path.basename(path).partition(".at_")
    return rest[:32] if mark else None


def _why_missing(path: str) -> str:
    is_held = place_of(path) is not None
    return "the host of a cluster that has it is not reached" if is_held else MISSING


def _damaged(file: str, why: str) -> DataNodeReadingError:
    return DataNodeReadingError(file, why, WRITE_AGAIN)


def _parts(view: memoryview) -> tuple[memoryview, list[memoryview]]:
    """Return the pickle and the buffers of a file; raise where it is not whole."""
    magic, count, length, checksum = _HEAD.unpack_from(view)

    if magic != _MAGIC:
        raise ValueError("it does not begin as a value of asyncflow does")

    sizes = struct.unpack_from(f"<{count}Q", view, _HEAD.size)
    start = _HEAD.size + 8 * count
    end = start + length
    data = view[start:end]
    buffers: list[memoryview] = []

    for size in sizes:
        begin = _aligned(end)
        end = begin + size
        buffers.append(view[begin:end])

    if len(view) != end:
        raise ValueError(f"it has {len(view)} bytes, where there were {end}")

    if zlib.crc32(data) != checksum:
        raise ValueError("its checksum is wrong")

    return data, buffers


def temporary_name(path: str) -> str:
    """Return the name under which a file is written before it is called `path`."""
    return f"{path}.tmp"


def former_name(path: str) -> str:
    """Return the name under which a file is held that the one at `path` replaces."""
    return f"{path}.former"


def intent_path(folder: str, holder_id: str, job_id: str) -> str:
    """Return the file of what a job is about to make visible; see `intent`.

    :param folder: where values are
    :param holder_id: the orchestrator of the job
    """
    return f"{folder}/{holder_id}-{job_id}{INTENT}"


def _write(file: BinaryIO, data: bytes, buffers: list[pickle.PickleBuffer]) -> None:
    raws = [buffer.raw() for buffer in buffers]
    file.write(_HEAD.pack(_MAGIC, len(raws), len(data), zlib.crc32(data)))
    file.write(struct.pack(f"<{len(raws)}Q", *(raw.nbytes for raw in raws)))
    file.write(data)

    for raw in raws:
        file.seek(_aligned(file.tell()))
        file.write(raw)


def _aligned(offset: int) -> int:
    return -(-offset // _ALIGN) * _ALIGN
