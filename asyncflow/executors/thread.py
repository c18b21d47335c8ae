"""The executor of tasks that ask for a thread."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

import attrs
from anyio import CapacityLimiter, to_thread

from asyncflow.abc import Call, Executor, Outcome, Returned
from asyncflow.executors._local import captured, failed, read_inputs, write_outputs


@attrs.define(eq=False)
class ThreadExecutor(Executor):
    """Run jobs in threads of this process, for functions that mostly wait.

    A thread cannot be killed: a job that is cancelled runs to its end, and what comes of
    it counts.

    :param echo: whether what a job prints is shown
    """

    echo: bool = True
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

    async def run(
        self, calls: Sequence[Call], report: Callable[[Call, Outcome], None]
    ) -> None:
        for call in calls:
            with captured(echo=self.echo) as printed:
                outcome = await to_thread.run_sync(_run, call, limiter=self._limiter)
                report(call, outcome._replace(log=printed()))


def _run(call: Call) -> Outcome:
    try:
        arguments = read_inputs(call)
    except Exception as error:
        return failed(error)

    try:
        result = call.function(*arguments)
    except BaseException as error:
        return failed(error)

    try:
        return Returned(write_outputs(call, result))
    except Exception as error:
        return failed(error)
