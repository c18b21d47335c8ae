from __future__ import annotations

import io
import sys

import pytest

from asyncflow.display.progress import Bars, Lines, Silent, shown_on


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_pipe_shows_nothing() -> None:
    stream = io.StringIO()
    progress = shown_on(stream, "sales", 2)
    assert isinstance(progress, Silent)
    progress.started("JOB_a_1", "a")
    progress.advanced("JOB_a_1", 1, 2, "rows")
    progress.ended("JOB_a_1", "a", "COMPLETED", "")
    progress.close()
    assert stream.getvalue() == ""
    assert isinstance(shown_on(None, "sales", 2), Silent)


def test_a_terminal_shows_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    stream = Screen()
    progress = shown_on(stream, "sales", 2)
    assert isinstance(progress, Bars)
    progress.started("JOB_a_1", "a [red]")
    progress.advanced("JOB_a_1", 1, 2, "rows")
    progress.ended("JOB_a_1", "a", "", "it raised")
    progress.started("JOB_a_1", "a")
    progress.ended("JOB_a_1", "a", "FAILED", "no such rows")
    progress.close()
    shown = stream.getvalue()
    assert "a FAILED: no such rows" in shown
    assert "sales" in shown
    assert "1/2, 1 not completed" in shown


def test_without_rich_a_line_for_each_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rich.progress", None)
    stream = Screen()
    progress = shown_on(stream, "sales", 2)
    assert isinstance(progress, Lines)
    progress.started("JOB_a_1", "a")
    progress.ended("JOB_a_1", "a", "", "it raised")
    progress.ended("JOB_a_1", "a", "COMPLETED", "")
    progress.ended("JOB_b_1", "b", "FAILED", "no such rows")
    progress.close()
    first, last = stream.getvalue().splitlines()
    assert first.startswith("[1/2] a COMPLETED in 0.")
    assert last == "[2/2] b FAILED: no such rows"
