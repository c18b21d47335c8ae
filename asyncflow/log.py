"""The log of asyncflow: whatever the program's handlers do, nothing here waits for it.

Handlers belong to the program. They may block (a collector that is away, a pipe that
nobody reads) or raise. So records are handed to them in a thread of their own, which
nobody waits for without a limit, and what they raise is shown and changes nothing.

Records come from anywhere: from a finalizer that the garbage collector calls in the midst
of this very module, from one that Python calls while it ends, when no thread runs any
more. So no lock is taken on their way.
"""

from __future__ import annotations

import atexit
import logging
import os
import select
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from sys import is_finalizing
from typing import TypeAlias

Entry: TypeAlias = tuple[int, str, tuple[object, ...], BaseException | None]
"""A record's level, its text, what is put into that, and whose traceback follows."""

Work: TypeAlias = Callable[[], object]

MAX_WAITING = 1000
"""How many records wait for a handler that blocks; more are dropped, and counted."""

PATIENCE = 1.0
"""How long the end of an orchestrator or of the program waits for handlers, in seconds."""


_ANOTHER = logging.getLogger("asyncio")

NAMED = 10
"""How many ids a record names."""


def named(ids: Sequence[str]) -> str:
    """Name some ids in a record: the first of many."""
    return ", ".join([*ids[:NAMED], *["..."] * (len(ids) > NAMED)])


class SafeLogger:
    """Hands records to a logger: from any thread, without blocking, without raising.

    :param inner: the logger that has them handled
    """

    def __init__(self, inner: logging.Logger) -> None:
        self.inner = inner
        self._works: deque[Work] = deque()
        self._dropped = 0
        self._turn: deque[None] = deque([None])
        """Empty while a thread handles records; who takes what is in it starts one."""
        self._waiters: deque[threading.Lock] = deque()
        """Released once all is handled."""

    def error(
        self, text: str, *args: object, exc_info: BaseException | None = None
    ) -> None:
        """Log an error.

        :param exc_info: whose traceback follows; None for none
        """
        self._log(logging.ERROR, text, args, exc_info)

    def warning(
        self, text: str, *args: object, exc_info: BaseException | None = None
    ) -> None:
        """Log a warning; see `error`."""
        self._log(logging.WARNING, text, args, exc_info)

    def log(self, level: int, text: str, *args: object) -> None:
        """Log at a level of `logging`; see `error`."""
        self._log(level, text, args, None)

    def later(self, entry: Callable[[], Entry]) -> None:
        """Have a record made, and handled, in the thread of the log.

        It can be called in the midst of anything, as by a finalizer.
        """
        if is_finalizing():
            _show_last(entry)
        elif len(self._works) >= MAX_WAITING:
            self._dropped += 1
        else:
            self._works.append(partial(copy_context().run, self._handle, entry))

            if self._takes_turn():
                self._start()

    @property
    def is_busy(self) -> bool:
        """Whether something is not handled yet."""
        return not self._turn

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until all is handled; tell whether it is. Blocks.

        :param timeout: in seconds; None for `PATIENCE`
        """
        until = time.monotonic() + (PATIENCE if timeout is None else timeout)

        while self.is_busy:
            waiter = threading.Lock()
            waiter.acquire()
            self._waiters.append(waiter)
            left = max(0.0, until - time.monotonic())

            if not self._turn and not waiter.acquire(timeout=left):
                return False

        return True

    def forget(self) -> None:
        """Begin anew, in a process that was forked: its parent logs the rest."""
        self._works, self._waiters = deque(), deque()
        self._turn = deque([None])

    def _log(
        self,
        level: int,
        text: str,
        args: tuple[object, ...],
        error: BaseException | None,
    ) -> None:
        self._enable()

        if is_finalizing() or self.inner.isEnabledFor(level):
            self.later(lambda: (level, text, args, error))

    def _handle(self, entry: Callable[[], Entry]) -> None:
        level, text, args, error = entry()
        self._enable()
        self.inner.log(level, text, *args, exc_info=error)

    def _enable(self) -> None:
        """Undo what `logging.config` does to loggers that are there: failures would be
        told to nobody. Who disables this one alone means it.
        """
        if self.inner.disabled and _ANOTHER.disabled:
            self.inner.disabled = False

    def _takes_turn(self) -> bool:
        """Tell whether nobody handles records, and have the caller do it."""
        try:
            self._turn.pop()
        except IndexError:
            return False

        return True

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="asyncflow-log", daemon=True)

        try:
            thread.start()
        except RuntimeError:  # no thread can be started: Python ends
            self._run()

    def _run(self) -> None:
        while True:
            while (work := self._next()) is not None:
                try:
                    work()
                except BaseException:  # in a thread it would end nothing but this
                    with suppress(BaseException):
                        traceback.print_exc()

            self._turn.append(None)

            if not self._works or not self._takes_turn():
                break

        with suppress(IndexError):
            while True:
                self._waiters.popleft().release()

    def _next(self) -> Work | None:
        with suppress(IndexError):
            return self._works.popleft()

        if dropped := self._dropped:
            self._dropped = 0
            text = "%d log records were dropped: a handler held up the log"
            return partial(self.inner.warning, text, dropped)

        return None


def _show_last(entry: Callable[[], Entry]) -> None:
    """Show a record while Python ends: threads that are dead may hold the locks of
    handlers and streams, and nobody may read what they write to.
    """
    with suppress(BaseException):
        level, text, args, error = entry()

        if level < logging.WARNING:
            return

        lines = [f"{text % args if args else text}\n"]
        lines += traceback.format_exception(error) if error is not None else ()
        data = "".join(lines).encode("utf-8", "backslashreplace")

        while data and select.select((), (2,), (), 0)[1]:
            data = data[os.write(2, data[: select.PIPE_BUF]) :]


def _end() -> None:
    """Have the log handled, as long as that does not take for ever.

    `logging` itself would wait for a handler that still blocks, to close it.
    """
    if not logger.wait():
        handlers: list[Callable[[], logging.Handler | None]]
        handlers = getattr(logging, "_handlerList", [])
        handlers[:] = [handler for handler in handlers if not _is_held(handler())]


def _is_held(handler: logging.Handler | None) -> bool:
    """Tell whether a thread is in a handler."""
    lock = handler.lock if handler is not None else None

    if lock is None:
        return False

    if lock.acquire(blocking=False):
        lock.release()
        return False

    return True


logger: SafeLogger = SafeLogger(logging.getLogger("asyncflow"))

atexit.register(_end)
os.register_at_fork(after_in_child=logger.forget)
