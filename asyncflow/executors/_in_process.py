"""Running a job in this process: on the event loop, or in a thread of it."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeAlias

from asyncflow.abc import Call, Mode, Printed, Progress, Raised, StoredValue, Watch
from asyncflow.executors._bounded_output import BoundedOutput
from asyncflow.executors._split import Captured, Split, printed, split
from asyncflow.worker.current import current_job, job_of, running
from asyncflow.worker.failure import beyond_ours, raised
from asyncflow.worker.outputs import keep_result
from asyncflow.worker.records import Factory, line_of, naming_jobs
from asyncflow.worker.trip import read_input

Handling: TypeAlias = Callable[[logging.Logger, logging.LogRecord], None]
"""`logging.Logger.callHandlers`."""

_lock = threading.Lock()
_users = 0
_naming: tuple[Factory, Factory] | None = None
"""What makes log records while jobs run, and what did before."""
_handling: tuple[Handling, Handling] | None = None
"""What has them handled, likewise."""


@contextmanager
def captured(
    task: str, *, echo: Mode, max_bytes: int
) -> Iterator[Callable[[], Printed | None]]:
    """Keep what this context prints and logs; yield a function that gives it.

    :param task: whose job it is
    :param echo: whether it is shown too; ``"live"`` shows whose it is
    :param max_bytes: how many bytes of it are kept
    """
    kept = BoundedOutput(max_bytes)
    label = f"[{task}] " if echo == "live" else ""
    token = printed.set(Captured(kept, bool(echo), label))
    _install()

    try:
        yield kept.printed
    finally:
        with suppress(Exception):  # of somebody's stream
            for stream in (sys.stdout, sys.stderr):
                if isinstance(stream, Split):
                    stream.show_rest()

        _uninstall()
        printed.reset(token)


@contextmanager
def under_way(
    call: Call, watch: Watch, report: Callable[[Progress | None], None]
) -> Iterator[None]:
    """Have what is called here run for a job."""
    watch.started(call, None)

    job = job_of(call.job_id, call.task, call.attempt, call.carrier)

    with running(job, report):
        yield


@contextmanager
def logging_kept() -> Iterator[None]:
    """Put the root logger back to what it is after this context, which awaits nothing.

    ``basicConfig(force=True)`` and ``dictConfig`` of a job take the program's handlers.
    """
    root = logging.root
    level, disabled, handlers = root.level, root.manager.disable, [*root.handlers]

    try:
        yield
    finally:
        if root.handlers != handlers:
            root.handlers[:] = handlers

        if root.level != level:
            root.setLevel(level)

        if root.manager.disable != disabled:
            logging.disable(disabled)


def read_inputs(call: Call) -> list[object]:
    """Read the inputs of a call."""
    return [
        read_input(call.task, name, driver, kept)
        for name, driver, kept in call.inputs
        if not isinstance(kept, tuple)  # only who carries several has such
    ]


def is_at_hand(call: Call) -> bool:
    """Tell whether to read the inputs of a call needs no file."""
    return all(isinstance(kept, bytes) for _, _, kept in call.inputs)


def write_outputs(call: Call, result: object) -> tuple[StoredValue, ...]:
    """Keep the result of a call."""
    return keep_result(call.task, call.outputs, result)


def failed(error: BaseException) -> Raised:
    """Describe what a call raised; its traceback begins with the user's frames."""
    shown = beyond_ours(error)
    outcome = raised(error, shown)
    return outcome._replace(error=BaseException.with_traceback(error, shown))


def _install() -> None:
    global _users, _naming, _handling

    with _lock:
        _users += 1

        if not isinstance(sys.stdout, Split):
            sys.stdout = split(sys.stdout, "stdout")

        if not isinstance(sys.stderr, Split):
            sys.stderr = split(sys.stderr, "stderr")

        if _naming is None:
            plain = logging.getLogRecordFactory()
            _naming = naming_jobs(plain), plain
            logging.setLogRecordFactory(_naming[0])

        if _handling is None:
            handle = logging.Logger.callHandlers
            _handling = _keeping(handle), handle
            logging.Logger.callHandlers = _handling[0]  # type: ignore[method-assign, assignment]  # for now


def _keeping(handle: Handling) -> Handling:
    """Return what keeps the record of a job with what it prints, and has it handled.

    It is not kept twice where a handler prints it there.
    """

    def call(logger: logging.Logger, record: logging.LogRecord) -> None:
        captured = printed.get()

        if captured is None:
            handle(logger, record)
            return

        if (job := current_job()) is not None:
            record.__dict__.setdefault("task", job.task)

        size, is_shown = captured.kept.size, captured.is_shown
        captured.is_shown = True  # what the program's handlers do is not the job's

        try:
            handle(logger, record)
        finally:
            captured.is_shown = is_shown

            if captured.kept.size == size:
                captured.kept.write(line_of(record), "log")

    return call


def _uninstall() -> None:
    global _users, _naming, _handling

    with _lock:
        _users -= 1

        if _users:
            return

        if isinstance(sys.stdout, Split):
            sys.stdout = sys.stdout.release()

        if isinstance(sys.stderr, Split):
            sys.stderr = sys.stderr.release()

        if _naming is not None:
            if logging.getLogRecordFactory() is _naming[0]:
                logging.setLogRecordFactory(_naming[1])

            _naming = None

        if _handling is not None:
            if logging.Logger.callHandlers is _handling[0]:
                logging.Logger.callHandlers = _handling[1]  # type: ignore[method-assign, assignment]  # as it was

            _handling = None
