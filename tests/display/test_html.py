"""Parts of HTML for notebooks."""

from __future__ import annotations

import pytest

from asyncflow.display import html
from tests.support.pictures import HOSTILE


@pytest.mark.parametrize("text", [*HOSTILE, "</td><script>alert(1)</script>"])
def test_whatever_people_wrote_is_text(text: str) -> None:
    shown = html.card(text, html.facts({text: text}), html.table((text,), [(text,)]))
    shown += html.printed(text, text) + html.note(text)
    assert "<script" not in shown
    assert "\x1b" not in shown
    shown.encode("utf-8")


def test_facts_that_are_not_known_are_left_out() -> None:
    assert html.facts({"a": 1, "b": None, "c": "", "d": 0}).count("<tr>") == 2


def test_long_cells_and_tables_are_cut() -> None:
    shown = html.table((), [("x" * 500,)] * 150)
    assert shown.count("<tr>") == html.ROWS
    assert "x" * html.CELL not in shown
    assert "and 50 more" in shown
