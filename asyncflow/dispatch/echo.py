"""The echo: what jobs print in other processes is shown on stdout and stderr, and what
they log is handled by the loggers of this process.

Whoever reads stdout may stall (a pager, a log collector), and so may a handler; so a thread
does it. What a job printed is shown before the job ends; but nothing waits for long, and
once too much waits, output is dropped with a warning. What jobs print is kept in any case.
"""

from __future__ import annotations

import asyncio
import io
import logging
import os
import select
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Any, TypeAlias

from asyncflow.abc import Mode
from asyncflow.dispatch.attempt import Attempt
from asyncflow.log import logger as _logger
from asyncflow.worker.current import CurrentJob, job_of
from asyncflow.worker.records import unpacked

PATIENCE = 0.5
"""How long the end of a job waits until its output is shown, in seconds; while a reader
stalls only the first ones do."""

MAX_SIZE = 4 * 1024 * 1024
"""How many characters wait for a reader; what is more is dropped."""

LAST = 1.0
"""How long a closing orchestrator waits for the last output, in seconds."""

PIECE = select.PIPE_BUF
"""How many bytes a pipe takes at once that has room."""

Waiter = asyncio.Future[None] | None

Piece: TypeAlias = tuple[str, str | bytes, Callable[..., object]]
"""What it is called, how much it is by its length, and what shows it."""


class Echo:
    """Shows pieces in their order; the thread lives while there are any.

    It is a daemon thread, and holds no lock of a stream while it waits for a reader: so
    Python can end at any time.

    :param mode: what of jobs is shown; their log records are handled in any case
    """

    def __init__(self, mode: Mode = True) -> None:
        self.mode = mode
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._pieces: deque[tuple[Piece | None, Waiter]] = deque()
        self._size = 0
        """How many characters, or bytes of records, wait."""
        self._dropped = 0
        """How many were dropped."""
        self._is_running = False
        self._is_stalled = False
        """Whether the last text that was waited for took too long."""
        self._has_warned = False

    @property
    def is_busy(self) -> bool:
        """Whether something waits to be shown."""
        return self._is_running

    @property
    def is_full(self) -> bool:
        """Whether so much waits that more is dropped."""
        return self._size > MAX_SIZE

    async def show(self, pieces: Iterable[Piece]) -> None:
        """Have pieces shown; return when they are, or when that takes too long.

        On cancel they are shown all the same.
        """
        for piece in pieces:
            self.put(piece)

        if self._is_stalled or not self._is_running:
            return

        waiter = self._loop.create_future()
        self._put(None, waiter)
        done, _ = await asyncio.wait({waiter}, timeout=PATIENCE)
        self._is_stalled = not done

    def put(self, piece: Piece) -> None:
        """Have a piece shown; nobody waits for that."""
        if self.is_full:
            self._drop(piece)
        else:
            self._put(piece, None)

    async def close(self) -> None:
        """Wait for the last output, as long as it is read; drop what nobody reads."""
        if not self._is_running:
            return

        waiter = self._loop.create_future()
        self._put(None, waiter)
        done, _ = await asyncio.wait({waiter}, timeout=LAST)

        if not done:
            with self._lock:
                left = self._dropped + self._size
                self._pieces.clear()

            _logger.warning(
                "some output of jobs was not shown (%d characters): nobody reads stdout, "
                "or a handler of the log blocks",
                left,
            )

    def _drop(self, piece: Piece) -> None:
        where, what, _ = piece
        self._dropped += len(what)

        if not self._has_warned:
            self._has_warned = True
            problem = "output of jobs is not shown: whoever reads %s is too slow"
            _logger.warning(problem, where)

    def _put(self, piece: Piece | None, waiter: Waiter) -> None:
        with self._lock:
            self._pieces.append((piece, waiter))
            self._size += len(piece[1]) if piece else 0

            if self._is_running:
                return

            self._is_running = True

        thread = threading.Thread(target=self._run, name="asyncflow-echo", daemon=True)

        try:
            thread.start()
        except RuntimeError:  # as when Python 3.12.0 or 3.12.1 has begun to end
            self._run()

    def _run(self) -> None:
        while (entry := self._next()) is not None:
            piece, waiter = entry

            if piece is not None:
                self._show(piece)

                with self._lock:
                    self._size -= len(piece[1])

            self._is_stalled = False

            if waiter is not None:
                with suppress(RuntimeError):  # the loop is closed: nobody waits
                    self._loop.call_soon_threadsafe(_resolve, waiter)

    def _next(self) -> tuple[Piece | None, Waiter] | None:
        with self._lock:
            if self._pieces:
                return self._pieces.popleft()

            self._is_running = False
            return None

    def _show(self, piece: Piece) -> None:
        where, what, show = piece

        try:
            show(what)
        except BaseException as error:  # nothing that it raises is ours to pass on
            if not self._has_warned:
                self._has_warned = True
                problem = "the output of a job could not be shown on %s: %r"
                _logger.warning(problem, where, error)


def printed(stream: str, text: str) -> Piece:
    """Make a piece of a text.

    :param stream: ``stdout`` or ``stderr``: what is called so when it is shown
    """
    return stream, text, partial(_write, stream)


def _write(stream: str, text: str) -> None:
    write(getattr(sys, stream), text)


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


def logged(data: bytes, attempt: Attempt) -> Piece:
    """Make a piece of a record; who shows it has it handled."""
    job = job_of(attempt.job_id, attempt.task.config_id, 1)
    return "the log", data, partial(_handle, job)


def _handle(job: CurrentJob, data: bytes) -> None:
    """Have a record handled, if it is enabled here. Blocks."""
    record = unpacked(data)
    logger = logging.getLogger(record.name)

    if not logger.isEnabledFor(record.levelno):
        return

    about = {"job_id": job.id, "submission_id": job.submission_id, "task": job.task}

    for name, value in about.items():
        if record.__dict__.get(name) is None:
            record.__dict__[name] = value

    if record.levelname == f"Level {record.levelno}":  # it has a name here only
        record.levelname = logging.getLevelName(record.levelno)

    if type(logger).makeRecord is not logging.Logger.makeRecord:
        with suppress(Exception):  # of somebody's method
            _complete(record, logger)

    logger.handle(record)


def _complete(record: logging.LogRecord, logger: logging.Logger) -> None:
    """Add to a record what a logger of the program's own class gives those it makes."""
    made = logger.makeRecord(
        *(record.name, record.levelno, record.pathname, record.lineno),
        *(record.msg, (), record.exc_info, record.funcName),
    )

    for name, value in vars(made).items():
        record.__dict__.setdefault(name, value)
