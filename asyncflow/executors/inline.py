"""The executor of ``development`` mode, and of ``async def`` functions."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence

import attrs
from anyio import get_cancelled_exc_class, to_thread
from anyio.lowlevel import checkpoint

from asyncflow.abc import Call, Executor, Outcome, Returned
from asyncflow.executors._local import (
    captured,
    failed,
    is_at_hand,
    read_inputs,
    write_outputs,
)


@attrs.define(eq=False)
class InlineExecutor(Executor):
    """Run jobs on the event loop's thread, so that breakpoints work.

    A plain function holds the event loop as long as it runs; an ``async def`` function
    does not, and is cancelled where it awaits.

    :param echo: whether what a job prints is shown
    """

    echo: bool = True

    async def run(
        self, calls: Sequence[Call], report: Callable[[Call, Outcome], None]
    ) -> None:
        for call in calls:
            await checkpoint()

            with captured(echo=self.echo) as printed:
                run = _run_async if call.is_async else _run
                outcome = await run(call)
                report(call, outcome._replace(log=printed()))


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
