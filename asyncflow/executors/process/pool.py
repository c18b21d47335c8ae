"""anyio's pool of worker processes, as asyncflow uses it.

The pool belongs to the event loop and is shared with the host's own `to_process` calls.
Three things are wanted of it that its public face does not give: which process a call
goes to (to tell its exit code and to kill its group), calls without a limiter of their
own (the scheduler has taken the token), and workers that are gone when the last
orchestrator of the loop is. For these it reads three of anyio's private variables; a
test holds what is assumed of them.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

import attrs
from anyio import (
    BrokenWorkerProcess,
    CancelScope,
    CapacityLimiter,
    Event,
    Lock,
    create_task_group,
    move_on_after,
    to_process,
)
from anyio.lowlevel import RunVar

from asyncflow.executors.process import process_tree, suspend
from asyncflow.executors.process.anyio_pool import end, in_thread, lists, take_idle
from asyncflow.executors.process.current_code import CurrentCode
from asyncflow.executors.process.generation import Generation
from asyncflow.executors.process.start import (
    Start,
    close_after_exit,
    leave_reaping_to_the_loop,
)
from asyncflow.executors.process.worker import Worker, WorkerDied, files
from asyncflow.executors.process.worker_folder import WorkerFolder
from asyncflow.worker import channel, parent, trip
from asyncflow.worker.channel import Told
from asyncflow.worker.tokens import Tokens
from asyncflow.worker.world import World

if TYPE_CHECKING:
    from anyio.abc import Process

T = TypeVar("T")

GRACE = 2.0
"""How long a worker may take to end by itself, in seconds, where nothing else is said."""

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


class JobListener(Protocol):
    """Hears what jobs tell while they run."""

    def hear(self, job_id: str, told: Told) -> None:
        """Take what a job tells; one that it does not know is another listener's."""


