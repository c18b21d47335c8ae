"""The executor of ``development`` mode, and of ``async def`` functions."""

from __future__ import annotations

import asyncio
import inspect
import os
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import ClassVar, Self, TypeGuard, TypeVar

import attrs
from anyio import get_cancelled_exc_class, to_thread
from anyio.lowlevel import checkpoint

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
from asyncflow.callers import Caller, caller_of, note_interrupt, on_loop
from asyncflow.config.sections import JobConfig
from asyncflow.executors._coroutine import Coroutine
from asyncflow.executors._in_process import (
    captured,
    failed,
    is_at_hand,
    logging_kept,
    read_inputs,
    under_way,
    write_outputs,
)
from asyncflow.ids import submission_of
from asyncflow.log import logger as _logger
from asyncflow.task_group import is_canceled
from asyncflow.worker.outcome import worker_name

_E = TypeVar("_E", bound=BaseException)

HELD = 1.0
"""After how many seconds a plain function has held the event loop for long."""


@attrs.define(eq=False, repr=False)
class InlineExecutor(Executor):
    """Run jobs on the event loop's thread, so that breakpoints work.

    A plain function holds the event loop as long as it runs, and cannot be killed; an
    ``async def`` function does not: it is cancelled where it awaits. One that goes on
    nevertheless is let go.

    :param echo: whether what a job prints is shown; ``"live"`` shows whose it is
    :param log_size: how many bytes are kept of what a job prints
    :param grace: how long a job may take to end once it is cancelled, in seconds
    """

    runs_where_submitted: ClassVar[bool] = True
    runs_all: ClassVar[bool] = True
    max_jobs: ClassVar[int | None] = 1
    ignores: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(
            ("max_nb_of_workers", "max_jobs_per_worker", "max_worker_age"), "standalone"
        ),
        "max_worker_rss": "standalone",
        "address": "cluster",
        "security": "cluster",
    }
    not_killing: ClassVar[str | None] = (
        "a plain function on the event loop cannot be stopped"
    )

    echo: Mode = True
    log_size: int = 1_048_576
    grace: float = 2.0
    is_default: bool = False
    """Whether jobs run here because no mode was chosen that runs them elsewhere."""
    _has_warned: bool = attrs.field(init=False, default=False)
    _held_up: bool = attrs.field(init=False, default=False)
    """Whether the last job has held the event loop for long."""
    _running: dict[str, Coroutine] = attrs.field(init=False, factory=dict)

    @classmethod
    def of(cls, jobs: JobConfig) -> Self:
        how = (jobs.echo, jobs.max_log_size, jobs.kill_grace)
        return cls(*how, is_default=jobs.mode == "development")

    async def run(self, calls: Sequence[Call], watch: Watch) -> None:
        for call in calls:
            coroutine = self._running[call.job_id] = Coroutine(self.grace)

            try:
                await self._run(call, watch, coroutine)
            finally:
                del self._running[call.job_id]

                if coroutine.was_let_go:
                    self._warn(call)

            if self._held_up:
                self._warn_of_holding(call)

    def kill(self, call: Call, *, now: bool = False) -> None:
        if coroutine := self._running.get(call.job_id):
            coroutine.cancel(now=now)

    async def _run(self, call: Call, watch: Watch, coroutine: Coroutine) -> None:
        outcome: Outcome = Killed()
        started_at, start = time.time(), time.perf_counter()
        caller = None if call.is_async else caller_of(submission_of(call.job_id))
        report: Callable[[Progress | None], None] = partial(watch.reported, call)

        if caller is not None:
            report = on_loop(report)

        with captured(call.task, echo=self.echo, max_bytes=self.log_size) as printed:
            try:
                with coroutine.scope:
                    await checkpoint()
                    start = time.perf_counter()  # what came first was not the job's

                    with under_way(call, watch, report):
                        if call.is_async:
                            outcome = await _run_async(call, coroutine)
                        else:
                            outcome = await _run(call, coroutine, caller)
            except get_cancelled_exc_class() as error:
                if is_canceled():
                    raise

                outcome = failed(error)

            usage = Usage(
                started_at,
                time.perf_counter() - start,
                None,
                None,
                worker_name(os.getpid()),
            )
            held = usage.wall - coroutine.awaited
            self._held_up = self.is_default and not call.is_async and held > HELD
            watch.ended(call, outcome._replace(log=printed(), usage=usage))

    def _warn_of_holding(self, call: Call) -> None:
        self._held_up = False
        others = _others()

        if self._has_warned or others < 1:
            return

        self._has_warned = True
        text = (
            "task %r held the event loop for more than %g s, while %d other tasks of the "
            "program waited: in development mode jobs run on the loop; "
            'configure_job_executions(mode="standalone") runs them in worker processes'
        )
        _logger.warning(text, call.task, HELD, others)

    def _warn(self, call: Call) -> None:
        text = (
            "job %s did not end within %g s after it was cancelled, and was let go: its "
            "function should not go on after a CancelledError (see kill_grace)"
        )
        _logger.warning(text, call.job_id, self.grace)


def _others() -> int:
    """Return how many tasks of the program wait, beside the one that submits."""
    names = (task.get_name() for task in asyncio.all_tasks())
    return sum(not name.startswith("asyncflow") for name in names) - 1


async def _run(call: Call, coroutine: Coroutine, caller: Caller | None) -> Outcome:
    """Run a plain function: here, or in the thread that waits for its run."""
    if caller is None:
        outcome = _called(call)
    else:
        outcome = await caller.call(partial(_called, call))

    if not isinstance(outcome, Awaitable):
        return outcome

    result, raised = await coroutine.result(outcome)
    return _kept(call, result) if raised is None else failed(raised)


def _called(call: Call) -> Outcome | Awaitable[object]:
    """Read the inputs, call the function, keep the outputs.

    :return: what came of it, or what the function gave that is to be awaited
    """
    try:
        arguments = read_inputs(call)
    except Exception as error:
        return failed(error)

    try:
        with logging_kept():
            result = call.function(*arguments)
    except BaseException as error:  # a CancelledError, too: nothing is awaited here
        if _is(error, KeyboardInterrupt):
            note_interrupt(error)

        return failed(error)

    return result if inspect.isawaitable(result) else _kept(call, result)


def _kept(call: Call, result: object) -> Outcome:
    try:
        return Returned(write_outputs(call, result))
    except Exception as error:
        return failed(error)


async def _run_async(call: Call, coroutine: Coroutine) -> Outcome:
    """Run an ``async def`` function; what may block goes to a thread."""
    try:
        if is_at_hand(call):
            arguments = read_inputs(call)
        else:
            arguments = await to_thread.run_sync(read_inputs, call)
    except Exception as error:
        return failed(error)

    try:
        value = call.function(*arguments)
    except BaseException as error:
        return failed(error)

    result, raised = await coroutine.result(value)  # type: ignore[arg-type]  # it is async

    if raised is not None:
        return failed(raised)

    try:
        return Returned(await to_thread.run_sync(write_outputs, call, result))
    except Exception as error:
        return failed(error)


def _is(error: BaseException, kind: type[_E]) -> TypeGuard[_E]:
    """Tell of what kind an error is without asking it for its `__class__`."""
    return issubclass(type(error), kind)
