"""The logs of jobs that run long: of what they print, the middle leaves the disk."""

from __future__ import annotations

import os

from anyio import Event, sleep, to_thread

from asyncflow.abc import Log
from asyncflow.worker.raw_stderr import fold
from asyncflow.worker.sparse_file import BLOCK, punch_hole

FACTOR = 8
"""How often what is kept of a log may lie on the disk, before its middle goes."""

MIN_KEPT = 65_536
"""The least of its beginning and its end that stays, in bytes."""

FIRST, SOON, LATE = 0.1, 0.02, 0.5
"""The seconds to the first look; and the least and the most between two: nothing tells how
much is printed. There are more where much is."""


class WatchedLog:
    """A log that is watched."""

    def __init__(self, log: Log, keep: int, done: int, size: int) -> None:
        self.log: Log = log
        self.keep: int = keep
        """How much of its beginning and of its end stays, in bytes."""
        self.done: int = done
        """Up to where its middle has gone."""
        self.size: int = size
        """Where it ended at the last look."""
        self.is_over: bool = False
        """Whether the job has ended: what follows in the file is of the next one."""

    def look(self) -> bool:
        """Give back its middle, if it is large; tell whether much was printed. Blocks.

        What child processes wrote to stderr is brought into it.
        """
        try:
            fold(self.log.path)

            with open(self.log.path, "rb+", buffering=0) as file:
                size = os.fstat(file.fileno()).st_size

                if self.is_over:  # asked after the size, which is of this job for sure
                    return False

                if size - self.done > FACTOR * self.keep:
                    punch_hole(file.fileno(), self.done, size - self.keep)
                    self.done = (size - self.keep) // BLOCK * BLOCK
        except OSError:  # its worker has gone
            return False

        grown, self.size = size - self.size, size
        return grown > self.keep


class LogBounds:
    """Watches logs, as long as jobs run long: otherwise it does nothing at all.

    How much of a log is on the disk is bounded by `FACTOR` times what is kept of it,
    and by what can be printed between two looks.

    :param max_bytes: how many bytes are kept of what a job prints
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._watched: dict[str, WatchedLog] = {}
        """By the path of the log."""
        self._is_needed = Event()

    def watch(self, log: Log) -> WatchedLog:
        """Watch the log of a job from here on."""
        keep = max(self.max_bytes, MIN_KEPT)
        watched = WatchedLog(log, keep, log.start + keep, log.start)
        self._watched[log.path] = watched
        self._is_needed.set()
        return watched

    def unwatch(self, watched: WatchedLog) -> None:
        """Watch a log no longer; what is printed from here on is spared."""
        watched.is_over = True

        if self._watched.get(watched.log.path) is watched:
            del self._watched[watched.log.path]

    async def run(self) -> None:
        """Watch until this is cancelled."""
        while True:
            await self._is_needed.wait()
            self._is_needed = Event()
            await self._look_on()

    async def _look_on(self) -> None:
        """Look again and again, as long as a log is watched."""
        wait = FIRST

        while self._watched:
            await sleep(wait)
            watched = list(self._watched.values())
            much = bool(watched) and await to_thread.run_sync(_look, watched)
            wait = SOON if much else min(2 * wait, LATE)


def _look(watched: list[WatchedLog]) -> bool:
    much = [log.look() for log in watched]
    return any(much)
