"""anyio's pool of worker processes, as asyncflow uses it.

The pool belongs to the event loop and is shared with the host's own `to_process` calls.
Three things are wanted of it that its public face does not give: which process a call
goes to (to tell its exit code and to kill its group), calls without a limiter of their
own (the walk has taken the token), and workers that are gone when the last orchestrator
of the loop is. For these it reads three of anyio's private variables; a test holds what
is assumed of them.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, ClassVar, Self, TypeVar

import attrs
from anyio import (
    BrokenWorkerProcess,
    CancelScope,
    CapacityLimiter,
    Event,
    Lock,
    to_process,
    to_thread,
)
from anyio.lowlevel import RunVar

from asyncflow.executors._worker import Worker, files, remove_files
from asyncflow.folder import Folder
from asyncflow.worker import channel, trip
from asyncflow.worker.current import Progress
from asyncflow.worker.tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from anyio.abc import Process

T = TypeVar("T")

_pools: RunVar[Pool] = RunVar("asyncflow_pool")


class WorkerDied(Exception):
    """The worker process of a call ended: `returncode` as `subprocess` has it."""

    def __init__(self, returncode: int | None) -> None:
        super().__init__(returncode)
        self.returncode = returncode


class Seat(CapacityLimiter):
    """Stand in for a limiter: take nothing, and see which process anyio takes next.

    anyio takes the process right after it entered the limiter, with no other task in
    between, so what is on top of its idle processes here is what it takes.
    """

    def __new__(cls, pool: Pool) -> Self:  # noqa: ARG004
        return object.__new__(cls)

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.process: Process | None = None

    async def __aenter__(self) -> None:
        self.process = self._pool.next_idle()

    async def __aexit__(self, *_: object) -> None:
        return None


@attrs.define(eq=False, repr=False)
class Pool:
    """The workers of one event loop, for all its orchestrators."""

    _folder: Folder | None = attrs.field(init=False, default=None)
    _opening: Lock = attrs.field(init=False, factory=Lock)
    _users: int = attrs.field(init=False, default=0)
    _channel: socket.socket | None = attrs.field(init=False, default=None)
    listeners: list[Callable[[str, Progress], None]] = attrs.field(
        init=False, factory=list
    )
    """Who wants to know how far jobs, by their ids, have come."""
    _workers: dict[int, Worker] = attrs.field(init=False, factory=dict)
    _idle: deque[tuple[Process, float]] | None = attrs.field(init=False, default=None)
    """anyio's own list of idle processes; None before anyio has made it."""
    _warming: dict[Event, None] = attrs.field(init=False, factory=dict)
    """The starts of workers that nobody needs yet."""
    _spare: deque[Event] = attrs.field(init=False, factory=deque)
    """Of these, those that nobody waits for."""

    @property
    def alive(self) -> int:
        """How many workers are alive."""
        return sum(one.returncode is None for one in self._workers.values())

    @property
    def coming(self) -> int:
        """How many are alive, or start before they are needed."""
        return self.alive + len(self._warming)

    @classmethod
    async def open(cls) -> Pool:
        """Return the pool of the running event loop, with one more user."""
        pool = _pools.get(None)

        if pool is None:
            pool = cls()
            _pools.set(pool)

        pool._users += 1

        async with pool._opening:
            if pool._folder is None:
                pool._folder = await to_thread.run_sync(Folder, "workers")
                pool._listen(pool._folder.path)

        return pool

    async def close(self) -> None:
        """Take one user away; with the last one the workers and their logs go too."""
        self._users -= 1

        with CancelScope(shield=True):
            while self._warming and not self._users:
                await next(iter(self._warming)).wait()

        if self._users:
            return

        folder, self._folder = self._folder, None
        workers, self._workers = self._workers, {}
        self._stop_listening()

        with CancelScope(shield=True):
            for process in _take_idle(workers.keys()):
                workers[process.pid].kill_group()
                await process.aclose()

            for worker in workers.values():
                worker.close()

            if folder is not None:
                await to_thread.run_sync(folder.remove)

    async def worker(self) -> Worker:
        """Return the worker that anyio takes next; start one where none is idle.

        It is the one of the next `call`, if nothing is awaited in between.

        :raises BrokenWorkerProcess, OSError: when no worker could be started
        """
        while True:
            process = self.next_idle()

            if process is not None and process.pid in self._workers:
                return self._workers[process.pid]

            if self._spare:
                await self._spare.popleft().wait()
                continue

            try:
                await self.settle()
            except BrokenWorkerProcess:
                if process is None:
                    raise

                # It had died without anybody noticing: the next may be alive.

    async def warm(self) -> None:
        """Start a worker before it is needed; who needs one meanwhile waits for it.

        On cancel the process that starts is dead before this raises.

        :raises BrokenWorkerProcess, OSError: when it could not be started
        """
        is_there = Event()
        self._warming[is_there] = None
        self._spare.append(is_there)

        try:
            await self._settle()
        finally:
            del self._warming[is_there]
            is_there.set()

            if is_there in self._spare:
                self._spare.remove(is_there)

    def has(self, worker: Worker) -> bool:
        """Tell whether a worker can be called."""
        return worker.pid in self._workers

    async def shrink(self, count: int) -> None:
        """Have idle workers end, until there are `count` at most."""
        while self.alive > count and (worker := self._idlest()) is not None:
            await self.retire(worker)

    def _idlest(self) -> Worker | None:
        """Return the worker that has been idle for longest."""
        for process, _since in self._idle or ():
            if process.returncode is None and process.pid in self._workers:
                return self._workers[process.pid]

        return None

    async def retire(self, worker: Worker) -> None:
        """Have a worker end that runs nothing, with all that it started."""
        await self.kill(worker)
        await worker.forget()

    async def kill(self, worker: Worker) -> None:
        """Kill a worker that runs nothing; what it wrote stays until `Worker.forget`."""
        self._workers.pop(worker.pid, None)
        taken = _take_idle({worker.pid})

        with CancelScope(shield=True):
            worker.kill_group()

            for process in taken:
                await process.aclose()

    async def call(
        self, worker: Worker, function: Callable[[bytes], T], request: bytes
    ) -> T:
        """Run a function in the worker.

        On cancel the worker is dead before this raises.

        :raises WorkerDied: when the worker process ended
        """
        seat = Seat(self)

        try:
            answer = await to_process.run_sync(
                function, request, cancellable=True, limiter=seat
            )
        except BaseException as error:
            if seat.process is None:
                raise  # it was cancelled before it took the worker

            self._workers.pop(worker.pid, None)

            if isinstance(error, BrokenWorkerProcess):
                raise WorkerDied(worker.returncode) from error

            raise

        assert seat.process is worker.process
        return answer

    def next_idle(self) -> Process | None:
        """Return the process that anyio takes next: the last used that is alive."""
        if self._idle is None:
            self._idle = to_process._process_pool_idle_workers.get(None)

        for process, _since in reversed(self._idle or ()):
            if process.returncode is None:
                return process

        return None

    async def settle(self) -> None:
        """Start a worker, or make one safe that the host has started.

        A cancel waits until it is there: somebody else will need it.
        """
        with CancelScope(shield=True):
            await self._settle()

    async def _settle(self) -> None:
        assert self._folder is not None

        try:
            with _hidden_main() as main_path:
                pid, log_path = await to_process.run_sync(
                    trip.settle,
                    self._folder.path,
                    sys.path,
                    main_path,
                    logging.getLogger().getEffectiveLevel(),
                    cancellable=True,
                    limiter=Seat(self),
                )
        except BaseException as error:
            await self._end(_forgotten(error))
            raise

        process = self.next_idle()
        assert process is not None
        assert process.pid == pid
        _leave_reaping_to_the_loop(process)
        # Opened here, in this very step: it is idle, and known from now on.
        tokens = Tokens(files(log_path)[2])
        self._workers[pid] = Worker(process, log_path, tokens)
        await self._forget_dead()

    def _listen(self, folder: str) -> None:
        self._channel = channel.listen(folder)
        asyncio.get_running_loop().add_reader(self._channel, self.hear)

    def hear(self) -> None:
        """Pass on what jobs have reported up to now."""
        assert self._channel is not None

        for job_id, progress in channel.receive(self._channel):
            for listener in self.listeners:
                listener(job_id, progress)

    def _stop_listening(self) -> None:
        if self._channel is not None:
            asyncio.get_running_loop().remove_reader(self._channel)
            self._channel.close()
            self._channel = None

    async def _forget_dead(self) -> None:
        """Forget those that died while they ran nothing."""
        dead = [one for one in self._workers.values() if one.returncode is not None]

        for worker in dead:
            del self._workers[worker.pid]

        for worker in dead:
            await worker.forget()

    async def _end(self, process: Process | None) -> None:
        """Kill a process, if there is one and it is alive, and wait for its end."""
        if process is None:
            return

        assert self._folder is not None

        with CancelScope(shield=True):
            if process.returncode is None:
                _leave_reaping_to_the_loop(process)

                with suppress(ProcessLookupError):
                    process.kill()

                await process.aclose()

            log_path = os.path.join(self._folder.path, f"{process.pid}.log")
            await to_thread.run_sync(remove_files, log_path)


