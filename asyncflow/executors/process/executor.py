"""The executor of ``standalone`` mode: jobs run in worker processes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from operator import itemgetter
from types import TracebackType
from typing import ClassVar, Self

import attrs
from anyio import CancelScope, create_task_group, to_thread
from anyio.abc import TaskGroup

from asyncflow.abc import Call, Crashed, Executor, Watch
from asyncflow.config.sections import JobConfig
from asyncflow.executors.process.generation import Generation
from asyncflow.executors.process.log_bounds import LogBounds
from asyncflow.executors.process.pool import Pool
from asyncflow.executors.process.request import Request
from asyncflow.executors.process.start import StartFailed
from asyncflow.executors.process.worker import Worker
from asyncflow.worker import wire
from asyncflow.worker.channel import Told
from asyncflow.worker.failure import summary_of

STARTS = 3
"""How often a worker is tried to be started for a job, where it is no shortage."""

KILLED_STARTS = 10
"""How often where it is killed while it starts: no job is why."""

SHORTAGE = 10.0
"""How long a shortage of the system may last until a job fails by it, in seconds."""

PAUSE = 0.05
LONGEST_PAUSE = 1.0
"""The pauses between tries, the first and the longest, in seconds."""


_PARTS = (
    *("job_id", "task", "attempt", "code", "inputs", "outputs"),
    *("sources", "memory_limit", "carrier"),
)
_columns = itemgetter(*map(Call._fields.index, _PARTS))
"""Those of a `wire.Request`: of each part of calls, that of all."""


@attrs.define(eq=False, repr=False)
class ProcessExecutor(Executor):
    """Run jobs through `anyio.to_process`.

    :param grace: how long a job that is killed may take to end by itself, in seconds
    :param log_size: how many bytes are kept of what a job prints
    :param most_jobs: after how many jobs a worker is replaced; None for never
    :param most_age: after how many seconds, between two jobs
    :param most_rss: when it has more memory than so many bytes, between two jobs
    """

    removes_files: ClassVar[bool] = True
    max_batch: ClassVar[int] = 128
    in_processes: ClassVar[bool] = True

    grace: float = 2.0
    log_size: int = 1_048_576
    most_jobs: int | None = None
    most_age: float | None = None
    most_rss: int | None = None
    _pool: Pool = attrs.field(init=False)
    _logs: LogBounds = attrs.field(init=False)
    _group: TaskGroup = attrs.field(init=False)
    _trips: dict[str, Request] = attrs.field(init=False, factory=dict)
    """For the id of each job under way, its trip."""
    _count: int = attrs.field(init=False, default=0)
    _replaces: bool = attrs.field(init=False, default=False)
    """Whether a worker can be too old."""
    _warming: set[CancelScope] = attrs.field(init=False, factory=set)

    @classmethod
    def of(cls, jobs: JobConfig) -> Self:
        return cls(
            grace=jobs.kill_grace,
            log_size=jobs.max_log_size,
            most_jobs=jobs.max_jobs_per_worker,
            most_age=jobs.max_worker_age,
            most_rss=jobs.max_worker_rss,
        )

    async def __aenter__(self) -> Self:
        self._pool = await Pool.open()
        self._pool.listeners.append(self)
        self._logs = LogBounds(self.log_size)
        limits = self.most_jobs, self.most_age, self.most_rss
        self._replaces = limits != (None, None, None)
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

        self._pool.listeners.remove(self)
        self._group.cancel_scope.cancel()
        await self._group.__aexit__(None, None, None)
        await self._pool.close(self.grace)

    async def shrink(self, count: int) -> None:
        await self._pool.shrink(count, self.grace)

    async def wind_down(self) -> None:
        await self._pool.wind_down(self.grace)

    @property
    def workers(self) -> int:
        return self._pool.alive

    async def warm(self, count: int) -> None:
        with CancelScope() as scope:
            self._warming.add(scope)

            try:
                async with create_task_group() as group:
                    for one in self._pool.starting:
                        group.start_soon(one.wait)

                    for _ in range(count - self._pool.coming):
                        group.start_soon(self._warm)
            finally:
                self._warming.remove(scope)

    def pin(self, *, have_run: bool = False) -> Generation:
        return self._pool.today.pin(have_run=have_run)

    async def run(self, calls: Sequence[Call], watch: Watch) -> None:
        self._count += 1
        one = Request(self._pool, calls, watch, self._count, self.grace, self._logs)

        for call in calls:
            self._trips[call.job_id] = one

        try:
            given = calls[0].pinned
            pinned = given if isinstance(given, Generation) else self.pin()

            while True:
                ready = self._pool.ready(pinned)
                worker = ready or await self._worker(one, pinned)

                if worker is None:
                    return

                await one.go(worker, self._request(one, worker, pinned))

                if not one.is_refused:
                    break

                if one.has_kills:
                    return

            if self._replaces and await self._is_old(worker):
                await self._pool.retire(worker, self.grace)
        finally:
            for call in calls:  # one that was returned may travel again already
                if self._trips.get(call.job_id) is one:
                    del self._trips[call.job_id]

    def kill(self, call: Call, *, now: bool = False) -> None:
        one = self._trips.get(call.job_id)
        place = None if one is None else one.place_of(call.job_id)

        if one is not None and place is not None:
            one.kill(place, now=now)

    def hear(self, job_id: str, told: Told) -> None:
        """Take what a job tells while it runs, if it is one of these calls."""
        one = self._trips.get(job_id)
        place = None if one is None else one.place_of(job_id)

        if one is not None and place is not None:
            one.hear(place, told)

    def _request(self, one: Request, worker: Worker, pinned: Generation) -> bytes:
        calls = one.calls
        told = self._pool.world_for(worker), self._pool.pinned_for(worker, pinned)
        looks = len(calls) == 1 and not calls[0].is_short
        tells = len(calls) == 1 and (calls[0].waiting_file or calls[0].is_watched)
        number = one.number if len(calls) > 1 else 0
        columns = _columns([*zip(*calls, strict=True)])
        return wire.pack((number, self.log_size, looks, tells, columns, *told))

    async def _worker(self, one: Request, pinned: Generation) -> Worker | None:
        """Return a worker; None where a call was killed meanwhile, so that what is left
        travels again, or where there is none, which is told.

        A shortage may pass, and a worker of another job may become free: both are
        waited for, the former for some seconds. One that is killed while it starts is
        replaced: it has cost nobody anything.
        """
        give_up = time.monotonic() + SHORTAGE
        pause = PAUSE
        starts = 0

        while True:
            try:
                worker = await self._pool.worker(pinned)
            except (StartFailed, OSError) as error:
                is_short = isinstance(error, OSError)
                is_killed = isinstance(error, StartFailed) and error.is_killed
                why = summary_of(error) if is_short else str(error)
            else:
                return None if one.has_kills else worker

            starts += 1
            most = KILLED_STARTS if is_killed else STARTS
            may_pass = time.monotonic() < give_up if is_short else starts < most

            if one.has_kills:
                return None

            if not (may_pass or self._pool.alive):
                why = f"no worker process could be started ({why})"
                one.watch.ended(one.calls[0], Crashed(None, why))
                return None

            await self._pool.wait_idle(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _is_old(self, worker: Worker) -> bool:
        """Tell whether a worker that is alive is to be replaced."""
        if worker.returncode is not None:
            return False

        if self.most_jobs is not None and worker.jobs >= self.most_jobs:
            return True

        if self.most_age is not None and worker.age >= self.most_age:
            return True

        return (
            self.most_rss is not None
            and await to_thread.run_sync(worker.rss) > self.most_rss
        )

    async def _warm(self) -> None:
        # A job that needs a worker meets the same error, and tells it.
        with contextlib.suppress(Exception):
            await self._pool.warm()
