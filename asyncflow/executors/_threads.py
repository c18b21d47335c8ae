"""Threads that a program can end without: anyio's keep it until what they run is done."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context, copy_context
from functools import partial
from typing import Any

import attrs
from anyio._core._eventloop import claim_worker_thread, threadlocals
from anyio.lowlevel import EventLoopToken, current_token

_End = Callable[[object, BaseException | None], None]
_Work = tuple[Context, Callable[[], object], _End]


@attrs.define(eq=False, repr=False)
class Threads:
    """Daemon threads for one event loop, each used again once it is idle.

    What they run may use `anyio.from_thread`, as in anyio's own.
    """

    _idle: list[_Thread] = attrs.field(init=False, factory=list)
    _is_closed: bool = attrs.field(init=False, default=False)

    def start(self, function: Callable[[], object]) -> asyncio.Future[Any]:
        """Call a function in a thread; return what will have its result.

        Who sets that itself leaves the thread to itself.
        """
        future = asyncio.get_running_loop().create_future()
        thread = self._idle.pop() if self._idle else _Thread(current_token())
        thread.work.put((copy_context(), function, partial(self._end, thread, future)))
        return future

    def close(self) -> None:
        """Have the idle threads end; the others do once they are done."""
        self._is_closed = True

        for thread in self._idle:
            thread.work.put(None)

    def _end(
        self,
        thread: _Thread,
        future: asyncio.Future[Any],
        result: object,
        raised: BaseException | None,
    ) -> None:
        if self._is_closed:
            thread.work.put(None)
        else:
            self._idle.append(thread)

        if future.done():
            return

        if raised is None:
            future.set_result(result)
        else:
            future.set_exception(raised)


class _Thread(threading.Thread):
    def __init__(self, token: EventLoopToken) -> None:
        super().__init__(name="asyncflow job", daemon=True)
        self.work: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._token = token
        self.start()

    def run(self) -> None:
        with claim_worker_thread(self._token.backend_class, self._token.native_token):
            threadlocals.current_cancel_scope = None

            while (work := self.work.get()) is not None:
                self._do(*work)
                del work

    def _do(self, context: Context, function: Callable[[], object], end: _End) -> None:
        result, raised = None, None

        try:
            result = context.run(function)
        except BaseException as error:
            raised = error

        with suppress(RuntimeError):  # the loop is closed: nobody waits
            loop = self._token.native_token
            loop.call_soon_threadsafe(end, result, raised)  # type: ignore[attr-defined]  # it is a loop
