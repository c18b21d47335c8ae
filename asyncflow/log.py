"""The log of asyncflow: whatever the program's handlers do, nothing here waits for it.

Handlers belong to the program. They may block (a collector that is away, a pipe that
nobody reads) or raise. So records are handed to them in a thread of their own, which
nobody waits for without a limit, and what they raise is shown and changes nothing.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import TypeAlias

import attrs

Work: TypeAlias = Callable[[], object]

MOST = 1000
"""How many records wait for a handler that blocks; more are dropped, and counted."""

PATIENCE = 1.0
"""How long the end of an orchestrator or of the program waits for handlers, in seconds."""


NAMED = 10
"""How many ids a record names."""


def named(ids: Sequence[str]) -> str:
    """Name some ids in a record: the first of many."""
    return ", ".join([*ids[:NAMED], *["..."] * (len(ids) > NAMED)])


@attrs.define(eq=False, repr=False)
class SafeLogger:
    """Hands records to a logger: from any thread, without blocking, without raising.

    :param inner: the logger that has them handled
    """

    inner: logging.Logger
    _lock: threading.Lock = attrs.field(init=False, factory=threading.Lock)
    _works: deque[Work] = attrs.field(init=False, factory=deque)
    _dropped: int = attrs.field(init=False, default=0)
    _is_running: bool = attrs.field(init=False, default=False)
    _idle: threading.Event = attrs.field(init=False, factory=threading.Event)

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

    def later(self, work: Work) -> None:
        """Have something done that logs, in the thread of the log."""
        with self._lock:
            if len(self._works) >= MOST:
                self._dropped += 1
                return

            self._works.append(partial(copy_context().run, work))

            if self._is_running:
                return

            self._is_running = True
            self._idle.clear()

        try:
            threading.Thread(
                target=self._run, name="asyncflow-log", daemon=True
            ).start()
        except RuntimeError:  # no thread can be started: Python ends
            self._run()

    @property
    def is_busy(self) -> bool:
        """Whether something is not handled yet."""
        return self._is_running

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until all is handled; tell whether it is. Blocks.

        :param timeout: in seconds; None for `PATIENCE`
        """
        seconds = PATIENCE if timeout is None else timeout
        return not self._is_running or self._idle.wait(seconds)

    def forget(self) -> None:
        """Begin anew, in a process that was forked: its parent logs the rest."""
        self._lock, self._idle = threading.Lock(), threading.Event()
        self._works.clear()
        self._is_running = False

    def _log(
        self,
        level: int,
        text: str,
        args: tuple[object, ...],
        error: BaseException | None,
    ) -> None:
        if self.inner.isEnabledFor(level):
            self.later(partial(self.inner.log, level, text, *args, exc_info=error))

    def _run(self) -> None:
        while work := self._next():
            try:
                work()
            except BaseException:  # in a thread it would end nothing but this
                with suppress(BaseException):
                    traceback.print_exc()

    def _next(self) -> Work | None:
        with self._lock:
            if self._works:
                return self._works.popleft()

            if dropped := self._dropped:
                self._dropped = 0
                text = "%d log records were dropped: a handler held up the log"
                return partial(self.inner.warning, text, dropped)

            self._is_running = False
            self._idle.set()
            return None


logger: SafeLogger = SafeLogger(logging.getLogger("asyncflow"))

atexit.register(logger.wait)
os.register_at_fork(after_in_child=logger.forget)
