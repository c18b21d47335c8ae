"""Large pickles, made and loaded in steps.

Pickle holds Python's lock until it has done all that it was given, and so an event loop
beside it stands still: for seconds, where a value has millions of parts. Given a file that
is an object of Python's, it calls that once a frame (64 KiB), and there others have their
turn.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable

from asyncflow.gc_pause import pause_gc


class Written:
    """Takes what a pickler writes: parts of a pickle, no name of which is in two."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def write(self, part: bytes) -> None:
        self.parts.append(bytes(part))


class _Readable:
    """A pickle that is read from its beginning."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._at = 0

    def read(self, size: int) -> bytes:
        begin, self._at = self._at, self._at + size
        return bytes(self._data[begin : self._at])

    def readinto(self, target: memoryview) -> int:
        part = self._data[self._at : self._at + len(target)]
        self._at += len(part)
        target[: len(part)] = part
        return len(part)

    def readline(self) -> bytes:
        end = self._at

        while end < len(self._data) and self._data[end] != ord("\n"):
            end += 1

        return self.read(end + 1 - self._at)


def dump(
    value: object, collect: Callable[[pickle.PickleBuffer], bool] | None
) -> list[bytes]:
    """Pickle a value with protocol 5, in steps; return the parts: see `Written`.

    :param collect: pickle's callback for large buffers
    """
    written = Written()
    pickle.Pickler(written, 5, buffer_callback=collect).dump(value)
    return written.parts


def load(data: memoryview, buffers: Iterable[memoryview] = ()) -> object:
    """Load a pickle in steps.

    What it makes is not looked through for garbage again and again while it grows.
    """
    with pause_gc():
        return pickle.Unpickler(_Readable(data), buffers=buffers).load()
