"""The executor of ``standalone`` mode: jobs run in worker processes."""

from __future__ import annotations

import contextlib
import errno
import time
from collections.abc import Coroutine, Mapping, Sequence
from functools import partial
from operator import attrgetter
from types import TracebackType
from typing import Any, ClassVar, Self

from anyio import CancelScope, Event, create_task_group, to_thread
from anyio.abc import TaskGroup

from asyncflow.abc import Call, Crashed, Executor, Watch, WorkerInfo
from asyncflow.config.sections import JobConfig
from asyncflow.executors.process.generation import Generation
from asyncflow.executors.process.log_bounds import LogBounds
from asyncflow.executors.process.pool import Pool
from asyncflow.executors.process.request import Request
from asyncflow.executors.process.start import StartFailed
from asyncflow.executors.process.worker import Worker, WorkerLimits
from asyncflow.log import logger as _logger
from asyncflow.worker.channel import Message
from asyncflow.worker.failure import summary_of
from asyncflow.worker.world import GivenWorld

STARTS = 3
"""How often a worker is tried to be started for a job, where it is no shortage."""

KILLED_STARTS = 10
"""How often where it is killed while it starts: no job is why."""

PATIENCE = 10.0
"""How long the system may refuse what a worker needs until a job fails by that, in
seconds, where it is no shortage."""

SHORTAGES = frozenset(
    {
        *(errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE),
        *(errno.EAGAIN, errno.ENOMEM),
    }
)
"""What the system says where it has no room, descriptors, processes or memory: jobs wait
for these however long it lasts, as none of them is why."""

_job_id = attrgetter("job_id")

PAUSE = 0.05
LONGEST_PAUSE = 1.0
"""The pauses between tries, the first and the longest, in seconds."""


