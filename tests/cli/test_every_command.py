"""Every command in a process of its own, in a terminal of 40 columns."""

from __future__ import annotations

from pathlib import Path

import pytest

from asyncflow.cli.group import COMMANDS
from tests.support.terminal import terminal

CALLS = {
    "run": ("run flows:sales", 0, "COMPLETED"),
    "list": ("list jobs", 0, r"JOB_total_[0-9a-f]{32}\x1b"),
    "show": ("show last", 0, "no such rows"),
    "logs": ("logs last", 0, r"\[broken\] about to fail\n"),
    "plan": ("plan flows:sales", 0, "it has not run yet"),
    "graph": ("graph last", 0, "FAILED"),
    "cancel": ("cancel last", 0, "it has ended already"),
    "pause": ("pause last", 0, "it has ended already"),
    "resume": ("resume last", 0, "it has ended already"),
    "retry": ("retry last", 2, "asyncflow retry last -m flows.py"),
    "delete": ("delete last", 0, r"deleted SUBMISSION_[0-9a-f]{32}\n"),
    "diff": ("diff last SCENARIO_sales", 0, "config_id"),
    "compare": ("compare last -m flows", 2, "compar"),
    "replay": ("replay JOB_total -m flows", 0, r"\n2030\n"),
    "report": ("report", 0, "run.html is written"),
    "config": ("config check flows", 0, "nothing is wrong"),
    "gc": ("gc --keep 1 --dry-run", 0, r"Would remove runs: +\x1b\[0m 1\n"),
    "store": ("store check", 0, "whole"),
    "completion": ("completion bash", 0, "_asyncflow_completion"),
}
"""For each a call, its exit code, and what is shown."""


def test_every_command_is_called() -> None:
    assert {*CALLS, "ui"} == {*COMMANDS}  # the latter has tests of its own


@pytest.mark.parametrize("name", CALLS)
def test_a_narrow_terminal_shows_it(folder: Path, name: str) -> None:
    words, code, shown = CALLS[name]

    with terminal(
        "-m", "asyncflow", *words.split(), folder=folder, COLUMNS="40"
    ) as screen:
        assert screen.ended() == code, screen.text
        screen.until(shown)
        assert "Traceback (most recent call last)" not in screen.text or name == "show"