def _forgotten(error: BaseException) -> Process | None:
    """Return the process that anyio has started for a call, and left when it raised.

    It forgets one that was not ready yet.
    """
    traceback = error.__traceback__

    while traceback is not None:
        frame = traceback.tb_frame

        if frame.f_code is to_process.run_sync.__code__:
            return frame.f_locals.get("process")

        traceback = traceback.tb_next

    return None


def is_of_worker(error: BaseException) -> bool:
    """Tell whether anyio raises what a worker has sent, or what that raised when it was
    loaded, rather than what has happened here.
    """
    traceback = error.__traceback__

    while traceback is not None:
        frame = traceback.tb_frame

        if frame.f_code.co_name == "send_raw_command":
            is_loaded = "retval" in frame.f_locals
            is_sent = is_loaded and frame.f_locals["retval"] is error
            is_loading = not is_loaded and "pickled_response" in frame.f_locals
            return is_sent or (is_loading and not isinstance(error, KeyboardInterrupt))

        traceback = traceback.tb_next

    return False


def _leave_reaping_to_the_loop(process: Process) -> None:
    """Have the loop alone wait for a process, so that its exit code is not lost.

    Before it sends a signal `subprocess.Popen` looks whether the process has ended, and
    so takes the exit code away from asyncio, which then makes one up (CPython issue
    127049, mended in 3.12.9 and 3.13.2).
    """
    transport = getattr(getattr(process, "_process", None), "_transport", None)
    popen = transport and transport.get_extra_info("subprocess")

    if isinstance(popen, subprocess.Popen):
        popen.poll = lambda: popen.returncode  # type: ignore[method-assign]


