"""The echo: what jobs print in other processes is shown on stdout.

Whoever reads stdout may stall (a pager, a log collector), so a thread writes there. What a
job printed is shown before the job ends; but nothing waits for long, and once too much
waits, output is dropped with a warning. What jobs print is kept in any case.
"""

from __future__ import annotations

import asyncio
import io
import os
import select
import sys
import threading
from collections import deque
from contextlib import suppress
from typing import Any

import attrs

from asyncflow.log import logger as _logger

PATIENCE = 0.5
"""How long the end of a job waits until its output is shown, in seconds; while a reader
stalls only the first ones do."""

MOST = 4 * 1024 * 1024
"""How many characters wait for a reader; what is more is dropped."""

LAST = 1.0
"""How long a closing orchestrator waits for the last output, in seconds."""

PIECE = select.PIPE_BUF
"""How many bytes a pipe takes at once that has room."""

Waiter = asyncio.Future[None] | None


@attrs.define(eq=False, repr=False)
class Echo:
    """Shows texts on ``sys.stdout``, in their order; the thread lives while there are any.

    It is a daemon thread, and holds no lock of a stream while it waits for a reader: so
    Python can end at any time.
    """

    _loop: asyncio.AbstractEventLoop = attrs.field(
        init=False, factory=asyncio.get_running_loop
    )
    _lock: threading.Lock = attrs.field(init=False, factory=threading.Lock)
    _texts: deque[tuple[str, Waiter]] = attrs.field(init=False, factory=deque)
    _size: int = attrs.field(init=False, default=0)
    """How many characters wait."""
    _dropped: int = attrs.field(init=False, default=0)
    """How many characters were dropped since the last text was shown."""
    _is_running: bool = attrs.field(init=False, default=False)
    _is_stalled: bool = attrs.field(init=False, default=False)
    """Whether the last text that was waited for took too long."""
    _has_warned: bool = attrs.field(init=False, default=False)

    async def show(self, text: str) -> None:
        """Have a text shown; return when it is, or when that takes too long."""
        if self._size > MOST:
            self._drop(text)
            return

        waiter = None if self._is_stalled else self._loop.create_future()
        self._put(text, waiter)

        if waiter is not None:
            done, _ = await asyncio.wait({waiter}, timeout=PATIENCE)
            self._is_stalled = not done

    async def close(self) -> None:
        """Wait for the last output, as long as it is read."""
        if not self._is_running:
            return

        waiter = self._loop.create_future()
        self._put("", waiter)
        done, _ = await asyncio.wait({waiter}, timeout=LAST)

        if not done:
            with self._lock:
                left = self._dropped + self._size
                self._texts.clear()

            _logger.warning(
                "some output of jobs was not shown (%d characters): nobody reads stdout",
                left,
            )

    def _drop(self, text: str) -> None:
        self._dropped += len(text)

        if not self._has_warned:
            self._has_warned = True
            problem = "output of jobs is not shown: whoever reads stdout is too slow"
            _logger.warning(problem)

    def _put(self, text: str, waiter: Waiter) -> None:
        with self._lock:
            self._texts.append((text, waiter))
            self._size += len(text)

            if self._is_running:
                return

            self._is_running = True

        threading.Thread(target=self._run, name="asyncflow-echo", daemon=True).start()

    def _run(self) -> None:
        while (entry := self._next()) is not None:
            text, waiter = entry

            if text:
                self._write(text)

            with self._lock:
                self._size -= len(text)

            self._is_stalled = False

            if waiter is not None:
                with suppress(RuntimeError):  # the loop is closed: nobody waits
                    self._loop.call_soon_threadsafe(_resolve, waiter)

    def _next(self) -> tuple[str, Waiter] | None:
        with self._lock:
            if self._texts:
                return self._texts.popleft()

            self._is_running = False
            return None

    def _write(self, text: str) -> None:
        try:
            write(sys.stdout, text)
        except (
            BaseException
        ) as error:  # nothing that a stream raises is ours to pass on
            if not self._has_warned:
                self._has_warned = True
                problem = "the output of a job could not be shown on stdout: %r"
                _logger.warning(problem, error)


def write(stream: Any, text: str) -> None:
    """Write a text to a stream, whatever that is. Blocks.

    None takes nothing. What its encoding has no characters for is escaped.
    """
    if stream is None:
        return

    if (descriptor := _descriptor(stream)) is not None:
        stream.flush()
        _write_all(descriptor, text.encode(stream.encoding, "backslashreplace"))
        return

    try:
        stream.write(text)
    except UnicodeEncodeError as error:
        stream.write(
            text.encode(error.encoding, "backslashreplace").decode(error.encoding)
        )

    if callable(flush := getattr(stream, "flush", None)):
        flush()


def _descriptor(stream: Any) -> int | None:
    """Return what a plain stream writes to, where it can be asked for room."""
    if type(stream) is not io.TextIOWrapper or os.linesep != "\n":
        return None

    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):
        return None

    return descriptor if descriptor < 1024 else None  # all that `select` can be asked


def _write_all(descriptor: int, data: bytes) -> None:
    """Write all; wait for room before each piece, so that no write blocks."""
    view = memoryview(data)

    while view:
        select.select((), (descriptor,), ())

        with suppress(BlockingIOError):
            view = view[os.write(descriptor, view[:PIECE]) :]


def _resolve(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