@attrs.define(eq=False, repr=False)
class Pool:
    """The workers of one event loop, for all its orchestrators."""

    _places: list[WorkerFolder] = attrs.field(init=False, factory=list)
    """Where its workers have their files: the last is that of those that start now."""
    _opening: Lock = attrs.field(init=False, factory=Lock)
    _users: int = attrs.field(init=False, default=0)
    listeners: list[JobListener] = attrs.field(init=False, factory=list)
    """Who wants to know what jobs, by their ids, tell while they run."""
    stillborn: int = attrs.field(init=False, default=0)
    """How many workers in a row have died before they had begun what they were sent."""
    _workers: dict[int, Worker] = attrs.field(init=False, factory=dict)
    _idle: deque[tuple[Process, float]] | None = attrs.field(init=False, default=None)
    """anyio's own list of idle processes; None before anyio has made it."""
    _warming: dict[Event, None] = attrs.field(init=False, factory=dict)
    """The starts of workers that nobody needs yet."""
    _spare: deque[Event] = attrs.field(init=False, factory=deque)
    """Of these, those that nobody waits for."""
    _waiting: deque[Event] = attrs.field(init=False, factory=deque)
    """Those who wait for an idle worker, as none can be started."""
    _count: int = attrs.field(init=False, default=0)
    """How many workers were started."""
    _world: World = attrs.field(init=False, factory=World)
    today: CurrentCode = attrs.field(init=False, factory=CurrentCode)
    _watches: dict[Worker, asyncio.Task[None]] = attrs.field(init=False, factory=dict)
    """What waits for the end of each worker."""
    _winding_down: Event | None = attrs.field(init=False, default=None)
    """Tells that the idle workers have ended, as the last user leaves."""
    _left: set[Worker] = attrs.field(init=False, factory=set)
    """Those that were in a call of the host's when the pool was closed."""

    @property
    def alive(self) -> int:
        """How many workers are alive."""
        return sum(worker.returncode is None for worker in self._workers.values())

    @property
    def coming(self) -> int:
        """How many are alive, or start before they are needed."""
        return self.alive + len(self._warming)

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
            suspend.join(pool._workers)

        await pool._place(is_new=False)
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

        suspend.leave(self._workers)
        places, self._places = self._places, []
        workers = list(self._workers.values())
        self._workers.clear()
        idle = [one for one in workers if take_idle(one.process)]
        busy = [one for one in workers if one not in idle and one.returncode is None]

        with CancelScope(shield=True):
            async with create_task_group() as group:
                for worker in idle:
                    group.start_soon(self._end, worker, grace)

            for worker in workers:
                worker.close()

            for place in places:
                await place.close()

            self._left.update(busy)
            await self._ends(
                watch for watch in self._watches if watch not in self._left
            )
            self._ends(busy).add_done_callback(lambda _: _let_go(places))

    def _ends(self, workers: Iterable[Worker]) -> asyncio.Future[Any]:
        """Return what is done once workers have ended."""
        watches = [
            self._watches[worker] for worker in workers if worker in self._watches
        ]
        return asyncio.gather(*watches, return_exceptions=True)

    def ready(self, pinned: Generation) -> Worker | None:
        """Return what `worker` does where that need not wait; None where it does."""
        process = self.next_idle()
        worker = self._workers.get(process.pid) if process else None

        if worker is None or worker.place is not self._places[-1]:
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
            if not pinned.is_in(place := self._places[-1].path):
                await pinned.put(place)  # first: one that has just started is awake

            worker = self._idle_with(pinned)

            if worker is not None and self._is_good(worker, pinned):
                return worker

            if worker is not None:
                await self.retire(worker)
            elif self._spare:
                await self._spare.popleft().wait()
            else:
                # A cancel waits until it is there: somebody else will need it.
                with CancelScope(shield=True):
                    await self._settle()

    def _idle_with(self, pinned: Generation) -> Worker | None:
        """Return the worker that anyio takes next: a good one, where there is one."""
        process = self.next_idle()
        worker = self._workers.get(process.pid) if process else None

        if worker is None or self._is_good(worker, pinned):
            return worker

        for entry in reversed(self._idle or ()):
            other = self._workers.get(entry[0].pid)

            if other and other.returncode is None and self._is_good(other, pinned):
                assert self._idle is not None
                self._idle.remove(entry)
                self._idle.append(entry)
                return other

        return worker

    def _is_good(self, worker: Worker, pinned: Generation) -> bool:
        """Tell whether nobody has removed its files, and it has loaded no other modules."""
        return worker.place is self._places[-1] and (
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

        if (number := self._world.look()) != worker.world:
            worker.world, world = number, self._world.told

        if worker.pinned is not pinned:
            worker.pinned, modules = pinned, pinned.told(worker.place.path)

        return world, modules

    async def warm(self) -> None:
        """Start a worker before it is needed; who needs one meanwhile waits for it.

        On cancel the process that starts is dead before this raises.

        :raises StartFailed, OSError: when it could not be started
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

    async def wind_down(self, grace: float = GRACE) -> None:
        """Have the idle workers end, unless somebody else uses them.

        :param grace: how long one may take to end by itself, in seconds
        """
        if self._users != 1:
            return

        self._winding_down = done = Event()
        idle = [one for one in self._workers.values() if take_idle(one.process)]

        for worker in idle:
            del self._workers[worker.pid]

        try:
            with CancelScope(shield=True):
                async with create_task_group() as group:
                    for worker in idle:
                        group.start_soon(self.retire, worker, grace)
        finally:
            self._winding_down = None
            done.set()

    async def shrink(self, count: int, grace: float = GRACE) -> None:
        """Have idle workers end, until there are `count` at most.

        :param grace: how long one may take to end by itself, in seconds
        """
        while self.alive > count and (worker := self._idlest()) is not None:
            await self.retire(worker, grace)

    def _idlest(self) -> Worker | None:
        """Return the worker that has been idle for longest."""
        for process, _since in self._idle or ():
            if process.returncode is None and process.pid in self._workers:
                return self._workers[process.pid]

        return None

    async def retire(self, worker: Worker, grace: float = GRACE) -> None:
        """Have a worker end that runs nothing, with all that it started.

        :param grace: how long it may take to end by itself, in seconds
        """
        await self.end(worker, grace)
        await worker.forget()

    async def end(self, worker: Worker, grace: float) -> None:
        """Do it, but leave what it wrote until `Worker.forget`."""
        self._workers.pop(worker.pid, None)
        take_idle(worker.process)

        with CancelScope(shield=True):
            await self._end(worker, grace)

    async def kill(self, worker: Worker) -> None:
        """Kill a worker that runs nothing; what it wrote stays until `Worker.forget`."""
        self._workers.pop(worker.pid, None)
        take_idle(worker.process)

        with CancelScope(shield=True):
            await worker.end_all(signal.SIGKILL)
            await worker.process.aclose()

    async def _end(self, worker: Worker, grace: float) -> None:
        """Let a worker end by itself; kill what is left of it and of its family."""
        process = worker.process
        until = time.monotonic() + grace
        has_family = await in_thread(worker.has_started_any)
        assert process.stdin is not None
        await process.stdin.aclose()  # no call comes any more

        with move_on_after(grace):
            await process.wait()

        if process.returncode is None:
            await worker.end_all(signal.SIGKILL)
            has_family = True

        await process.aclose()

        if has_family:
            await in_thread(partial(worker.bury, until, asks=True))

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

            self._workers.pop(worker.pid, None)

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

    async def _settle(self) -> None:
        """Start a worker, or make one of the host's safe that is idle."""
        process = self.next_idle()

        if process is None or process.pid in self._workers:
            await self._start()
        else:
            await self._adopt(process)

    async def _start(self) -> None:
        """Start a worker. On cancel its process is dead before this raises."""
        place = await self._place()
        processes, idle = lists()
        self._count += 1
        mark = f"{place.path}/{self._count}"
        born = process_tree.now()
        world = self._world.look()
        start = Start(place.path, mark, self._world.told)
        process, log_path = await start.process()

        try:
            # In this very step: it is idle, and known from now on.
            self._know(process, place, log_path, mark, born).world = world
        except BaseException:
            await end(process)
            raise

        processes.add(process)
        self._idle = idle
        idle.append((process, asyncio.get_running_loop().time()))

    async def _adopt(self, process: Process) -> None:
        """Make a process a worker that the host has started."""
        place = await self._place()
        self._count += 1
        mark = f"{place.path}/{self._count}"
        world = self._world.look()
        start = Start(place.path, mark, self._world.told)
        settling = start.settling(is_moved=False)
        leave_reaping_to_the_loop(process)

        try:
            _pid, log_path = await to_process.run_sync(
                partial(trip.settle, *settling),
                cancellable=True,
                limiter=NullLimiter(self),
            )
            self._know(process, place, log_path, mark, born=0).world = world
        except BrokenWorkerProcess:
            return  # it had died without anybody noticing: the next may be alive
        except BaseException:
            take_idle(process)
            await end(process)
            raise

    def _know(
        self, process: Process, place: WorkerFolder, log_path: str, mark: str, born: int
    ) -> Worker:
        tokens = Tokens(files(log_path)[2])

        try:
            bond = place.bind(process.pid)
        except BaseException:
            tokens.close()
            raise

        worker = Worker(process, place, log_path, tokens, mark, born, bond)
        self._workers[process.pid] = worker
        self._watches[worker] = task = asyncio.ensure_future(self._watch(worker))
        task.add_done_callback(lambda _: self._forget(worker))
        return worker

    def _forget(self, worker: Worker) -> None:
        """Forget a worker that has ended."""
        self._left.discard(worker)
        del self._watches[worker]
        parent.let_go(worker.bond)

    async def _watch(self, worker: Worker) -> None:
        """Wait for the end of a worker, whoever has its pipes, and see to what is left."""
        await worker.process.wait()

        if self._workers.get(worker.pid) is not worker:
            return  # somebody sees to it

        if not take_idle(worker.process):
            await close_after_exit(worker.process)  # and then its call ends

        if worker.is_called:
            return

        self._workers.pop(worker.pid, None)
        worker.close()
        await worker.process.aclose()
        await in_thread(partial(worker.bury, 0.0))
        await worker.forget()

    async def _place(self, *, is_new: bool = True) -> WorkerFolder:
        """Return where a worker has its files; make it anew where somebody removed it.

        :param is_new: whether it is looked for
        """
        async with self._opening:
            if not self._places or (is_new and await self._places[-1].is_gone()):
                self._places.append(await WorkerFolder.open(self.hear))

            return self._places[-1]

    def hear(self) -> None:
        """Pass on what jobs have reported up to now."""
        for place in self._places:
            for job_id, told in channel.receive(place.channel, place.drop):
                for listener in self.listeners:
                    listener.hear(job_id, told)


def _let_go(places: Iterable[WorkerFolder]) -> None:
    for place in places:
        place.let_go()
