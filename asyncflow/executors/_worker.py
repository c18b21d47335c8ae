"""A worker process, as its parent sees it."""

from __future__ import annotations

import glob
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

import attrs
from anyio import CancelScope, to_thread

from asyncflow.worker.outcome import Log
from asyncflow.worker.tokens import Tokens

if TYPE_CHECKING:
    from anyio.abc import Process

PAUSE = 0.01
"""Between two looks whether a process group is dead, in seconds: nothing tells it."""

DYING = 5.0
"""How long processes may take to die after SIGKILL, in seconds."""


@attrs.define(eq=False, repr=False)
class Worker:
    """A worker process that `trip.settle` has made safe."""

    process: Process
    log_path: str
    tokens: Tokens
    logged: int = 0
    """How much of its log belongs to calls that are over, in bytes."""
    jobs: int = 0
    """How many it has run."""
    since: float = attrs.field(init=False, factory=time.monotonic)

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def returncode(self) -> int | None:
        return self.process.returncode

    @property
    def spool_path(self) -> str:
        return files(self.log_path)[1]

    @property
    def age(self) -> float:
        """How long it has been there, in seconds."""
        return time.monotonic() - self.since

    def signal_group(self, number: signal.Signals) -> None:
        """Send a signal to the process and all that it started, in its group."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def kill_group(self) -> None:
        """Kill the process and all that it started."""
        self.signal_group(signal.SIGKILL)

    def bury(self, until: float) -> None:
        """Wait until its whole group is dead; kill what is left of it. Blocks.

        :param until: how long to wait before that, as `time.monotonic` has it
        """
        while _is_alive(self.pid) and time.monotonic() < until:
            time.sleep(PAUSE)

        give_up = time.monotonic() + DYING

        while _is_alive(self.pid) and time.monotonic() < give_up:
            self.kill_group()
            time.sleep(PAUSE)

    def rss(self) -> int:
        """Return how much memory it has now, in bytes; 0 where that is not known.

        Blocks.
        """
        try:
            with open(f"/proc/{self.pid}/statm") as file:
                pages = file.read().split()[1]
        except (OSError, IndexError):
            return 0

        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def rest_of_log(self) -> Log | None:
        """Return what it printed after its last finished call. Blocks."""
        try:
            end = os.stat(self.log_path).st_size
        except OSError:
            return None

        return Log(self.log_path, self.logged, end) if end > self.logged else None

    def close(self) -> None:
        """Close what the parent has open of it."""
        self.tokens.close()

    async def forget(self) -> None:
        """Close it, and remove its files: it is dead, and all that it did is told.

        A cancel waits until they are gone.
        """
        self.close()

        with CancelScope(shield=True):
            await to_thread.run_sync(remove_files, self.log_path)


def remove_files(log_path: str) -> None:
    """Remove the files of a worker that is dead. Blocks.

    :param log_path: its log; the others are named after it
    """
    for path in files(log_path):
        with suppress(FileNotFoundError):
            os.unlink(path)


def files(log_path: str) -> tuple[str, str, str, str]:
    """Return the names of a worker's files: its log, its spool, its tokens, and a copy
    of its ``__main__``.
    """
    name = log_path.removesuffix(".log")
    return log_path, f"{name}.spool", f"{name}.tokens", f"{name}.main"


def _is_alive(group: int) -> bool:
    """Tell whether a process group has a member that is not a zombie. Blocks."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True

    states = [state for state, other in _processes() if other == group]
    return not states or any(state not in "ZX" for state in states)


def _processes() -> Iterator[tuple[str, int]]:
    """Give the state and the group of each process, where the system shows them."""
    for stat in glob.iglob("/proc/[0-9]*/stat"):
        with suppress(OSError, ValueError, IndexError), open(stat) as file:
            state, _parent, group = file.read().rpartition(")")[2].split()[:3]
            yield state, int(group)
