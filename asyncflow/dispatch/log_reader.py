"""Reading the log of a job on while it runs: in pieces of a bounded size."""

from __future__ import annotations

import os
from typing import Self

import attrs

from asyncflow.abc import Log
from asyncflow.worker.outcome import mark
from asyncflow.worker.sparse_file import next_data, next_hole
from asyncflow.worker.streams import decoded, without_cut_front

PIECE = 65_536
"""How much of a log is read at a time, in bytes; a longer line comes in several pieces."""

AT_ONCE = 16
"""How many such pieces are read before they are told."""


@attrs.define(eq=False, repr=False)
class LogReader:
    """Reads on in the log of one attempt at a job.

    The file stays open, so that what is there can be read also when it was removed.

    :param log: where the attempt prints
    :param attempt: its number
    :param at: how far it was read, in bytes from the beginning of the file
    """

    log: Log
    attempt: int
    at: int
    _file: int
    _rest: bytes = attrs.field(init=False, default=b"")
    """The beginning of a line of which the end was not read."""
    _is_cut: bool = attrs.field(init=False, default=False)
    """Whether what is read next may begin in the middle of a character."""
    has_lost_end: bool = attrs.field(init=False, default=False)
    """Whether the end of what was to be read is not in the file any more."""

    @classmethod
    def open(cls, log: Log, attempt: int) -> Self | None:
        """Open a log; None where it has gone. Blocks."""
        try:
            file = os.open(log.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None

        reader = cls(log, attempt, log.start, file)
        reader._is_cut = bool(log.start) and os.pread(file, 1, log.start - 1) >= b"\x80"
        return reader

    @property
    def size(self) -> int:
        """How large the file is. Waits for nothing, as the file is open."""
        return os.lseek(self._file, 0, os.SEEK_END)

    @property
    def seen(self) -> int:
        """How many bytes of the attempt's output were given."""
        return self.at - len(self._rest) - self.log.start

    def read(self, stop: int, *, is_end: bool) -> list[str]:
        """Read on, at most `AT_ONCE` pieces; return the lines. Blocks.

        :param stop: up to where, in bytes from the beginning of the file
        :param is_end: whether the attempt has printed no more: then the last line may
            have no end
        """
        lines: list[bytes] = []

        for _ in range(AT_ONCE):
            if self.at >= stop or self.has_lost_end:
                break

            self._read_piece(stop, lines, is_end=is_end)

        if is_end and self.at >= stop and self._rest and not self.has_lost_end:
            lines.append(self._rest)
            self._rest = b""

        return [decoded(line) for line in lines]

    def close(self) -> None:
        """Close the file."""
        file, self._file = self._file, -1

        if file >= 0:
            os.close(file)

    def _read_piece(self, stop: int, lines: list[bytes], *, is_end: bool) -> None:
        begin = next_data(self._file, self.at, stop)

        if begin > self.at:
            self._leave_out(begin, lines, is_end=is_end and begin == stop)
            return

        size = min(PIECE, next_hole(self._file, self.at, stop) - self.at)
        data = os.pread(self._file, size, self.at)

        if next_hole(self._file, self.at, stop) < self.at + len(data):
            return  # punched meanwhile: once more

        if data:
            self._take(data, lines)
        else:  # made shorter by its worker
            self._leave_out(stop, lines, is_end=is_end)

    def _take(self, data: bytes | bytearray, lines: list[bytes]) -> None:
        self.at += len(data)

        if self._is_cut:
            self._is_cut = False
            data = without_cut_front(data)

        *whole, rest = (self._rest + data).splitlines(keepends=True)
        lines += whole

        if rest.endswith(b"\n"):
            lines.append(rest)
            rest = b""
        elif len(rest) >= PIECE:
            cut = _boundary(rest)
            lines.append(rest[:cut])
            rest = rest[cut:]

        self._rest = rest

    def _leave_out(self, begin: int, lines: list[bytes], *, is_end: bool) -> None:
        """Go on behind what is not there; say that, where nobody else has it."""
        if is_end:
            self.has_lost_end = True
            return

        if self._rest:
            lines.append(decoded(self._rest, is_cut=True).encode() + b"\n")
            self._rest = b""

        lines.append(f"{mark(begin - self.at)}\n".encode())
        self.at = begin
        self._is_cut = True


def _boundary(data: bytes) -> int:
    """Return where to cut, so that no character of UTF-8 is cut in two."""
    for back in range(1, 4):
        byte = data[-back]

        if byte >= 0xC0:  # a character begins
            return len(data) - back

        if byte < 0x80:
            break

    return len(data)
