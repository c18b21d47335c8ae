"""The executor of tasks that ask for a thread."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from functools import partial
from types import CoroutineType, TracebackType
from typing import Self

import attrs
from anyio import CapacityLimiter, from_thread, to_thread

from asyncflow.abc import Call, Executor, Outcome, Progress, Returned, Usage, Watch
from asyncflow.executors._local import (
    captured,
    failed,
    read_inputs,
    under_way,
    write_outputs,
)
from asyncflow.worker.trip import run_coroutine


@attrs.define(eq=False, repr=False)
class ThreadExecutor(Executor):
    """Run jobs in threads of this process, for functions that mostly wait.

    A thread cannot be killed: a job that is cancelled runs to its end, and what comes of
    it counts.

    :param echo: whether what a job prints is shown
    :param log_size: how many bytes are kept of what a job prints
    """

    echo: bool = True
    log_size: int = 1_048_576
    _limiter: CapacityLimiter = attrs.field(init=False)

    async def __aenter__(self) -> Self:
        # The walk has taken a token already; anyio's default would be a second limit.
        self._limiter = CapacityLimiter(math.inf)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        return None

    async def run(self, calls: Sequence[Call], watch: Watch) -> None:
        for call in calls:
            report = partial(_pass_on, watch, call)
            start = time.time()

            with (
                captured(echo=self.echo, most=self.log_size) as printed,
                under_way(call, watch, report),
            ):
                outcome, wall, cpu = await to_thread.run_sync(
                    _measured, call, limiter=self._limiter
                )

            usage = Usage(start, wall, cpu, None)
            watch.ended(call, outcome._replace(log=printed(), usage=usage))

    def kill(self, call: Call, *, now: bool = False) -> None:  # noqa: ARG002
        return None


def _pass_on(watch: Watch, call: Call, progress: Progress) -> None:
    from_thread.run_sync(watch.reported, call, progress)


def _measured(call: Call) -> tuple[Outcome, float, float]:
    start, cpu = time.perf_counter(), time.thread_time()
    outcome = _run(call)
    return outcome, time.perf_counter() - start, time.thread_time() - cpu


def _run(call: Call) -> Outcome:
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

    try:
        return Returned(write_outputs(call, result))
    except Exception as error:
        return failed(error)
