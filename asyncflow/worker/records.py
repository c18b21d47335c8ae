"""Log records of jobs, on their way to the loggers of the parent."""

from __future__ import annotations

import logging
import os
import pickle
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from asyncflow.worker.current import current_job
from asyncflow.worker.failure import raised
from asyncflow.worker.shortened import shortened
from asyncflow.worker.world import handled_by_parent

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
"""How records are written into the log of their job."""

MAX_RECORDS = 1000
"""How many records wait for a parent that is busy; of more the last ones are dropped."""

MAX_BYTES = 4 * 1024 * 1024
"""How many bytes of them."""

TEXT = 262_144
"""How many characters of a message or a traceback are passed on."""

BATCH = 32_768
"""How many bytes of records are sent at a time, if it is more than one."""

PAUSE = 0.005
"""How long a parent that is busy is left alone, in seconds."""

_PLAIN = (str, int, float, bool, type(None))


class Records(logging.Handler):
    """Writes the records of jobs into their logs, and passes them on.

    What cannot be sent at once goes with the next one, or with what comes of the job.

    :param write: writes a line into the log
    :param send: sends records of a job; tells whether that could be done
    """

    def __init__(
        self,
        write: Callable[[bytes], object],
        send: Callable[[str, list[bytes]], bool],
    ) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter(FORMAT))
        self.job_id = ""
        """Whose records they are."""
        self.waiting: list[bytes] = []
        self._write = write
        self._send = send
        self._pid = os.getpid()
        self._size = 0
        self._dropped = 0
        self._next = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        """Take a record; what is wrong with it is told as `logging` does."""
        try:
            line = shortened(self.format(record), TEXT)
            data = packed(record)
        except Exception:
            self.handleError(record)
            return

        with suppress(OSError):  # a full disk
            self._write(f"{line}\n".encode("utf-8", "backslashreplace"))

        if os.getpid() != self._pid:
            self._send(self.job_id, [data])  # a fork: nobody asks it later
            return

        self._add(data)
        self._flush()

    def take(self) -> tuple[bytes, ...]:
        """Return what was not sent, to send it with what came of the job."""
        if self._dropped:
            self._tell_dropped()

        found, self.waiting, self._size = tuple(self.waiting), [], 0
        return found

    def _add(self, data: bytes) -> None:
        if len(self.waiting) >= MAX_RECORDS or self._size > MAX_BYTES:
            self._dropped += 1
            return

        self.waiting.append(data)
        self._size += len(data)

    def _flush(self) -> None:
        while self.waiting and time.monotonic() >= self._next:
            batch, size = 0, 0

            for data in self.waiting:
                size += len(data)

                if batch and size > BATCH:
                    break

                batch += 1

            if not self._send(self.job_id, self.waiting[:batch]):
                self._next = time.monotonic() + PAUSE
                return

            self._size -= sum(map(len, self.waiting[:batch]))
            del self.waiting[:batch]

            if self._dropped:
                self._tell_dropped()

    def warn(self, text: str) -> None:
        """Have the parent warn of something; it is in no log of a job."""
        record = logging.makeLogRecord(
            {
                "name": "asyncflow",
                "levelno": logging.WARNING,
                "levelname": "WARNING",
                "msg": "%s",
                "args": (text,),
            }
        )
        self.waiting.append(packed(record))

    def _tell_dropped(self) -> None:
        count, self._dropped = self._dropped, 0
        why = "there were too many at a time"
        self.warn(f"{count} log records of a job were dropped: {why}")


def line_of(record: logging.LogRecord) -> str:
    """Return how a record is written into the log of its job; it stays as it is."""
    kept = {name: record.__dict__.get(name) for name in ("exc_text", "message")}

    try:
        return f"{logging.Formatter(FORMAT).format(record)}\n"
    except Exception:
        return ""  # its handlers tell what is wrong with it
    finally:
        record.__dict__.update(kept)


