"""The log of asyncflow: whatever the program's handlers do, nothing waits for it."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from pathlib import Path
from types import FrameType
from typing import Any, TypeAlias

import pytest

from asyncflow import log
from asyncflow.log import SafeLogger, named
from tests.support import programs

TraceFunction: TypeAlias = Callable[[FrameType, str, Any], Any]

HERE: ContextVar[str] = ContextVar("HERE", default="nowhere")


class Handler(logging.Handler):
    """Keeps records; it waits for a gate first, and raises after that."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []
        self.contexts: list[str] = []
        self.threads: set[str] = set()
        self.reached = threading.Event()
        self.gate = threading.Event()
        self.gate.set()
        self.error: BaseException | None = None

    def emit(self, record: logging.LogRecord) -> None:
        self.reached.set()
        self.gate.wait()
        self.records.append(record)
        self.contexts.append(HERE.get())
        self.threads.add(threading.current_thread().name)

        if self.error is not None:
            raise self.error

    @property
    def messages(self) -> list[str]:
        return [record.getMessage() for record in self.records]


@pytest.fixture
def handler() -> Handler:
    return Handler()


@pytest.fixture
def logger(handler: Handler) -> Iterator[SafeLogger]:
    inner = logging.Logger("of a test", logging.INFO)  # noqa: LOG001  # ours alone
    inner.addHandler(handler)
    logger = SafeLogger(inner)
    yield logger
    handler.gate.set()
    assert logger.wait(10)


def test_records_come_in_their_order_from_another_thread(
    logger: SafeLogger, handler: Handler
) -> None:
    error = ValueError("no")
    logger.error("%s and %s", 1, 2, exc_info=error)
    logger.warning("careful")
    logger.log(logging.INFO, "by the way")
    logger.log(logging.DEBUG, "never mind")
    assert logger.wait(10)
    assert handler.messages == ["1 and 2", "careful", "by the way"]
    assert [one.levelno for one in handler.records] == [40, 30, 20]
    assert handler.records[0].exc_info is not None
    assert handler.records[0].exc_info[1] is error
    assert handler.threads == {"asyncflow-log"}
    assert not logger.is_busy


def test_a_handler_that_blocks_holds_up_nobody(
    logger: SafeLogger, handler: Handler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "MAX_WAITING", 3)
    handler.gate.clear()
    logger.warning("first")
    assert handler.reached.wait(10)

    for number in range(7):
        logger.warning("%d", number)

    assert logger.is_busy
    assert not logger.wait(0)
    handler.gate.set()
    assert logger.wait(10)
    dropped = "4 log records were dropped: a handler held up the log"
    assert handler.messages == ["first", "0", "1", "2", dropped]
    logger.warning("last")
    assert logger.wait(10)
    assert handler.messages[-1] == "last"


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3)])
def test_a_handler_that_raises_is_shown_and_changes_nothing(
    logger: SafeLogger,
    handler: Handler,
    error: BaseException,
    capsys: pytest.CaptureFixture[str],
) -> None:
    handler.error = error
    logger.warning("first")
    logger.warning("second")
    assert logger.wait(10)
    assert handler.messages == ["first", "second"]
    assert capsys.readouterr().err.count(type(error).__name__) == 2


def test_a_handler_sees_the_context_of_who_logs(
    logger: SafeLogger, handler: Handler
) -> None:
    token = HERE.set("here")
    logger.warning("first")
    HERE.reset(token)
    logger.warning("second")
    assert logger.wait(10)
    assert handler.contexts == ["here", "nowhere"]


def test_who_cannot_start_a_thread_logs_by_himself(
    logger: SafeLogger, handler: Handler, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", start)
    logger.warning("at the end")
    assert handler.messages == ["at the end"]
    assert handler.threads == {threading.current_thread().name}
    assert not logger.is_busy


def test_a_logger_that_a_configuration_has_disabled_tells_what_it_has_to(
    logger: SafeLogger, handler: Handler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logger.inner, "disabled", True)
    logger.error("whoever disables it alone means it")
    monkeypatch.setattr(logging.getLogger("asyncio"), "disabled", True)
    logger.error("as `logging.config` does")
    assert logger.wait(10)
    assert handler.messages == ["as `logging.config` does"]
    monkeypatch.setattr(logger.inner, "disabled", True)
    logger.later(lambda: (logging.ERROR, "later", (), None))
    assert logger.wait(10)
    assert handler.messages[1:] == ["later"]


def test_a_fork_begins_anew(logger: SafeLogger, handler: Handler) -> None:
    copy = SafeLogger(logger.inner)
    copy._works.append(lambda: logger.inner.warning("of the parent"))
    assert copy._takes_turn()  # a thread that is not there has it
    copy.forget()
    assert not copy.is_busy
    copy.warning("of the child")
    assert copy.wait(10)
    assert handler.messages == ["of the child"]


def test_the_first_of_many_ids_are_named() -> None:
    assert named([]) == ""
    assert named(["a", "b"]) == "a, b"
    ids = [str(number) for number in range(11)]
    assert named(ids[:10]) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9"
    assert named(ids) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ..."


def test_a_finalizer_may_log_in_the_midst_of_the_log(
    logger: SafeLogger, handler: Handler
) -> None:
    midst: list[str] = []

    def trace(frame: FrameType, event: str, _: object) -> TraceFunction | None:
        if frame.f_code.co_filename != log.__file__:
            return None

        midst.append(f"in the midst: {len(midst)}")
        logger.warning(midst[-1])  # a trace function is not traced
        return trace

    before = sys.gettrace()
    sys.settrace(trace)

    try:
        logger.warning("first")
    finally:
        sys.settrace(before)

    assert logger.wait(10)
    assert len(midst) > 10
    assert sorted(handler.messages) == sorted(["first", *midst])


AT_THE_END = """
import sys, threading
from asyncflow.log import logger

class Kept:
    def __del__(self):
        assert sys.is_finalizing()
        logger.error("%s of %s", "the last", 2, exc_info=ValueError("not seen"))
        logger.warning("100 %")
        logger.log(20, "never mind")

kept = [Kept()]
kept.append(kept)
"""


def test_what_is_logged_while_python_ends_is_shown(tmp_path: Path) -> None:
    shown = "the last of 2\nValueError: not seen\n100 %\n"
    assert ended(AT_THE_END, tmp_path) == (0, "", shown)


BLOCKING = """
import logging, threading
from asyncflow.log import logger

class Handler(logging.Handler):
    def emit(self, record):
        threading.Event().wait()

class Closed(logging.Handler):
    def close(self):
        print("closed")
        super().close()

logger.inner.addHandler(Handler())
logger.inner.addHandler(other := Closed())
logger.warning("first")
"""


def test_a_handler_that_blocks_does_not_hold_up_the_end(tmp_path: Path) -> None:
    assert ended(BLOCKING, tmp_path) == (0, "closed\n", "")


def ended(program: str, folder: Path) -> tuple[int, str, str]:
    """Run a program; return its exit code and what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env=programs.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=programs.LIMIT,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr
