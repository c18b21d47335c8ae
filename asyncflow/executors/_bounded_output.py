"""What a job of this process prints: of much, the beginning and the end."""

from __future__ import annotations

import attrs

from asyncflow.abc import Printed
from asyncflow.worker.outcome import mark
from asyncflow.worker.streams import Stream, decoded, switch

SLACK = 65_536
"""How many bytes more than needed are held, so that not each write moves them."""


@attrs.define(eq=False, repr=False)
class BoundedOutput:
    """Takes what is printed, and holds no more of it than is kept.

    :param max_bytes: how many bytes: of more, the first and the last half
    """

    max_bytes: int
    _head: bytearray = attrs.field(init=False, factory=bytearray)
    _tail: bytearray = attrs.field(init=False, factory=bytearray)
    """What follows the first `max_bytes` bytes; of that the end."""
    _stream: Stream = attrs.field(init=False, default="stdout")
    size: int = attrs.field(init=False, default=0)
    """How many bytes there were."""

    def write(self, text: str, stream: Stream = "stdout") -> None:
        """Take some text that went to a stream."""
        data = text.encode("utf-8", "backslashreplace")

        if stream != self._stream and text:
            data = switch(self._stream, stream) + data
            self._stream = stream

        room = self.max_bytes - len(self._head)
        self.size += len(data)

        if len(data) <= room:
            self._head += data
            return

        self._head += data[:room]
        self._tail += data[max(room, len(data) - self.max_bytes) :]

        if len(self._tail) > self.max_bytes + SLACK:
            del self._tail[: -self.max_bytes or None]

    def printed(self) -> Printed | None:
        """Return what is kept; None where nothing was printed."""
        if not self.size:
            return None

        if self.size <= self.max_bytes:
            return Printed(decoded(self._head))

        half = self.max_bytes // 2
        end = self._head + self._tail
        left_out = self.size - 2 * half
        first = decoded(self._head[:half], is_cut=True)
        last = decoded(end[len(end) - half :], is_cut=True)
        return Printed(f"{first}\n{mark(left_out)}\n{last}", left_out)
