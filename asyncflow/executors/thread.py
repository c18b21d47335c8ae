"""The executor of tasks that ask for a thread."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from types import CoroutineType, TracebackType
from typing import ClassVar, Self

import attrs
from anyio import CancelScope, from_thread

from asyncflow.abc import (
    Call,
    Executor,
    Killed,
    Mode,
    Outcome,
    Progress,
    Returned,
    Usage,
    Watch,
)
from asyncflow.config.sections import JobConfig
from asyncflow.executors._in_process import (
    captured,
    failed,
    read_inputs,
    under_way,
    write_outputs,
)
from asyncflow.executors._threads import Threads
from asyncflow.log import logger as _logger
from asyncflow.worker.outcome import worker_name
from asyncflow.worker.trip import run_coroutine

_Measured = tuple[Outcome, float, float]
"""An outcome, the seconds that it took, and those of CPU time."""


@attrs.define(eq=False, repr=False)
class _Run:
    """A call in a thread, from its start until nobody waits for it."""

    call: Call
    measured: asyncio.Future[_Measured | None] | None = None
    """What comes of it; None once it was let go."""
    _is_kept: bool = attrs.field(init=False, default=False)
    _is_let_go: bool = attrs.field(init=False, default=False)
    _lock: threading.Lock = attrs.field(init=False, factory=threading.Lock)
    _clock: asyncio.TimerHandle | None = attrs.field(init=False, default=None)

    def may_keep(self) -> bool:
        """Tell, in the thread, whether its outputs are wanted: then they are waited for."""
        with self._lock:
            self._is_kept = not self._is_let_go
            return self._is_kept

    def end_in(self, seconds: float) -> None:
        """Wait no longer than so many seconds for it, from now on."""
        if self._clock is not None:
            self._clock.cancel()

        self._clock = asyncio.get_running_loop().call_later(seconds, self._let_go)

    def close(self) -> None:
        """Stop the clock."""
        if self._clock is not None:
            self._clock.cancel()

    def _let_go(self) -> None:
        with self._lock:
            self._is_let_go = not self._is_kept

        if self._is_let_go and self.measured is not None and not self.measured.done():
            self.measured.set_result(None)


@attrs.define(eq=False, repr=False)
class ThreadExecutor(Executor):
    """Run jobs in threads of this process, for functions that mostly wait.

    A thread cannot be killed. A job that is cancelled has some time to end, and then what
    comes of it counts; after that it is let go: nobody waits for the thread any more, what
    its function returns is dropped, and the program may end without it.

    :param echo: whether what a job prints is shown; ``"live"`` shows whose it is
    :param log_size: how many bytes are kept of what a job prints
    :param grace: how long a job that is cancelled may take to end, in seconds
    """

    not_killing: ClassVar[str | None] = "a thread cannot be killed"
    not_async: ClassVar[str | None] = (
        "an async def function runs on the event loop, not in a thread"
    )

    echo: Mode = True
    log_size: int = 1_048_576
    grace: float = 2.0
    _threads: Threads = attrs.field(init=False, factory=Threads)
    _running: dict[str, _Run] = attrs.field(init=False, factory=dict)

    @classmethod
    def of(cls, jobs: JobConfig) -> Self:
        return cls(jobs.echo, jobs.max_log_size, jobs.kill_grace)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._threads.close()

    async def run(self, calls: Sequence[Call], watch: Watch) -> None:
        for call in calls:
            run = self._running[call.job_id] = _Run(call)

            try:
                await self._run(run, watch)
            finally:
                run.close()
                del self._running[call.job_id]

    def kill(self, call: Call, *, now: bool = False) -> None:
        if run := self._running.get(call.job_id):
            run.end_in(0.0 if now else self.grace)

    async def _run(self, run: _Run, watch: Watch) -> None:
        start = time.time()
        report = partial(_pass_on, watch, run.call)

        with (
            captured(run.call.task, echo=self.echo, max_bytes=self.log_size) as printed,
            under_way(run.call, watch, report),
        ):
            run.measured = self._threads.start(partial(_measured, run))
            measured = await self._ended(run, run.measured)

        if measured is None:
            self._warn(run.call)
            watch.ended(run.call, Killed(printed()))
            return

        outcome, wall, cpu = measured
        usage = Usage(start, wall, cpu, None, worker_name(os.getpid()))
        watch.ended(run.call, outcome._replace(log=printed(), usage=usage))

    async def _ended(
        self, run: _Run, measured: asyncio.Future[_Measured | None]
    ) -> _Measured | None:
        try:
            return await asyncio.shield(measured)
        except asyncio.CancelledError:
            run.end_in(self.grace)

            with CancelScope(shield=True):
                await measured

            raise

    def _warn(self, call: Call) -> None:
        text = (
            "job %s was cancelled, and let go: its thread goes on, as no thread can be "
            "killed (see kill_grace)"
        )
        _logger.warning(text, call.job_id)


def _pass_on(watch: Watch, call: Call, progress: Progress) -> None:
    with suppress(Exception):  # nobody listens to who was let go
        from_thread.run_sync(watch.reported, call, progress)


def _measured(run: _Run) -> _Measured:
    start, cpu = time.perf_counter(), time.thread_time()
    outcome = _outcome(run)
    return outcome, time.perf_counter() - start, time.thread_time() - cpu


def _outcome(run: _Run) -> Outcome:
    call = run.call

    try:
        arguments = read_inputs(call)
    except Exception as error:
        return failed(error)

    try:
        result = call.function(*arguments)

        if isinstance(result, CoroutineType):  # a plain wrapper of an `async def`
            result = run_coroutine(result)
    except BaseException as error:
        return failed(error)

    if not run.may_keep():
        return Killed()

    try:
        return Returned(write_outputs(call, result))
    except Exception as error:
        return failed(error)