class ProcessExecutor(Executor):
    """Run jobs through `anyio.to_process`.

    :param grace: how long a job that is killed may take to end by itself, in seconds
    :param log_size: how many bytes are kept of what a job prints
    :param limits: when a worker is replaced; None for never
    """

    removes_files: ClassVar[bool] = True
    max_batch: ClassVar[int] = 64  # the parent takes their ends in one turn of its loop
    in_processes: ClassVar[bool] = True
    ignores: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("address", "security"), "cluster"
    )
    bound: float = 0.02
    """After how many seconds what was not started is taken back: what is slow delays
    nobody else."""

    def __init__(
        self,
        grace: float = 2.0,
        log_size: int = 1_048_576,
        limits: WorkerLimits | None = None,
        world: bytes | None = None,
    ) -> None:
        self.grace = grace
        self.log_size = log_size
        self.limits = limits
        self.world = world
        """The world of workers, packed; None for that of this process."""
        self.requests: dict[str, Request] = {}
        """For the id of each job under way, its request."""
        self._pool: Pool
        self._logs: LogBounds
        self._group: TaskGroup
        self._count = 0
        self._warming: set[CancelScope] = set()
        self._is_short = False
        """Whether it was said that the system has no room for another worker."""

    @classmethod
    def of(cls, jobs: JobConfig) -> Self:
        return cls(
            grace=jobs.kill_grace,
            log_size=jobs.max_log_size,
            limits=WorkerLimits.of(
                jobs.max_jobs_per_worker, jobs.max_worker_age, jobs.max_worker_rss
            ),
        )

    async def __aenter__(self) -> Self:
        self._pool = await Pool.open()
        self._pool.workers.listeners.append(self)

        if self.world is not None:
            self._pool.workers.world = GivenWorld(self.world)

        self._logs = LogBounds(self.log_size)
        self._group = create_task_group()
        await self._group.__aenter__()
        self._group.start_soon(self._logs.run)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for scope in self._warming:
            scope.cancel()

        self._pool.workers.listeners.remove(self)
        self._group.cancel_scope.cancel()

        try:
            await self._group.__aexit__(None, None, None)
        finally:  # a loop that ends cancels the tasks of a group, too
            await self._pool.close(self.grace)

    async def shrink(self, count: int) -> None:
        await self._pool.shrink(count, self.grace)

    async def wind_down(self) -> None:
        await self._pool.wind_down(self.grace)

    @property
    def workers(self) -> int:
        return self._pool.workers.alive

    async def list_workers(self, *, stacks: bool = False) -> list[WorkerInfo]:
        pairs = (request.current for request in self.requests.values())
        jobs = dict(pair for pair in pairs if pair is not None)
        described = partial(self._pool.workers.described, jobs, stacks=stacks)
        return await to_thread.run_sync(described)

    async def begin(self) -> None:
        if not self._pool.coming:
            begun = Event()
            self._group.start_soon(self._warm, begun)
            await begun.wait()

    async def warm(self, count: int) -> None:
        with CancelScope() as scope:
            self._warming.add(scope)

            try:
                async with create_task_group() as group:
                    for starting in self._pool.starting:
                        group.start_soon(starting.wait)

                    for _ in range(count - self._pool.coming):
                        group.start_soon(self._warm)
            finally:
                self._warming.remove(scope)

    def pin(self, *, have_run: bool = False) -> Generation:
        return self._pool.today.pin(have_run=have_run)

    def run(self, calls: Sequence[Call], watch: Watch) -> Coroutine[Any, Any, None]:
        given = calls[0].pinned
        pinned = given if isinstance(given, Generation) else self.pin()
        self._count += 1
        number, grace, logs = self._count, self.grace, self._logs
        request = Request(self, self._pool, calls, watch, number, grace, logs)

        self.requests.update(dict.fromkeys(map(_job_id, calls), request))
        return request.run(pinned)

    def kill(self, call: Call, *, now: bool = False) -> None:
        request = self.requests.get(call.job_id)
        place = None if request is None else request.place_of(call.job_id)

        if request is not None and place is not None:
            request.kill(place, now=now)

    def hear(self, job_id: str, report: Message) -> None:
        """Take what a job tells while it runs, if it is one of these calls."""
        request = self.requests.get(job_id)
        place = None if request is None else request.place_of(job_id)

        if request is not None and place is not None:
            request.hear(place, report)

    async def worker(self, request: Request, pinned: Generation) -> Worker | None:
        """Return a worker; None where a call was killed meanwhile, so that what is left
        travels again, or where there is none, which is told.

        A shortage passes, and a worker of another job may become free: both are waited
        for. One that is killed while it starts is replaced: it has cost nobody anything.
        """
        give_up = time.monotonic() + PATIENCE
        pause = PAUSE
        starts = 0

        while True:
            try:
                worker = await self._pool.worker(pinned)
            except StartFailed as error:
                starts += 1
                why, is_short = str(error), False
                may_pass = starts < (KILLED_STARTS if error.is_killed else STARTS)
            except OSError as error:
                why, is_short = summary_of(error), error.errno in SHORTAGES
                may_pass = is_short or time.monotonic() < give_up
            else:
                self._tell_enough()
                return None if request.has_kills else worker

            if request.has_kills:
                return None

            if not (may_pass or self._pool.workers.alive):
                why = f"no worker process could be started ({why})"
                request.watch.ended(request.calls[0], Crashed(None, why))
                return None

            if is_short and pause == LONGEST_PAUSE:
                self._tell_short(why)

            await self._pool.wait_idle(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _tell_short(self, why: str) -> None:
        """Say that jobs wait for what the system is short of, once as long as it is."""
        if not self._is_short:
            self._is_short = True
            _logger.warning(
                "no worker process can be started (%s): jobs wait until one can; a "
                "`submit(run_timeout=...)` or a cancel ends them meanwhile",
                why,
            )

    def _tell_enough(self) -> None:
        if self._is_short:
            self._is_short = False
            _logger.warning("worker processes can be started again: jobs go on")

    async def _warm(self, begun: Event | None = None) -> None:
        # A job that needs a worker meets the same error, and tells it.
        with contextlib.suppress(Exception):
            await self._pool.warm(begun)