def packed(record: logging.LogRecord) -> bytes:
    """Pickle a record, so that it can be loaded whatever it has.

    Its message is made here, and its traceback a text.
    """
    state = dict(record.__dict__)
    error = state["exc_info"][1] if state["exc_info"] else None
    state["msg"] = shortened(record.getMessage(), TEXT)
    state["exc_text"] = state["exc_text"] and shortened(state["exc_text"], TEXT)
    state["args"] = state["exc_info"] = None
    others = {
        key: _other(state.pop(key))
        for key, value in record.__dict__.items()
        if not isinstance(state[key], _PLAIN)
    }
    survivor = None if error is None else raised(error, None).error
    return pickle.dumps((state, others, survivor), 5)


def _other(value: object) -> tuple[bytes | None, str]:
    """Pickle a value, with what stands for it where it cannot be loaded."""
    try:
        text = shortened(repr(value), 1000)
    except Exception as error:
        text = f"<its repr raised {type(error).__name__}>"

    try:
        data = pickle.dumps(value, 5)
    except Exception:
        data = None

    return (data if data and len(data) <= TEXT else None), text


def unpacked(data: bytes) -> logging.LogRecord:
    """Load a record.

    :raises Exception: of any kind, where it makes no sense
    """
    state, others, survivor = pickle.loads(data)

    for key, (value, text) in others.items():
        state[key] = _loaded(value, text)

    error = _loaded(survivor, None)

    if isinstance(error, BaseException):
        state["exc_info"] = type(error), error, None

    return logging.makeLogRecord(state)


def _loaded(data: bytes | None, otherwise: object) -> object:
    if data is None:
        return otherwise

    try:
        return pickle.loads(data)
    except Exception:
        return otherwise


def basic_config(own: Records) -> Callable[..., None]:
    """Return what is `logging.basicConfig` in a worker.

    It does what it would do in the parent, without the handler that passes records on.
    """
    basic = logging.basicConfig

    def set_up(**options: Any) -> None:
        if sys._getframe(1).f_code.co_name == "<module>":
            return  # the parent has loaded that module, too

        root = logging.root
        is_handled = "" in handled_by_parent()
        has_own = any(handler is not own for handler in root.handlers)
        wants_own = not options.keys().isdisjoint(("filename", "stream", "handlers"))

        if (is_handled and not wants_own) or (has_own and not options.get("force")):
            return

        with suppress(ValueError):
            root.handlers.remove(own)

        try:
            basic(**options)
        finally:
            if is_handled and own not in root.handlers:
                root.handlers.insert(0, own)

    return set_up


def passing_on(
    own: Records, call: Callable[[logging.Logger, logging.LogRecord], None]
) -> Callable[[logging.Logger, logging.LogRecord], None]:
    """Return what is `logging.Logger.callHandlers` in a worker.

    What the parent's handlers have there, they have also where a job sets handlers of its
    own in the place of the one that passes records on.

    :param call: what it was
    """

    def call_handlers(logger: logging.Logger, record: logging.LogRecord) -> None:
        call(logger, record)

        if _is_missed(logger, own):
            own.handle(record)

    return call_handlers


def _is_missed(logger: logging.Logger | None, own: Records) -> bool:
    """Tell whether the parent has handlers for a logger, and only others are here."""
    handled = handled_by_parent()
    has_others = is_handled = False

    while logger is not None:
        if own in logger.handlers:
            return False

        has_others |= bool(logger.handlers)
        is_handled |= ("" if logger is logging.root else logger.name) in handled
        logger = logger.parent if logger.propagate else None

    return has_others and is_handled


Factory = Callable[..., logging.LogRecord]
"""What `logging.setLogRecordFactory` takes."""


def naming_jobs(make: Factory) -> Factory:
    """Return a factory whose records have ``job_id`` and ``submission_id``.

    They are None where a record is made outside of jobs.

    :param make: makes the records
    """

    def factory(*args: object, **kwargs: object) -> logging.LogRecord:
        record = make(*args, **kwargs)
        job = current_job()
        record.job_id = job.id if job else None
        record.submission_id = job.submission_id if job else None
        return record

    return factory
