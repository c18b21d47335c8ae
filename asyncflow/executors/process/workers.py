"""The worker processes of a pool: how they start, are watched, and end."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

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

from asyncflow.abc import WorkerInfo
from asyncflow.executors.process import process_tree
from asyncflow.executors.process.anyio_pool import end, in_thread, lists, take_idle
from asyncflow.executors.process.start import (
    Start,
    close_after_exit,
    leave_reaping_to_the_loop,
)
from asyncflow.executors.process.worker import Worker, files
from asyncflow.executors.process.worker_folder import WorkerFolder
from asyncflow.worker import channel, entry_points, parent
from asyncflow.worker.channel import Message
from asyncflow.worker.tokens import Tokens
from asyncflow.worker.world import World

if TYPE_CHECKING:
    from anyio.abc import Process

GRACE = 2.0
"""How long a worker may take to end by itself, in seconds, where nothing else is said."""


class JobListener(Protocol):
    """Hears what jobs tell while they run."""

    def hear(self, job_id: str, report: Message) -> None:
        """Take what a job tells; one that it does not know is another listener's."""


class Workers:
    """The worker processes of one pool."""

    def __init__(self) -> None:
        self.by_pid: dict[int, Worker] = {}
        """Those that can be called."""
        self.folders: list[WorkerFolder] = []
        """Where they have their files: the last is that of those that start now."""
        self.world: World = World()
        self.listeners: list[JobListener] = []
        """Who wants to know what jobs, by their ids, tell while they run."""
        self._opening = Lock()
        self._count = 0
        """How many were started."""
        self._watches: dict[Worker, asyncio.Task[None]] = {}
        """What waits for the end of each."""
        self._left: set[Worker] = set()
        """Those that were in a call of the host's when the pool was closed."""

    @property
    def alive(self) -> int:
        """How many workers are alive."""
        return sum(worker.returncode is None for worker in self.by_pid.values())

    def described(
        self, jobs: Mapping[int, str], *, stacks: bool = False
    ) -> list[WorkerInfo]:
        """Describe the workers that are alive. Blocks.

        :param jobs: what each runs, by its id
        :param stacks: whether to ask where their Python is
        """
        host = socket.gethostname()
        alive = [each for each in [*self.by_pid.values()] if each.returncode is None]
        stacks_by_pid = _stacks_of(alive) if stacks else {}
        return [
            WorkerInfo(host, pid, state, worker.rss(), job, stacks_by_pid.get(pid, ""))
            for worker in alive
            for pid, job in [(worker.pid, jobs.get(worker.pid))]
            for state in ["idle" if job is None else "busy"]
        ]

    async def start(self, begun: Event | None = None) -> None:
        """Start a worker. On cancel its process is dead before this raises.

        :param begun: is set once its process is there
        """
        place = await self.folder()
        processes, idle = lists()
        self._count += 1
        mark = f"{place.path}/{self._count}"
        born = process_tree.now()
        world = self.world.look()
        start = Start(place.path, mark, self.world.packed)
        process, log_path = await start.process(begun)

        try:
            # In this very step: it is idle, and known from now on.
            self._know(process, place, log_path, mark, born).world = world
        except BaseException:
            await end(process)
            raise

        processes.add(process)
        idle.append((process, asyncio.get_running_loop().time()))

    async def adopt(self, process: Process, limiter: CapacityLimiter) -> None:
        """Make a process a worker that the host has started.

        :param limiter: sees to it that this process is called
        """
        place = await self.folder()
        self._count += 1
        mark = f"{place.path}/{self._count}"
        world = self.world.look()
        start = Start(place.path, mark, self.world.packed)
        settling = start.settling(is_moved=False)
        leave_reaping_to_the_loop(process)

        try:
            _pid, log_path = await to_process.run_sync(
                partial(entry_points.settle, *settling),
                cancellable=True,
                limiter=limiter,
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
        self.by_pid[process.pid] = worker
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

        if self.by_pid.get(worker.pid) is not worker:
            return  # somebody sees to it

        if not take_idle(worker.process):
            await close_after_exit(worker.process)  # and then its call ends

        if worker.is_called:
            return

        self.by_pid.pop(worker.pid, None)
        worker.close()
        await worker.process.aclose()
        await in_thread(partial(worker.bury, 0.0))
        await worker.forget()

    async def close(self, grace: float) -> None:
        """Have all end; those that the host's own calls use, once these are over.

        :param grace: how long one may take to end by itself, in seconds
        """
        places, self.folders = self.folders, []
        workers = list(self.by_pid.values())
        self.by_pid.clear()
        idle = [worker for worker in workers if take_idle(worker.process)]
        busy = [
            worker
            for worker in workers
            if worker not in idle and worker.returncode is None
        ]

        self._left.update(busy)
        lost = [
            worker
            for worker in self._watches
            if worker not in workers and worker not in self._left
            if worker.returncode is None
        ]

        with CancelScope(shield=True):
            try:
                async with create_task_group() as group:
                    for worker in (*idle, *lost):
                        group.start_soon(self._end, worker, grace)
            finally:
                for worker in (*workers, *lost):
                    worker.close()

                for place in places:
                    await place.close()

                await self._ends(
                    worker for worker in self._watches if worker not in self._left
                )
                self._ends(busy).add_done_callback(lambda _: _let_go(places))

    def _ends(self, workers: Iterable[Worker]) -> asyncio.Future[Any]:
        """Return what is done once workers have ended."""
        watches = [
            self._watches[worker] for worker in workers if worker in self._watches
        ]
        return asyncio.gather(*watches, return_exceptions=True)

    async def retire(self, worker: Worker, grace: float = GRACE) -> None:
        """Have a worker end that runs nothing, with all that it started.

        :param grace: how long it may take to end by itself, in seconds
        """
        await self.end(worker, grace)
        await worker.forget()

    async def end(self, worker: Worker, grace: float) -> None:
        """Do it, but leave what it wrote until `Worker.forget`."""
        self.by_pid.pop(worker.pid, None)
        take_idle(worker.process)
        await self._end(worker, grace)

    async def kill(self, worker: Worker) -> None:
        """Kill a worker that runs nothing; what it wrote stays until `Worker.forget`."""
        self.by_pid.pop(worker.pid, None)
        take_idle(worker.process)

        with CancelScope(shield=True):
            await worker.end_all(signal.SIGKILL)
            await worker.process.aclose()

    async def _end(self, worker: Worker, grace: float) -> None:
        """Let a worker end by itself; kill what is left of it and of its family.

        A cancel waits until it is dead, and so does an error: nobody else ends it.
        """
        process = worker.process
        until = time.monotonic() + grace
        has_family = True

        with CancelScope(shield=True):
            try:
                has_family = await in_thread(worker.has_started_any)
                assert process.stdin is not None
                await process.stdin.aclose()  # no call comes any more

                with move_on_after(grace):
                    await process.wait()
            finally:
                if process.returncode is None:
                    await worker.end_all(signal.SIGKILL)
                    has_family = True

                await process.aclose()

            if has_family:
                await in_thread(partial(worker.bury, until, asks=True))

    async def folder(self, *, is_new: bool = True) -> WorkerFolder:
        """Return where a worker has its files; make it anew where somebody removed it.

        :param is_new: whether it is looked for
        """
        async with self._opening:
            if not self.folders or (is_new and await self.folders[-1].is_gone()):
                self.folders.append(await WorkerFolder.open(self.hear))

            return self.folders[-1]

    def hear(self) -> None:
        """Pass on what jobs have reported up to now."""
        for place in self.folders:
            for job_id, report in channel.receive(place.channel, place.drop):
                for listener in self.listeners:
                    listener.hear(job_id, report)


def _let_go(places: Iterable[WorkerFolder]) -> None:
    for place in places:
        place.let_go()


def _stacks_of(workers: Iterable[Worker]) -> dict[int, str]:
    from asyncflow.executors.process.stacks import stacks_of

    return stacks_of(workers)
