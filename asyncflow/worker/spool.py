"""The spool: what came of the calls of a trip, as long as the trip is under way.

A worker appends each outcome before it starts the next call. So a call that takes long,
or kills the worker, takes nothing of what had finished away.
"""

from __future__ import annotations

import mmap
import os
import struct
import zlib
from contextlib import suppress

_HEAD = struct.Struct("<QII")
"""Of each entry: the number of the trip; the length of what follows; its CRC-32, which
begins with the number, so that zeros are nothing whole."""

MAPPED = 64 * 1024
"""How much of its file a worker has mapped, in bytes: to write there is no system call.
The rest is written as any file is."""


class Spool:
    """The spool of a worker, which writes it.

    :param path: its file; `read` is for the parent
    """

    def __init__(self, path: str) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        self._file = os.open(path, flags, 0o600)

        with open(self._file, "wb", closefd=False) as file:
            file.write(bytes(MAPPED))  # a full disk shows here, and kills nobody later

        self._map = mmap.mmap(self._file, MAPPED)
        self._end = 0
        self._trip = 0

    def begin(self, trip: int) -> None:
        """Forget the last trip.

        :param trip: the number of the next one
        """
        used = min(self._end, MAPPED)
        self._map[:used] = bytes(used)

        if self._end > MAPPED:
            os.ftruncate(self._file, MAPPED)

        self._end = 0
        self._trip = trip

    def append(self, outcome: bytes) -> None:
        """Add an outcome, pickled."""
        checksum = zlib.crc32(outcome, self._trip)
        entry = _HEAD.pack(self._trip, len(outcome), checksum) + outcome
        begin = self._end
        self._end = end = begin + len(entry)

        if end <= MAPPED:
            self._map[begin:end] = entry
        else:
            with suppress(
                OSError
            ):  # a full disk: what is not here, runs again at worst
                os.pwrite(self._file, entry, begin)

    def close(self) -> None:
        """Close the file."""
        self._map.close()
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
        number, length, checksum = _HEAD.unpack_from(data, begin - _HEAD.size)
        outcome = data[begin : begin + length]

        if (
            number != trip
            or len(outcome) < length
            or zlib.crc32(outcome, trip) != checksum
        ):
            break

        found.append(outcome)
        begin += length + _HEAD.size

    return found
