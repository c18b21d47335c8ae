"""Digests of values: what tells one from others without reading it.

A small value's is made where it is asked for. A large one is asked for its digest when it
is written, by the name of its file, and that is named after it.
"""

from __future__ import annotations

import os
import pickle
import re
from collections.abc import Iterable
from contextlib import suppress

_COMPARED = ".compared"
_DIGEST = r"-([0-9a-f]{32})\.\w+$"
_MARK = rb"<asyncflow:[0-9a-f]{32}:\d+>"
_IN_ANY_ORDER = (b"\x8f\x94(", b"\x91\x94", b"asyncflow.worker.by_value")
"""What a pickle has if those of equal values may differ: sets, what a script defines."""

_MOST_BYTES = 4 * 1024 * 1024
"""Above this the bytes of a pickle tell what it is: that is faster."""


def mark(tracker_id: str, age: int) -> str:
    """Return what tells a class of a main script from others, at each start anew.

    :param tracker_id: 32 hexadecimal digits
    :param age: a time in nanoseconds
    """
    return f"<asyncflow:{tracker_id}:{age}>"


def read_mark(text: str) -> tuple[str, int]:
    """Return what `mark` was given."""
    _, tracker_id, age = text.strip("<>").split(":")
    return tracker_id, int(age)


def digest(data: bytes, buffers: Iterable[pickle.PickleBuffer] = ()) -> str:
    """Return the digest of a value by its pickle.

    Marks do not count, nor do the order of sets and the places of code.
    """
    import hashlib

    whole = hashlib.blake2b(_content(data), digest_size=16)

    for buffer in buffers:
        with buffer.raw() as raw:
            whole.update(b"%d:" % raw.nbytes)
            whole.update(raw)

    return whole.hexdigest()


def _content(data: bytes) -> bytes:
    if len(data) <= _MOST_BYTES and any(sign in data for sign in _IN_ANY_ORDER):
        from asyncflow.worker.contents import Unsuited, content_of

        with suppress(Unsuited):
            return content_of(data)

    return re.sub(_MARK, b"", data)


def compared(path: str) -> str:
    """Return a name for a file that asks for the digest of what is written to it."""
    return f"{path}{_COMPARED}"


def named_after(path: str, data: bytes, buffers: Iterable[pickle.PickleBuffer]) -> str:
    """Return how a file for a value is to be called, when it is written."""
    if not path.endswith(_COMPARED):
        return path

    stem, ending = _parts(path)
    return f"{stem}-{digest(data, buffers)}{ending}"


def renamed(path: str, original: str) -> str:
    """Return how a copy of a file is to be called that has a `compared` name, or none.

    :param original: the file, which may be named after its value
    """
    if not path.endswith(_COMPARED):
        return path

    stem, ending = _parts(path)
    found = digest_in(original)
    return f"{stem}-{found}{ending}" if found else f"{stem}{ending}"


def digest_in(path: str) -> str:
    """Return the digest that a file is named after; ``""`` where it is not."""
    found = re.search(_DIGEST, path)
    return found[1] if found else ""


def remove_named(path: str) -> None:
    """Remove the file that may have been made for a `compared` name. Blocks."""
    if not path.endswith(_COMPARED):
        return

    import glob

    stem, ending = _parts(path)

    for name in glob.iglob(f"{glob.escape(stem)}-*{ending}"):
        with suppress(OSError):
            os.unlink(name)


def _parts(path: str) -> tuple[str, str]:
    return os.path.splitext(path.removesuffix(_COMPARED))
