"""Tokens: who starts the calls of a trip, the worker or nobody.

The parent writes one byte for each call of a trip into a named pipe. The worker takes one
before it starts a call. To have what was not started back the parent takes the rest. The
system gives each byte to one of them, so both know what was started, whatever the worker
does meanwhile: its Python may stand still.
"""

from __future__ import annotations

import os

_read = os.read
"""Bound here: a job may replace it."""


class Tokens:
    """One end of the pipe of a worker; both ends can take.

    :param path: where the pipe is
    """

    def __init__(self, path: str) -> None:
        self._pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    @classmethod
    def make(cls, path: str) -> Tokens:
        """Make a new pipe in the place of what is there."""
        if os.path.exists(path):
            os.unlink(path)

        os.mkfifo(path, 0o600)
        return cls(path)

    def give(self, count: int) -> None:
        """Allow the start of so many calls: at most `MAX_TOKENS`."""
        os.write(self._pipe, b"." * count)

    def take(self, count: int = 1) -> int:
        """Take at most so many; return how many there were."""
        try:
            return len(_read(self._pipe, count))
        except BlockingIOError:
            return 0

    def close(self) -> None:
        """Close this end; do nothing where that is done."""
        pipe, self._pipe = self._pipe, -1

        if pipe >= 0:
            os.close(pipe)


MAX_TOKENS = 1024
"""How many tokens may be given for a trip."""
