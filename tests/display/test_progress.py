from __future__ import annotations

import io
import re
import sys

import pytest

from asyncflow.display.progress import Bars, Lines, RunningJob, Silent, shown_on
from asyncflow.status import Status


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True

    @property
    def text(self) -> str:
        """What it has been sent, without colours."""
        return re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", self.getvalue())


class Seen:
    """A run that is as a test says."""

    def __init__(self) -> None:
        self.numbers: dict[Status, int] = {}
        self.jobs: list[RunningJob] = []

    def counts(self) -> dict[Status, int]:
        return self.numbers

    def running(self, limit: int) -> list[RunningJob]:
        return self.jobs[:limit]


def test_a_pipe_shows_nothing() -> None:
    stream = io.StringIO()
    progress = shown_on(stream, "sales", 2, Seen())
    assert isinstance(progress, Silent)
    progress.started("JOB_a_1", "a")
    progress.ended("JOB_a_1", "a", "COMPLETED", "")
    progress.close()
    assert stream.getvalue() == ""
    assert isinstance(shown_on(None, "sales", 2, Seen()), Silent)


def test_a_terminal_shows_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    stream = Screen()
    seen = Seen()
    progress = shown_on(stream, "sales", 3, seen)
    assert isinstance(progress, Bars)
    seen.jobs = [
        RunningJob("JOB_a_1", "a [red]"),
        RunningJob("JOB_b_1", "b", 1, 2, "rows"),
    ]
    progress.draw()
    assert "a [red]" in stream.text
    assert re.search(r"b .* 50% rows", stream.text)

    seen.jobs = [RunningJob("JOB_c_1", "c", message="begins")]
    seen.numbers = {Status.SKIPPED: 1, Status.FAILED: 1, Status.RUNNING: 1}
    progress.ended("JOB_a_1", "a", "", "it raised")
    progress.ended("JOB_a_1", "a", "FAILED", "no such rows")
    stream.truncate(0)
    progress.draw()
    assert "begins" in stream.text
    assert "rows" not in stream.text
    assert re.search(r"sales .* 67% 2/3, 1 not completed", stream.text)
    progress.close()


def test_without_rich_a_line_for_each_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rich.progress", None)
    stream = Screen()
    progress = shown_on(stream, "sales", 2, Seen())
    assert isinstance(progress, Lines)
    progress.started("JOB_a_1", "a")
    progress.ended("JOB_a_1", "a", "", "it raised")
    progress.ended("JOB_a_1", "a", "COMPLETED", "")
    progress.ended("JOB_b_1", "b", "FAILED", "no such rows")
    progress.close()
    first, last = stream.getvalue().splitlines()
    assert first.startswith("[1/2] a COMPLETED in 0.")
    assert last == "[2/2] b FAILED: no such rows"
