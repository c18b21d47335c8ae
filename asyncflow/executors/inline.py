"""The executor of ``development`` mode, and of ``async def`` functions."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Sequence
from functools import partial

import attrs
from anyio import CancelScope, get_cancelled_exc_class, to_thread
from anyio.lowlevel import checkpoint

from asyncflow.abc import (
    Call,
    Executor,
    Killed,
    Outcome,
    Raised,
    Returned,
    Usage,
    Watch,
)
from asyncflow.executors._local import (
    captured,
    failed,
    is_at_hand,
    read_inputs,
    under_way,
    write_outputs,
)


@attrs.define(eq=False, repr=False)
class InlineExecutor(Executor):
    """Run jobs on the event loop's thread, so that breakpoints work.

    A plain function holds the event loop as long as it runs, and cannot be killed; an
    ``async def`` function does not, and is cancelled where it awaits.

    :param echo: whether what a job prints is shown
    :param log_size: how many bytes are kept of what a job prints
    """

    echo: bool = True
    log_size: int = 1_048_576
    _scopes: dict[str, CancelScope] = attrs.field(init=False, factory=dict)

    async def run(self, calls: Sequence[Call], watch: Watch) -> None:
        for call in calls:
            scope = self._scopes[call.job_id] = CancelScope()

            try:
                await self._run(call, watch, scope)
            finally:
                del self._scopes[call.job_id]

    def kill(self, call: Call, *, now: bool = False) -> None:  # noqa: ARG002
        if scope := self._scopes.get(call.job_id):
            scope.cancel()

    async def _run(self, call: Call, watch: Watch, scope: CancelScope) -> None:
        outcome: Outcome = Killed()
        started_at, start = time.time(), time.perf_counter()
        report = partial(watch.reported, call)

        with captured(echo=self.echo, most=self.log_size) as printed:
            try:
                with scope:
                    await checkpoint()

                    with under_way(call, watch, report):
                        run = _run_async if call.is_async else _run
                        outcome = await run(call)
            except get_cancelled_exc_class():
                if _is_canceled():
                    raise

                outcome = Raised("CancelledError: raised by the function", "", None)

            usage = Usage(started_at, time.perf_counter() - start, None, None)
            watch.ended(call, outcome._replace(log=printed(), usage=usage))


def _is_canceled() -> bool:
    """Tell a real cancel of this task from a `CancelledError` that a function raised."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


async def _run(call: Call) -> Outcome:
    try:
        arguments = read_inputs(call)
    except Exception as error:
        return failed(error)

    try:
        result = call.function(*arguments)

        if inspect.isawaitable(result):
            result = await result
    except get_cancelled_exc_class():
        raise
    except BaseException as error:
        return failed(error)

    try:
        return Returned(write_outputs(call, result))
    except Exception as error:
        return failed(error)


async def _run_async(call: Call) -> Outcome:
    """Run an ``async def`` function; what may block goes to a thread."""
    try:
        if is_at_hand(call):
            arguments = read_inputs(call)
        else:
            arguments = await to_thread.run_sync(read_inputs, call)
    except Exception as error:
        return failed(error)

    try:
        result = await call.function(*arguments)  # type: ignore[misc]  # it is async
    except get_cancelled_exc_class():
        raise
    except BaseException as error:
        return failed(error)

    try:
        return Returned(await to_thread.run_sync(write_outputs, call, result))
    except Exception as error:
        return failed(error)
