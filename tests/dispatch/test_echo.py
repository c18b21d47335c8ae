"""What jobs print is shown, whatever stdout is; and the log, whatever handles it."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from anyio import fail_after, to_thread

from asyncflow import Configuration, Job, Orchestrator, Status, log
from asyncflow.dispatch import echo
from asyncflow.dispatch.echo import Echo, logged, printed
from asyncflow.worker.records import packed
from tests.support import flows
from tests.support.attempts import make_attempts
from tests.support.flows import configuration, single

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("shared_workers")]

TEXT = "100 rows from Zürich"


def say(value: int) -> int:
    print(TEXT)
    return value


async def check_shown(stream: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run a job that prints; return its output, as it is kept."""
    config = configuration(echo=True)
    monkeypatch.setattr(sys, "stdout", stream)

    with fail_after(20):
        async with Orchestrator(config) as orchestrator:
            scenario = await orchestrator.create_scenario(single(config, say))

            for _ in range(3):
                submission = await scenario.submit()

            return await submission.jobs[0].output()


class Tee:
    """Somebody's own, without `flush`."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> None:
        self.text += text


class Broken(Tee):
    def write(self, text: str) -> None:
        raise RuntimeError("it cannot write")


class Exiting(Tee):
    def write(self, text: str) -> None:
        raise SystemExit(3)


class BadFlush(Tee):
    def flush(self) -> None:
        raise KeyError("it cannot flush")


class Blocking(Tee):
    def __init__(self) -> None:
        super().__init__()
        self.end = threading.Event()

    def write(self, text: str) -> None:
        self.end.wait(30)
        super().write(text)


@pytest.mark.parametrize(
    "stream",
    [None, Tee(), Broken(), Exiting(), BadFlush(), object()],
    ids=lambda stream: type(stream).__name__,
)
async def test_whatever_stdout_is_the_job_ends(
    stream: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert TEXT in await check_shown(stream, monkeypatch)

    if type(stream) in (Tee, BadFlush):
        assert stream.text.count(TEXT) == 3


@pytest.mark.smoke
async def test_a_broken_stream_is_warned_of_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await check_shown(Broken(), monkeypatch)
    assert caplog.text.count("could not be shown on stdout") == 1


async def test_a_stream_that_blocks_holds_up_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(echo, "PATIENCE", 0.05)
    monkeypatch.setattr(echo, "LAST", 0.05)
    stream = Blocking()

    try:
        assert TEXT in await check_shown(stream, monkeypatch)
    finally:
        stream.end.set()

    assert caplog.text.count("nobody reads stdout") == 1


async def test_a_pipe_that_nobody_reads_holds_up_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(echo, "PATIENCE", 0.05)
    monkeypatch.setattr(echo, "LAST", 0.05)
    reader, writer = os.pipe()

    with os.fdopen(writer, "w") as stream, os.fdopen(reader, "rb") as end:
        full = fill(writer)
        assert TEXT in await check_shown(stream, monkeypatch)
        end.read(full)  # the thread goes on, and ends


def fill(pipe: int) -> int:
    """Fill a pipe; return how many bytes it takes."""
    os.set_blocking(pipe, False)
    count = 0

    try:
        while True:
            count += os.write(pipe, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(pipe, True)
        return count


@pytest.mark.parametrize("is_file", [True, False])
async def test_what_the_encoding_lacks_is_escaped(
    is_file: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    path = tmp_path / "shown"
    raw = path.open("wb") if is_file else io.BytesIO()

    with io.TextIOWrapper(raw, encoding="ascii") as stream:
        await check_shown(stream, monkeypatch)
        shown = (
            path.read_bytes() if isinstance(raw, io.BufferedWriter) else raw.getvalue()
        )

    assert shown.count(b"100 rows from Z\\xfcrich") == 3


async def test_what_is_too_much_is_dropped(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(echo, "PATIENCE", 0.05)
    monkeypatch.setattr(echo, "LAST", 0.05)
    monkeypatch.setattr(echo, "MAX_SIZE", 30)
    stream = Blocking()

    try:
        await check_shown(stream, monkeypatch)
    finally:
        stream.end.set()

    assert caplog.text.count("is too slow") == 1


# ----------------------------------------------------------------------------- the log


@contextmanager
def handled(handler: logging.Handler) -> Iterator[None]:
    logger = logging.getLogger("asyncflow")
    logger.addHandler(handler)

    try:
        yield
    finally:
        logger.removeHandler(handler)


class Raising(logging.Handler):
    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    def emit(self, record: logging.LogRecord) -> None:
        raise self.error


class Hanging(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.end = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.end.wait(30)


def fail(job: Job) -> None:
    raise ValueError("in the callback")


async def run_with_bad_callback(mode: str) -> Status:
    config = configuration(mode)

    with fail_after(20):
        async with Orchestrator(config) as orchestrator:
            scenario = await orchestrator.create_scenario(single(config, flows.double))
            submission = await scenario.submit(callbacks=[fail])
            return submission.jobs[0].status


@pytest.mark.blocking_jobs
@pytest.mark.parametrize("mode", ["development", "standalone"])
@pytest.mark.parametrize(
    "error", [ConnectionError("away"), SystemExit(3), KeyboardInterrupt()], ids=repr
)
async def test_a_handler_that_raises_changes_nothing(
    mode: str, error: BaseException
) -> None:
    with handled(Raising(error)):
        assert await run_with_bad_callback(mode) == "COMPLETED"


async def test_a_handler_that_blocks_holds_up_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(log, "PATIENCE", 0.05)
    handler = Hanging()

    try:
        with handled(handler):
            assert await run_with_bad_callback("standalone") == "COMPLETED"
    finally:
        handler.end.set()


def test_where_no_thread_can_be_started_it_is_shown_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    async def show() -> None:
        echo = Echo()
        monkeypatch.setattr(threading.Thread, "start", start)

        with fail_after(20):
            await echo.show([printed("stdout", "one\n"), printed("stdout", "two\n")])
            await echo.close()

    asyncio.run(show())
    assert capsys.readouterr().out == "one\ntwo\n"


def data_of(level: int, **more: object) -> bytes:
    record = logging.LogRecord("users", level, "job.py", 3, "%s rows", (5,), None)
    record.__dict__.update(more)
    return packed(record)


async def test_a_record_tells_of_which_job_it_is(
    config: Configuration, caplog: pytest.LogCaptureFixture
) -> None:
    (attempt,) = await make_attempts(config)
    data = data_of(logging.WARNING, task="of the user's")
    name, size, handle = logged(data, attempt)
    assert (name, size) == ("the log", data)
    await to_thread.run_sync(handle, data)
    (record,) = caplog.records
    assert (record.name, record.getMessage()) == ("users", "5 rows")
    facts = record.__dict__
    assert facts["job_id"] == attempt.job_id
    assert facts["submission_id"] == attempt.run.id
    assert facts["task"] == "of the user's"  # what is there already stays


class OwnLogger(logging.Logger):
    def makeRecord(self, *args: Any, **options: Any) -> logging.LogRecord:  # noqa: N802
        record = super().makeRecord(*args, **options)
        record.__dict__.update(release="7", msg="another text")
        return record


async def test_a_record_has_what_the_programs_own_logger_adds(
    config: Configuration,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (attempt,) = await make_attempts(config)
    monkeypatch.setattr(logging.getLogger("users"), "__class__", OwnLogger)
    data = data_of(logging.WARNING)
    await to_thread.run_sync(logged(data, attempt)[2], data)
    (record,) = caplog.records
    assert (record.__dict__["release"], record.getMessage()) == ("7", "5 rows")


async def test_a_level_has_the_name_that_it_has_here(
    config: Configuration, caplog: pytest.LogCaptureFixture
) -> None:
    (attempt,) = await make_attempts(config)
    data = data_of(42)
    logging.addLevelName(42, "NOTICE")

    try:
        await to_thread.run_sync(logged(data, attempt)[2], data)
    finally:
        logging._levelToName.pop(42)
        logging._nameToLevel.pop("NOTICE")

    assert [one.levelname for one in caplog.records] == ["NOTICE"]


async def test_a_record_below_the_level_here_is_dropped(
    config: Configuration, caplog: pytest.LogCaptureFixture
) -> None:
    (attempt,) = await make_attempts(config)

    with caplog.at_level(logging.ERROR, "users"):
        for level in (logging.INFO, logging.ERROR):
            data = data_of(level)
            await to_thread.run_sync(logged(data, attempt)[2], data)

    assert [one.levelname for one in caplog.records] == ["ERROR"]
