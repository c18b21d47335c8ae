"""The task group of an orchestrator, also for callbacks of the event loop.

anyio asks in which library it runs when it starts a task. Where sniffio is installed and
asyncio was not started by anyio, a timer or a reader gives no answer to that.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from typing import Any

import attrs
from anyio.abc import TaskGroup


@attrs.define(eq=False, repr=False)
class Group:
    """Starts tasks that the orchestrator owns."""

    _inner: TaskGroup

    @property
    def is_failing(self) -> bool:
        """Whether all is being ended, and nothing new should begin."""
        return self._inner.cancel_scope.cancel_called

    def start_soon(
        self, function: Callable[..., Coroutine[Any, Any, Any]], *args: Any
    ) -> None:
        """Start a task, from a task or from a callback."""
        if asyncio.current_task() is None:
            copy_context().run(self._start_in_callback, function, *args)
        else:
            self._inner.start_soon(function, *args)

    def cancel(self) -> None:
        """Cancel all tasks."""
        self._inner.cancel_scope.cancel()

    def _start_in_callback(
        self, function: Callable[..., Coroutine[Any, Any, Any]], *args: Any
    ) -> None:
        if sniffio := sys.modules.get("sniffio"):
            sniffio.current_async_library_cvar.set("asyncio")

        self._inner.start_soon(function, *args)
