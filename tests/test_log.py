"""The log of asyncflow: whatever the program's handlers do, nothing waits for it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextvars import ContextVar

import pytest

from asyncflow import log
from asyncflow.log import SafeLogger, named

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
    monkeypatch.setattr(log, "MOST", 3)
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


def test_a_fork_begins_anew(logger: SafeLogger, handler: Handler) -> None:
    copy = SafeLogger(logger.inner)
    copy._works.append(lambda: logger.inner.warning("of the parent"))
    copy._is_running = True
    copy._lock.acquire()  # by a thread that is not there
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
