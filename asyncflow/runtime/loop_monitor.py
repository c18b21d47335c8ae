"""The monitor of the event loop: warns when something holds the loop for too long.

The loop beats: a timer puts something into a queue, on which a thread waits. When no beat
comes in time, the thread looks what the loop's thread is doing, and logs it. Code in C
that keeps Python's lock holds up this thread too: it looks as soon as that lets it.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
import traceback
from queue import Empty, SimpleQueue
from types import FrameType, TracebackType
from typing import Self

import attrs
from anyio import CancelScope, to_thread

from asyncflow.log import logger as _logger


@attrs.define(eq=False, repr=False)
class LoopMonitor:
    """Warn when the event loop was held for longer than a limit, and say by what.

    An async context manager: while it is entered the loop is watched. It costs two
    beats, of some microseconds, in the time of the limit.

    :param limit: in seconds. What holds the loop for longer is warned of: always from
        one and a half limits on
    """

    limit: float
    _loop: asyncio.AbstractEventLoop = attrs.field(init=False)
    _loop_thread: int = attrs.field(init=False, factory=threading.get_ident)
    _due: float = attrs.field(init=False, default=0.0)
    """When the next beat is to come, as `time.monotonic` has it."""
    _beats: SimpleQueue[float | None] = attrs.field(init=False, factory=SimpleQueue)
    """How late each beat was, in seconds; None is the end."""
    _timer: asyncio.TimerHandle | None = attrs.field(init=False, default=None)
    _thread: threading.Thread = attrs.field(init=False)

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._thread = threading.Thread(
            target=self._watch, name="asyncflow-lag", daemon=True
        )
        self._beat_later()

        with CancelScope(shield=True):
            await to_thread.run_sync(self._thread.start)

        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()

        self._beats.put(None)

        with CancelScope(shield=True):
            await to_thread.run_sync(self._thread.join)

    def _beat_later(self) -> None:
        self._due = time.monotonic() + self.limit / 2
        self._timer = self._loop.call_later(self.limit / 2, self._beat)

    def _beat(self) -> None:
        self._beats.put(time.monotonic() - self._due)
        self._beat_later()

    def _watch(self) -> None:
        """Wait for beats, until the end."""
        late: float | None = 0.0

        while late is not None:
            try:
                late = self._beats.get(timeout=self.limit * 1.5)
            except Empty:
                late = self._stall()

    def _stall(self) -> float | None:
        """Say what holds the loop, and at its end for how long; return the beat."""
        task_name = self._task_name()
        frame = sys._current_frames().get(self._loop_thread)
        _logger.warning(
            "the event loop is held up, for %.3g s by now, by %s: everything on it "
            "waits. Use `await`, anyio.to_thread.run_sync, or a task that runs in a "
            "worker process\n%s",
            *(time.monotonic() - self._due, task_name, _stack(frame)),
        )
        del frame  # it would keep alive what its function holds
        late = self._beats.get()

        if late is not None:
            _logger.warning(
                "the event loop was held up for %.3g s by %s", late, task_name
            )

        return late

    def _task_name(self) -> str:
        task = asyncio.current_task(self._loop)
        return "a callback of no task" if task is None else f"task {task.get_name()!r}"


def _stack(frame: FrameType | None) -> str:
    """Format where a thread is, from the first line that is not asyncio's own."""
    stack = traceback.extract_stack(frame) if frame is not None else []
    places = [
        number
        for number, line in enumerate(stack, 1)
        if line.filename == asyncio.events.__file__
    ]
    return "".join(traceback.format_list(stack[max(places, default=0) :])).rstrip()
