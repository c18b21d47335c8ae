"""A worker process, as its parent sees it: what it runs, and how it is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import attrs
from anyio import CancelScope, CapacityLimiter, to_thread

from asyncflow.abc import Call, Printed, StoredValue
from asyncflow.executors.process import process_tree
from asyncflow.executors.process.anyio_pool import in_thread
from asyncflow.executors.process.generation import Generation
from asyncflow.executors.process.stacks import STACK, last_stack
from asyncflow.executors.process.worker_folder import WorkerFolder
from asyncflow.facts import Facts
from asyncflow.worker.digests import remove_named
from asyncflow.worker.entry_points import without_ours
from asyncflow.worker.loaded import Sign
from asyncflow.worker.outcome import Log, worker_name
from asyncflow.worker.raw_stderr import fold, path_of
from asyncflow.worker.streams import plain, whole
from asyncflow.worker.tokens import Tokens
from asyncflow.worker.values import temporary_name

if TYPE_CHECKING:
    from anyio.abc import Process


class Remains(NamedTuple):
    """What is left of a killed call."""

    log: Printed | None
    """What it printed."""
    stack: str
    """Where its Python was."""
    kept: tuple[StoredValue, ...] | None = None
    """Its outputs, where it was killed while they were made visible, which is done now."""


class WorkerDied(Exception):
    """The worker process of a call ended: `returncode` as `subprocess` has it."""

    def __init__(self, returncode: int | None) -> None:
        super().__init__(returncode)
        self.returncode = returncode


class Worker:
    """A worker process that `trip.settle` has made safe."""

    def __init__(
        self,
        process: Process,
        place: WorkerFolder,
        log_path: str,
        tokens: Tokens,
        mark: str,
        born: int,
        bond: int,
        logged: int = 0,
        jobs: int = 0,
        last_task: str = "",
        world: int = 0,
    ) -> None:
        self.process = process
        self.place = place
        self.log_path = log_path
        self.tokens = tokens
        self.mark = mark
        """Marks what it starts, in the environment."""
        self.born = born
        """When it was started, or earlier: see `_family.now`."""
        self.bond = bond
        """What ends it with this process: see `parent.bind`."""
        self.is_called = False
        """Whether a call is under way."""
        self.logged = logged
        """How much of its log belongs to calls that are over, in bytes."""
        self.jobs = jobs
        """How many it has run."""
        self.last_task = last_task
        """The task of the last of them."""
        self.world = world
        """The number of the world that it is in."""
        self.loaded: dict[str, Sign] = {}
        """The user's modules that it has loaded, by their files."""
        self.pinned: Generation | None = None
        """The moment of which it finds the user's modules."""
        self.others: list[process_tree.Member] = []
        """What it is known to have started."""
        self.last_stack: str = ""
        """Where it was before it was killed, where it had taken SIGTERM."""
        self.since: float = time.monotonic()

        self.name: str = worker_name(self.process.pid)
        """See `worker_name`."""

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

    async def ask_last(self) -> None:
        """Note where it is, as it is killed next. A cancel waits until it is done."""
        if self.returncode is not None:
            return

        with CancelScope(shield=True), suppress(RuntimeError):  # no thread to be had
            self.last_stack = await to_thread.run_sync(
                last_stack, self, limiter=CapacityLimiter(1)
            )

    def has_started_any(self) -> bool:
        """Tell whether there may be more than itself; remember what that is. Blocks."""
        if not process_tree.has_started_any(self.pid):
            return False

        try:
            self.others = process_tree.look(self.pid, self.mark, self.born)
        except OSError:  # too few descriptors
            return True

        return bool(self.others)

    def bury(self, until: float, *, asks: bool = False) -> None:
        """Wait until all that it started is dead; kill what is left of it. Blocks.

        :param until: how long to wait before that, as `time.monotonic` has it
        :param asks: whether what is left is sent SIGTERM first
        """
        known = self.pid, self.mark, self.born

        try:
            left = process_tree.left(*known, self.others)

            for process in left if asks else ():
                process.signal(signal.SIGTERM)

            process_tree.bury(*known, left, until)
        except OSError:  # too few descriptors: its group has to do
            if asks:
                self.signal_group(signal.SIGTERM)

            process_tree.bury_group(self.pid, until)

    def rss(self) -> int:
        """Return how much memory it has now, in bytes; 0 where that is not known.

        Blocks.
        """
        try:
            with open(f"/proc/{self.pid}/statm", encoding="utf-8") as file:
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

    def clean_up(self, call: Call, max_bytes: int) -> Remains:
        """Remove what a killed call left of its outputs. Blocks.

        :param max_bytes: how much is kept of what it printed
        """
        from asyncflow.worker.intent import settled_here

        if (kept := settled_here(call.job_id, call.outputs)) is not None:
            rest = self.rest_of_log()
            return Remains(rest and rest.read(max_bytes), "", tuple(kept))

        for _name, driver, path in call.outputs:
            staged = driver.staging_path(path)

            for name in {path, staged, temporary_name(path), temporary_name(staged)}:
                with suppress(OSError):
                    os.unlink(name)

            remove_named(path)

        rest = self.rest_of_log()
        log = rest and rest.read(max_bytes)

        if log is None:
            return Remains(None, self.last_stack)

        log = log._replace(text=whole(log.text))
        return Remains(log, plain(stack_of(log.text)) or self.last_stack)

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


