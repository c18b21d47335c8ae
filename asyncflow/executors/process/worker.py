"""A worker process, as its parent sees it."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import attrs
from anyio import CancelScope, CapacityLimiter, to_thread

from asyncflow.executors.process import process_tree
from asyncflow.executors.process.anyio_pool import in_thread
from asyncflow.executors.process.generation import Generation
from asyncflow.executors.process.worker_folder import WorkerFolder
from asyncflow.worker.loaded import Sign
from asyncflow.worker.outcome import Log
from asyncflow.worker.raw_stderr import fold, path_of
from asyncflow.worker.tokens import Tokens

if TYPE_CHECKING:
    from anyio.abc import Process


class WorkerDied(Exception):
    """The worker process of a call ended: `returncode` as `subprocess` has it."""

    def __init__(self, returncode: int | None) -> None:
        super().__init__(returncode)
        self.returncode = returncode


@attrs.define(eq=False, repr=False)
class Worker:
    """A worker process that `trip.settle` has made safe."""

    process: Process
    place: WorkerFolder
    log_path: str
    tokens: Tokens
    mark: str
    """Marks what it starts, in the environment."""
    born: int
    """When it was started, or earlier: see `_family.now`."""
    bond: int
    """What ends it with this process: see `parent.bind`."""
    is_called: bool = attrs.field(init=False, default=False)
    """Whether a call is under way."""
    logged: int = 0
    """How much of its log belongs to calls that are over, in bytes."""
    jobs: int = 0
    """How many it has run."""
    last_task: str = ""
    """The task of the last of them."""
    world: int = 0
    """The number of the world that it is in."""
    loaded: dict[str, Sign] = attrs.field(init=False, factory=dict)
    """The user's modules that it has loaded, by their files."""
    pinned: Generation | None = attrs.field(init=False, default=None)
    """The moment of which it finds the user's modules."""
    others: list[process_tree.Member] = attrs.field(init=False, factory=list)
    """What it is known to have started."""
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
        if self.returncode is None:  # it may have moved to another group
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def kill_group(self) -> None:
        """Kill the process and all that it started, in its group."""
        self.signal_group(signal.SIGKILL)

    def signal_all(self, number: signal.Signals) -> None:
        """Send a signal to the process and all that it started. Blocks.

        All are stopped before it: what has neither mark nor parent is the child of the
        process, and so can be found, as long as that lives.
        """
        self.signal_group(signal.SIGSTOP)

        with suppress(OSError):  # too few descriptors: what is known has to do
            self.others = process_tree.stopped(
                self.pid, self.mark, self.born, self.others
            )

        for each in (number, signal.SIGCONT):
            self.signal_group(each)

            for other in self.others:
                other.signal(each)

    async def end_all(self, number: signal.Signals) -> None:
        """Do it in a thread, however many others are busy.

        A cancel waits until it is done.
        """
        with CancelScope(shield=True):
            try:
                await to_thread.run_sync(
                    self.signal_all, number, limiter=CapacityLimiter(1)
                )
            except RuntimeError:  # no thread can be started
                self.signal_group(number)

    def has_started_any(self) -> bool:
        """Tell whether there may be more than itself; remember what that is. Blocks."""
        if not process_tree.has_started_any(self.pid):
            return False

        self.others = process_tree.look(self.pid, self.mark, self.born)
        return bool(self.others)

    def bury(self, until: float, *, asks: bool = False) -> None:
        """Wait until all that it started is dead; kill what is left of it. Blocks.

        :param until: how long to wait before that, as `time.monotonic` has it
        :param asks: whether what is left is sent SIGTERM first
        """
        left = process_tree.left(self.pid, self.mark, self.born, self.others)

        for one in left if asks else ():
            one.signal(signal.SIGTERM)

        process_tree.bury(self.pid, self.mark, self.born, left, until)

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
            fold(self.log_path)
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
            await in_thread(partial(remove_files, self.log_path))


def remove_files(log_path: str) -> None:
    """Remove the files of a worker that is dead. Blocks.

    :param log_path: its log; the others are named after it
    """
    for path in files(log_path):
        with suppress(FileNotFoundError):
            os.unlink(path)


def files(log_path: str) -> tuple[str, ...]:
    """Return the names of a worker's files: its log, its spool, its tokens, a copy of
    its ``__main__``, and what is written to its descriptor 2.
    """
    name = log_path.removesuffix(".log")
    others = (f"{name}.spool", f"{name}.tokens", f"{name}.main")
    return (log_path, *others, path_of(log_path))
