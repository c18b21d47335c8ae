"""The spool: what came of the calls of a trip, as long as the trip is under way.

A worker appends each outcome before it starts the next call. So a call that takes long,
or kills the worker, takes nothing of what had finished away.
"""

from __future__ import annotations

import os
import struct

_HEAD = struct.Struct("<QI")
"""Of each entry: the number of the trip, and the length of what follows."""


class Spool:
    """The spool of a worker, which writes it.

    :param path: its file; `read` is for the parent
    """

    def __init__(self, path: str) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_TRUNC | os.O_CLOEXEC
        self._file = os.open(path, flags, 0o600)
        self._trip = 0

    def begin(self, trip: int) -> None:
        """Forget the last trip.

        :param trip: the number of the next one
        """
        os.ftruncate(self._file, 0)
        self._trip = trip

    def append(self, outcome: bytes) -> None:
        """Add an outcome, pickled."""
        os.write(self._file, _HEAD.pack(self._trip, len(outcome)) + outcome)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def read(path: str, trip: int) -> list[bytes]:
    """Return the outcomes of a trip that are whole, in their order. Blocks."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return []

    found: list[bytes] = []
    begin = _HEAD.size

    while begin <= len(data):
        number, length = _HEAD.unpack_from(data, begin - _HEAD.size)

        if number != trip or len(data) < begin + length:
            break

        found.append(data[begin : begin + length])
        begin += length + _HEAD.size

    return found
