"""anyio's pool of worker processes, as asyncflow uses it.

The pool belongs to the event loop and is shared with the host's own `to_process` calls.
Three things are wanted of it that its public face does not give: which process a call
goes to (to tell its exit code and to kill its group), calls without a limiter of their
own (the scheduler has taken the token), and workers that are gone when the last
orchestrator of the loop is. For these it reads three of anyio's private variables; a
test holds what is assumed of them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Self, TypeVar

from anyio import (
    BrokenWorkerProcess,
    CancelScope,
    CapacityLimiter,
    Event,
    create_task_group,
    move_on_after,
    to_process,
)
from anyio.lowlevel import RunVar

from asyncflow.executors.process import suspend
from asyncflow.executors.process.anyio_pool import take_idle
from asyncflow.executors.process.current_code import CurrentCode
from asyncflow.executors.process.generation import Generation
from asyncflow.executors.process.worker import Worker, WorkerDied
from asyncflow.executors.process.workers import GRACE, Workers

if TYPE_CHECKING:
    from anyio.abc import Process

T = TypeVar("T")

_pools: RunVar[Pool] = RunVar("asyncflow_pool")


class NullLimiter(CapacityLimiter):
    """Stand in for a limiter: take nothing, and see which process anyio takes next.

    anyio takes the process right after it entered the limiter, with no other task in
    between, so what is on top of its idle processes here is what it takes.
    """

    process: Process | None = None
    _pool: Pool

    def __new__(cls, pool: Pool) -> Self:
        made = object.__new__(cls)
        made._pool = pool
        return made

    async def __aenter__(self) -> None:
        self.process = self._pool.next_idle()

    async def __aexit__(self, *_: object) -> None:
        return None


class Pool:
    """The workers of one event loop, for all its orchestrators."""

    def __init__(self) -> None:
        self.workers: Workers = Workers()
        self._users = 0
        self.stillborn = 0
        """How many workers in a row have died before they had begun what they were sent."""
        self._idle: deque[tuple[Process, float]] | None = None
        """anyio's own list of idle processes; None before anyio has made it."""
        self._warming: dict[Event, None] = {}
        """The starts of workers that nobody needs yet."""
        self._spare: deque[Event] = deque()
        """Of these, those that nobody waits for."""
        self._waiting: deque[Event] = deque()
        """Those who wait for an idle worker, as none can be started."""
        self.today: CurrentCode = CurrentCode()
        self._winding_down: Event | None = None
        """Tells that the idle workers have ended, as the last user leaves."""

    @property
    def coming(self) -> int:
        """How many are alive, or start before they are needed."""
        return self.workers.alive + len(self._warming)

    @property
    def starting(self) -> list[Event]:
        """What tells of each that starts before it is needed that it has started."""
        return list(self._warming)

    @classmethod
    async def open(cls) -> Pool:
        """Return the pool of the running event loop, with one more user."""
        pool = _pools.get(None)

        if pool is None:
            pool = cls()
            _pools.set(pool)

        pool._users += 1

        if pool._users == 1:
            suspend.join(pool.workers.by_pid)

        await pool.workers.folder(is_new=False)
        return pool

    async def close(self, grace: float = GRACE) -> None:
        """Take one user away; with the last one the workers and their logs go too.

        :param grace: how long a worker may take to end by itself, in seconds
        """
        self._users -= 1

        with CancelScope(shield=True):
            while self._warming and not self._users:
                await next(iter(self._warming)).wait()

            if self._winding_down is not None:
                await self._winding_down.wait()

        if self._users:
            return

        suspend.leave(self.workers.by_pid)
        await self.workers.close(grace)

    def ready(self, pinned: Generation) -> Worker | None:
        """Return what `worker` does where that need not wait; None where it does."""
        process = self.next_idle()
        worker = self.workers.by_pid.get(process.pid) if process else None

        if worker is None or worker.place is not self.workers.folders[-1]:
            return None

        if worker.pinned is pinned:  # it has been told
            return worker

        is_told = pinned.is_in(worker.place.path)
        return worker if is_told and self._is_good(worker, pinned) else None

    async def worker(self, pinned: Generation) -> Worker:
        """Return the worker that anyio takes next; start one where none is idle.

        It is the one of the next `call`, if nothing is awaited in between.

        :param pinned: what it has of the user's modules, as far as it has loaded them
        :raises StartFailed, OSError: when no worker could be started
        """
        while True:
            if not pinned.is_in(place := self.workers.folders[-1].path):
                await pinned.put(place)  # first: one that has just started is awake

            worker = self._idle_with(pinned)

            if worker is not None and self._is_good(worker, pinned):
                return worker

            if worker is not None:
                await self.workers.retire(worker)
            elif self._spare:
                await self._spare.popleft().wait()
            else:
                # A cancel waits until it is there: somebody else will need it.
                with CancelScope(shield=True):
                    await self._settle()

    def _idle_with(self, pinned: Generation) -> Worker | None:
        """Return the worker that anyio takes next: a good one, where there is one."""
        process = self.next_idle()
        worker = self.workers.by_pid.get(process.pid) if process else None

        if worker is None or self._is_good(worker, pinned):
            return worker

        for entry in reversed(self._idle or ()):
            other = self.workers.by_pid.get(entry[0].pid)

            if other and other.returncode is None and self._is_good(other, pinned):
                assert self._idle is not None
                self._idle.remove(entry)
                self._idle.append(entry)
                return other

        return worker

    def _is_good(self, worker: Worker, pinned: Generation) -> bool:
        """Tell whether nobody has removed its files, and it has loaded no other modules."""
        return worker.place is self.workers.folders[-1] and (
            worker.pinned is pinned
            or all(pinned.has(path, sign) for path, sign in worker.loaded.items())
        )

    def told_to(
        self, worker: Worker, pinned: Generation
    ) -> tuple[bytes | None, bytes | None]:
        """Return the world of this process, and the user's modules of a moment; None for
        what the worker has of it.
        """
        world: bytes | None = None
        modules: bytes | None = None

        if (number := self.workers.world.look()) != worker.world:
            worker.world, world = number, self.workers.world.packed

        if worker.pinned is not pinned:
            worker.pinned, modules = pinned, pinned.told(worker.place.path)

        return world, modules

    async def warm(self, begun: Event | None = None) -> None:
        """Start a worker before it is needed; who needs one meanwhile waits for it.

        On cancel the process that starts is dead before this raises.

        :param begun: is set once its process is there, or cannot be made
        :raises StartFailed, OSError: when it could not be started
        """
        is_there = Event()
        self._warming[is_there] = None
        self._spare.append(is_there)

        try:
            await self._settle(begun)
        finally:
            if begun is not None:
                begun.set()

            del self._warming[is_there]
            is_there.set()

            if is_there in self._spare:
                self._spare.remove(is_there)

    def has(self, worker: Worker) -> bool:
        """Tell whether a worker can be called."""
        return worker.pid in self.workers.by_pid

    async def wind_down(self, grace: float = GRACE) -> None:
        """Have the idle workers end, unless somebody else uses them.

        :param grace: how long one may take to end by itself, in seconds
        """
        if self._users != 1:
            return

        self._winding_down = done = Event()
        idle = [
            worker
            for worker in self.workers.by_pid.values()
            if take_idle(worker.process)
        ]

        for worker in idle:
            del self.workers.by_pid[worker.pid]

        try:
            with CancelScope(shield=True):
                async with create_task_group() as group:
                    for worker in idle:
                        group.start_soon(self.workers.retire, worker, grace)
        finally:
            self._winding_down = None
            done.set()

    async def shrink(self, count: int, grace: float = GRACE) -> None:
        """Have idle workers end, until there are `count` at most.

        :param grace: how long one may take to end by itself, in seconds
        """
        while self.workers.alive > count and (worker := self._idlest()) is not None:
            await self.workers.retire(worker, grace)

    def _idlest(self) -> Worker | None:
        """Return the worker that has been idle for longest."""
        if self.next_idle() is None:  # it finds anyio's list, too
            return None

        for process, _since in self._idle or ():
            if process.returncode is None and process.pid in self.workers.by_pid:
                return self.workers.by_pid[process.pid]

        return None

    async def call(
        self, worker: Worker, function: Callable[[bytes], T], request: bytes
    ) -> T:
        """Run a function in the worker.

        On cancel the worker is dead before this raises.

        :raises WorkerDied: when the worker process ended
        """
        null_limiter = NullLimiter(self)
        worker.is_called = True

        try:
            answer = await to_process.run_sync(
                function, request, cancellable=True, limiter=null_limiter
            )
        except BaseException as error:
            if null_limiter.process is None:
                worker.is_called = False
                worker.world, worker.pinned = 0, None  # what it was told may be lost
                raise  # it was cancelled before it took the worker

            self.workers.by_pid.pop(worker.pid, None)

            if isinstance(error, BrokenWorkerProcess):
                raise WorkerDied(worker.returncode) from error

            raise

        assert null_limiter.process is worker.process
        worker.is_called = False

        if self._waiting:
            self._waiting.popleft().set()

        return answer

    async def wait_idle(self, timeout: float) -> None:
        """Wait until a worker has become idle, but no longer than some seconds."""
        event = Event()
        self._waiting.append(event)

        with move_on_after(timeout):
            await event.wait()

        with suppress(ValueError):
            self._waiting.remove(event)

    def next_idle(self) -> Process | None:
        """Return the process that anyio takes next: the last used that is alive."""
        if self._idle is None:
            self._idle = to_process._process_pool_idle_workers.get(None)

        for process, _since in reversed(self._idle or ()):
            if process.returncode is None:
                return process

        return None

    async def _settle(self, begun: Event | None = None) -> None:
        """Start a worker, or make one of the host's safe that is idle."""
        process = self.next_idle()

        if process is None or process.pid in self.workers.by_pid:
            await self.workers.start(begun)
        else:
            await self.workers.adopt(process, NullLimiter(self))
