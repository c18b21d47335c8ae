from __future__ import annotations

import pytest

from asyncflow.cli.output import (
    facts_of,
    print_facts,
    print_table,
    shown_date,
    shown_duration,
)
from asyncflow.records import ScenarioRecord
from asyncflow.stores._properties import PickledProperties


class Screen:
    """What a terminal shows."""

    def __init__(self) -> None:
        self.text = ""

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        pass


ROW = ("SUBMISSION_01a21fd74eb6f3cba1fca735a8634b9e", "FAILED", "why\x1b[2J\nnot")


@pytest.mark.parametrize(("columns", "lines"), [(40, 3), (200, 2)])
def test_a_table_cuts_nothing(
    monkeypatch: pytest.MonkeyPatch, columns: int, lines: int
) -> None:
    screen = Screen()
    monkeypatch.setattr("sys.stdout", screen)
    monkeypatch.setenv("COLUMNS", str(columns))
    print_table(("SUBMISSION", "STATUS", "REASON"), [ROW])
    shown = screen.text.splitlines()
    assert len(shown) == lines
    assert ROW[0] in screen.text
    assert "why [2J not" in screen.text  # what a terminal would obey is taken out
    assert "\x1b[31mFAILED" in screen.text


def test_a_pipe_gets_no_colours(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("SUBMISSION", "STATUS", "REASON"), [ROW])
    print_facts({"Status": "FAILED", "Why": "one\ntwo", "Nothing": ""})
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert shown.splitlines()[2:] == ["Status: FAILED", "Why:    one", "        two"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""),
        (0.0042, "4 ms"),
        (12.34, "12.3 s"),
        (75, "1 min 15 s"),
        (3 * 3600 + 60, "3 h 1 min"),
        (2 * 86400 + 3600, "2 d 1 h"),
    ],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert shown_duration(seconds) == text


def test_dates() -> None:
    assert shown_date(None) == ""
    assert shown_date(1e300) == "?"
    assert len(shown_date(0.0)) == len("1970-01-01 00:00:00")


def test_pickled_properties_are_not_loaded() -> None:

    record = ScenarioRecord("SCENARIO_a_b", "a", None, 0.0, {"user": "Zoë"})
    assert facts_of(record)["properties"] == {"user": "Zoë"}
    harmful = PickledProperties("SCENARIO_a_b", b"cos\nabort\n(tR.")
    assert facts_of(record._replace(properties=harmful))["properties"] is None
