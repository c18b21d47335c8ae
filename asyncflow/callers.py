"""Threads that wait for a run, and meanwhile run its jobs: those of blocking programs in
development mode. Breakpoints, handles that belong to a thread, and Ctrl-C work there.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from queue import SimpleQueue
from typing import Any, TypeVar

import attrs
from anyio import CancelScope

T = TypeVar("T")

_by_run: dict[str, Caller] = {}
"""The callers, by the ids of the submissions that they wait for."""

_here = threading.local()


def caller_of(submission_id: str) -> Caller | None:
    """Return the thread that runs the jobs of a submission; None for none."""
    return _by_run.get(submission_id)


def runs_job() -> bool:
    """Tell whether this thread runs a job while its program waits for the run."""
    return bool(getattr(_here, "is_busy", False))


def note_interrupt(error: KeyboardInterrupt) -> None:
    """Have Ctrl-C that has ended a job in this thread end the waiting for its run, too."""
    if runs_job():
        _here.interrupt = error


@attrs.define(eq=False, repr=False)
class _Work:
    """A function that is to be called in another thread."""

    call: partial[Any]
    """Calls the function in its context."""
    loop: asyncio.AbstractEventLoop
    told: asyncio.Future[Any]
    _lock: threading.Lock = attrs.field(init=False, factory=threading.Lock)
    _is_taken: bool = attrs.field(init=False, default=False)

    def take(self) -> bool:
        """Take it, to call it or to leave it: tell whether nobody has."""
        with self._lock:
            is_first, self._is_taken = not self._is_taken, True
            return is_first

    def tell(self, result: object, error: BaseException | None) -> None:
        """Tell what came of it. In any thread."""
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            self.loop.call_soon_threadsafe(self._tell, result, error)

    def _tell(self, result: object, error: BaseException | None) -> None:
        if self.told.done():
            return

        if error is None:
            self.told.set_result(result)
        else:
            self.told.set_exception(error)


@attrs.define(eq=False, repr=False)
class Caller:
    """A thread that waits, and calls what the event loop gives it."""

    _queue: SimpleQueue[_Work | None] = attrs.field(init=False, factory=SimpleQueue)
    _interrupted: tuple[_Work, object, BaseException | None] | None = attrs.field(
        init=False, default=None
    )
    """What Ctrl-C has ended, and what came of it: to be told."""
    _gone: threading.Event = attrs.field(init=False, factory=threading.Event)

    def begin(self, submission_id: str) -> None:
        """Have it run the jobs of a submission, from now until `end`."""
        _by_run.setdefault(submission_id, self)

    def end(self, submission_id: str) -> None:
        """Have `serve` return, once it has called what it was given. In any thread."""
        if _by_run.get(submission_id) is self:
            del _by_run[submission_id]

        self._queue.put(None)

    async def call(self, function: Callable[[], Any]) -> Any:
        """Call a function in the thread, in a copy of this context; return its result.

        It is called here where the thread is gone. On cancel it is not called; where it
        was called already, it ends first, and what comes of it is returned.
        """
        if self._gone.is_set():
            return function()

        loop = asyncio.get_running_loop()
        call = partial(copy_context().run, function)
        work = _Work(call, loop, loop.create_future())
        self._queue.put(work)

        if self._gone.is_set() and work.take():
            return function()

        try:
            return await asyncio.shield(work.told)
        except asyncio.CancelledError:
            if work.take():
                raise

            with CancelScope(shield=True):
                await asyncio.wait({work.told})

            return work.told.result()

    def serve(self) -> None:
        """Call what is given, until `end`. In the thread itself.

        :raises KeyboardInterrupt: after Ctrl-C, also where that has ended a function:
            what came of it is told by the next call of this, or by `leave`
        """
        self._tell_interrupted()

        while (work := self._queue.get()) is not None:
            if work.take():
                self._do(work)

            del work

    def leave(self) -> None:
        """Call nothing any more: what was given and not called is cancelled."""
        self._gone.set()
        self._tell_interrupted()

        while not self._queue.empty():
            work = self._queue.get()

            if work is not None and work.take():
                work.tell(None, asyncio.CancelledError())

    def _tell_interrupted(self) -> None:
        interrupted, self._interrupted = self._interrupted, None

        if interrupted is not None:
            work, result, error = interrupted
            work.tell(result, error)

    def _do(self, work: _Work) -> None:
        result, raised = None, None
        _here.is_busy, _here.interrupt = True, None

        try:
            result = work.call()
        except BaseException as error:
            raised = error
        finally:
            _here.is_busy = False

        interrupt, _here.interrupt = _here.interrupt, None

        if interrupt is None and isinstance(raised, KeyboardInterrupt):
            interrupt = raised

        if interrupt is not None:
            self._interrupted = work, result, raised
            raise interrupt

        work.tell(result, raised)


def on_loop(function: Callable[[T], object]) -> Callable[[T], None]:
    """Return what has a function called on this event loop, from any thread."""
    loop = asyncio.get_running_loop()

    def call(argument: T) -> None:
        loop.call_soon_threadsafe(function, argument)

    return call
