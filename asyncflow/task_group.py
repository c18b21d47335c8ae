"""The tasks of an orchestrator: each has an owner, and none takes the others along.

What a task raises is logged, and given to its owner, who ends what it concerns: one run,
one batch, one peer. Only `Tasks.fail` ends everything: where the engine cannot go on.

Tasks are started by callbacks of the event loop, too. anyio asks in which library it runs
when it starts one. Where sniffio is installed and asyncio was not started by anyio, a
timer or a reader gives no answer to that.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from typing import Any, TypeAlias

from anyio.abc import TaskGroup

from asyncflow.errors import AsyncflowError, OrchestratorFailed
from asyncflow.log import logger

OnError: TypeAlias = Callable[[Exception], object]


class Tasks:
    """Starts tasks that the orchestrator owns."""

    def __init__(self, inner: TaskGroup) -> None:
        self._inner = inner
        self.failure: Exception | None = None
        """Why nothing can go on; None as long as it can."""
        self.on_failure: OnError | None = None
        """Tells all who wait that nothing goes on."""

    @property
    def is_failing(self) -> bool:
        """Whether all is being ended, and nothing new begins."""
        return self.failure is not None or self._inner.cancel_scope.cancel_called

    def start_soon(
        self,
        function: Callable[..., Coroutine[Any, Any, Any]],
        *args: Any,
        on_error: OnError | None = None,
    ) -> None:
        """Start a task, from a task or from a callback; none where all is being ended.

        :param on_error: ends what the task was for, after an error; None where nobody
            waits for that. The error is logged
        """
        if not self.is_failing:
            self.start_unguarded(self._guarded, function, args, on_error)

    def start_unguarded(
        self, function: Callable[..., Coroutine[Any, Any, Any]], *args: Any
    ) -> None:
        """Start a task that sees to its errors itself, and must not raise any.

        To be called where nothing is being ended; see `is_failing`.
        """
        if asyncio.current_task() is None:
            copy_context().run(self._start_in_callback, function, *args)
        else:
            self._inner.start_soon(function, *args)

    def fail(self, error: Exception) -> None:
        """End everything: the engine cannot go on. The first error counts.

        All who wait are told at once; then the orchestrator is left by this error.
        """
        if self.is_failing:
            return

        self.failure = error
        logger.error("the orchestrator cannot go on", exc_info=error)

        if self.on_failure is not None:
            self.on_failure(error)

        self.start_unguarded(_raise, error)

    def handle(
        self, what: str, error: BaseException, on_error: OnError | None = None
    ) -> None:
        """Log an error, and have it end what it concerns."""
        is_told = isinstance(error, AsyncflowError)  # its text says all
        logger.error("%s failed: %s", what, error, exc_info=None if is_told else error)

        if on_error is None:
            return

        given = error if isinstance(error, Exception) else RuntimeError(repr(error))

        try:
            on_error(given)
        except Exception as another:
            self.fail(another)

    def check(self) -> None:
        """Refuse to go on after an error of the engine's.

        :raises OrchestratorFailed: where the engine cannot go on
        """
        if self.failure is not None:
            raise OrchestratorFailed.of(self.failure)

    def cancel(self) -> None:
        """Cancel all tasks."""
        self._inner.cancel_scope.cancel()

    async def _guarded(
        self,
        function: Callable[..., Coroutine[Any, Any, Any]],
        args: tuple[Any, ...],
        on_error: OnError | None,
    ) -> None:
        try:
            await function(*args)
        except Exception as error:
            self.handle(_name(function), error, on_error)
        except asyncio.CancelledError as error:
            if is_canceled():
                raise

            self.handle(_name(function), error, on_error)

    def _start_in_callback(
        self, function: Callable[..., Coroutine[Any, Any, Any]], *args: Any
    ) -> None:
        if sniffio := sys.modules.get("sniffio"):
            sniffio.current_async_library_cvar.set("asyncio")

        self._inner.start_soon(function, *args)


def is_canceled() -> bool:
    """Tell a real cancel of this task from a `CancelledError` that somebody raised."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


async def _raise(error: Exception) -> None:
    raise error


def _name(function: Callable[..., object]) -> str:
    name = getattr(function, "__qualname__", None) or type(function).__qualname__
    return f"the task {name} of the orchestrator"
