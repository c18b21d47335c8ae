"""Jobs of this process: what they print and log is kept, and all is as it was after."""

from __future__ import annotations

import io
import logging
import sys
import threading
import weakref
from contextlib import ExitStack
from pathlib import Path

import pytest

from asyncflow.abc import Raised
from asyncflow.executors._in_process import (
    captured,
    failed,
    is_at_hand,
    read_inputs,
    under_way,
    write_outputs,
)
from asyncflow.executors._split import Split
from asyncflow.worker.current import current_job
from asyncflow.worker.streams import parts
from tests.support import flows
from tests.support.calls import Notes, call

logger = logging.getLogger("tests.in_process")


class Ending(io.StringIO):
    """A stream in whose first write the last job of the process ends."""

    jobs: ExitStack

    def write(self, text: str) -> int:
        self.jobs.close()
        return super().write(text)


@pytest.mark.parametrize(
    ("echo", "shown"), [(True, "row\n"), (False, ""), ("live", "[work] row\n")]
)
def test_what_is_printed_is_kept_and_shown_where_that_is_wanted(
    echo: bool, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with captured("work", echo=echo, max_bytes=1000) as printed:
        assert printed() is None
        print("row")
        print("note", file=sys.stderr)
        found = printed()

    assert found is not None
    assert parts(found.text) == [("stdout", "row\n"), ("stderr", "note\n")]
    assert capsys.readouterr() == (shown, shown.replace("row", "note"))


def test_only_what_the_job_prints_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    with captured("work", echo=False, max_bytes=1000) as printed:
        thread = threading.Thread(target=print, args=["of the program"])
        thread.start()
        thread.join()
        assert printed() is None

    assert capsys.readouterr().out == "of the program\n"


def test_a_print_that_has_begun_goes_on_as_the_last_job_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Up to Python 3.13, `print` holds no reference to the stream that it writes to."""
    shown = Ending()
    monkeypatch.setattr(sys, "stdout", shown)

    for _ in range(3):
        shown.jobs = ExitStack()
        shown.jobs.enter_context(captured("work", echo=True, max_bytes=1000))
        print("of the job\n", end="of the program\n")
        assert sys.stdout is shown

    assert shown.getvalue() == "of the job\nof the program\n" * 3


def test_a_stream_that_was_redirected_is_let_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    redirected = io.StringIO()
    monkeypatch.setattr(sys, "stdout", redirected)

    with captured("work", echo=True, max_bytes=1000):
        print("row")

    assert redirected.getvalue() == "row\n"
    seen = weakref.ref(redirected)
    monkeypatch.undo()
    del redirected
    assert seen() is None


def test_the_process_is_as_it_was_after_the_last_job() -> None:
    streams, factory = (sys.stdout, sys.stderr), logging.getLogRecordFactory()
    handle = logging.Logger.callHandlers

    with captured("one", echo=False, max_bytes=10):
        with captured("other", echo=False, max_bytes=10):
            assert isinstance(sys.stdout, Split)

        assert isinstance(sys.stdout, Split)
        assert logging.Logger.callHandlers is not handle

    assert (sys.stdout, sys.stderr) == streams
    assert logging.getLogRecordFactory() is factory
    assert logging.Logger.callHandlers is handle


def test_records_of_a_job_name_it_and_are_kept_once(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.INFO, logger.name)
    one, notes = call(flows.double, tmp_path, job_id="JOB_work_1"), Notes()

    with (
        captured("work", echo=False, max_bytes=1000) as printed,
        under_way(one, notes, lambda _: None),
    ):
        logger.info("rows: %d", 3)
        found = printed()

    (record,) = [each for each in caplog.records if each.name == logger.name]
    assert record.__dict__["job_id"] == "JOB_work_1"
    assert record.__dict__["task"] == "work"
    assert found is not None
    ((stream, line),) = parts(found.text)
    assert stream == "log"
    assert line.endswith("INFO tests.in_process: rows: 3\n")


def test_a_job_is_under_way_as_long_as_it_is_called(tmp_path: Path) -> None:
    one, notes = call(flows.double, tmp_path, job_id="JOB_work_1"), Notes()

    with under_way(one, notes, lambda _: None):
        job = current_job()

    assert job is not None
    assert (job.id, job.task, job.attempt) == ("JOB_work_1", "work", 1)
    assert notes.told == [("started", "JOB_work_1")]
    assert current_job() is None


def test_inputs_are_read_and_outputs_kept(tmp_path: Path) -> None:
    one = call(flows.double, tmp_path, [1, 2])
    ((_, driver, _),) = one.inputs
    assert read_inputs(one) == [[1, 2]]
    (kept,) = write_outputs(one, "value")
    assert driver.read(kept) == "value"
    assert is_at_hand(one)
    assert not is_at_hand(one._replace(inputs=(("source", driver, "file"),)))


def test_an_error_is_told_from_the_users_frames_on() -> None:
    def ours() -> Raised:
        try:
            flows.fail("rows")
        except ValueError as error:
            return failed(error)

        raise AssertionError

    outcome = ours()
    assert outcome.summary == "ValueError: no rows"
    assert outcome.traceback.count("File ") == 1
    assert "jobs.py" in outcome.traceback
    assert isinstance(outcome.error, ValueError)  # itself, and not a pickle of it