def _take_idle(pids: AbstractSet[int]) -> list[Process]:
    """Take the idle processes with these ids out of anyio's pool."""
    idle = to_process._process_pool_idle_workers.get(None)
    workers = to_process._process_pool_workers.get(None)

    if idle is None or workers is None:
        return []

    taken = [entry for entry in idle if entry[0].pid in pids]

    for entry in taken:
        idle.remove(entry)
        workers.discard(entry[0])

    return [process for process, _since in taken]


_hides: ContextVar[bool] = ContextVar("asyncflow_hides", default=False)
"""Whether it is we who start a worker."""


class _Hidden(str):
    """The path of the main script, which pickles as no path where we start a worker.

    anyio sends it to each new worker, which would run that script. Everybody else in
    this process still sees the path, and the host's own workers get it.
    """

    __slots__ = ()
    users: ClassVar[int] = 0
    lock: ClassVar[threading.Lock] = threading.Lock()

    def __reduce_ex__(self, protocol: object) -> tuple[object, ...]:
        return (str, ("" if _hides.get() else str.__str__(self),))


@contextmanager
def _hidden_main() -> Iterator[str | None]:
    """Hide the main script from new workers; yield its path, or None without one."""
    main = sys.modules.get("__main__")
    path = getattr(main, "__file__", None)

    if main is None or not isinstance(path, str):
        yield None
        return

    plain = str.__str__(path)

    with _Hidden.lock:
        _Hidden.users += 1
        main.__file__ = _Hidden(plain)

    token = _hides.set(True)

    try:
        yield plain
    finally:
        _hides.reset(token)

        with _Hidden.lock:
            _Hidden.users -= 1

            if not _Hidden.users:
                main.__file__ = plain