@attrs.frozen(kw_only=True, eq=False, repr=False)
class WorkerLimits(Facts):
    """When a worker is replaced, between two jobs; None for never.

    :param jobs: after how many of them
    :param age: after how many seconds
    :param rss: when it has more memory than so many bytes
    """

    jobs: int | None = None
    age: float | None = None
    rss: int | None = None

    @classmethod
    def of(
        cls, jobs: int | None, age: float | None, rss: int | None
    ) -> WorkerLimits | None:
        """Return these limits; None where there is none of them."""
        if jobs is age is rss is None:
            return None

        return cls(jobs=jobs, age=age, rss=rss)

    async def are_reached(self, worker: Worker) -> bool:
        """Tell whether a worker that is alive is to be replaced."""
        if worker.returncode is not None:
            return False

        if self.jobs is not None and worker.jobs >= self.jobs:
            return True

        if self.age is not None and worker.age >= self.age:
            return True

        return self.rss is not None and await to_thread.run_sync(worker.rss) > self.rss


class Kill:
    """The end of a worker: it is asked for, and after a grace it is forced.

    :param worker: which one; all that it has started ends with it
    """

    at: float = 0.0
    """When it is killed, as `time.monotonic` has it."""
    reaching: asyncio.Task[None] | None = None
    """Sends signals to the worker and all that it started."""
    _clock: asyncio.TimerHandle | None = None

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def begin(self, grace: float, *, now: bool) -> None:
        """Do it once; then only if there is no time to wait for the end.

        :param grace: how long the worker may take to end by itself, in seconds
        :param now: without a grace
        """
        if self._clock is not None:
            if not now:
                return

            self._clock.cancel()
        elif not now:
            self._reach(signal.SIGTERM)

        wait = 0.0 if now else grace
        self.at = time.monotonic() + wait
        loop = asyncio.get_running_loop()
        self._clock = loop.call_later(wait, self._force, not now)

    def stop(self) -> None:
        """Force nothing any more."""
        if self._clock is not None:
            self._clock.cancel()

    def _force(self, asks: bool) -> None:
        self._reach(signal.SIGKILL, asks=asks)

    def _reach(self, number: signal.Signals, *, asks: bool = False) -> None:
        """Send a signal to the worker and all that it started, after an earlier one.

        :param asks: whether it is to tell first where it is
        """
        before = self.reaching

        async def reach() -> None:
            if before is not None:
                await asyncio.wait({before})

            if asks:
                await self._worker.ask_last()

            await self._worker.end_all(number)

        self.reaching = asyncio.ensure_future(reach())


def remove_files(log_path: str) -> None:
    """Remove the files of a worker that is dead. Blocks.

    :param log_path: its log; the others are named after it
    """
    for path in files(log_path):
        with suppress(FileNotFoundError):
            os.unlink(path)


def files(log_path: str) -> tuple[str, ...]:
    """Return the names of a worker's files: its log, its spool, its tokens, a copy of
    its ``__main__``, what is written to its descriptor 2, and its stacks.
    """
    name = log_path.removesuffix(".log")
    parts = ("spool", "tokens", "main", "stacks")
    return (log_path, *(f"{name}.{part}" for part in parts), path_of(log_path))


def stack_of(text: str) -> str:
    """Return the stack that ends what a worker printed; ``""`` where none does."""
    _, head, stack = text.rpartition(STACK)
    lines = stack.splitlines(keepends=True) if head else []
    return "".join([head, *without_ours(lines)])
