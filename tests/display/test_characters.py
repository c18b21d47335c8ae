"""How wide a text is, and what is shown of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from asyncflow.display.characters import printable, shortened, width


@given(st.text(), st.floats(30, 300))
def test_what_is_shown_fits(text: str, room: float) -> None:
    shown = shortened(printable(text), 13, room)
    assert width(shown, 13) <= room


@given(st.text())
def test_what_is_printable_is_one_line_without_controls(text: str) -> None:
    shown = printable(text)
    assert len(shown.splitlines()) <= 1
    assert not any(ord(character) < 32 for character in shown)


def test_both_ends_are_shown() -> None:
    shown = shortened("begin" + "x" * 100 + "end", 13, 100)
    assert shown.startswith("begin")
    assert shown.endswith("xend")
    assert "…" in shown


def test_signs_of_several_characters_stay_whole() -> None:
    family = "👩\u200d👩\u200d👧"
    shown = shortened(family * 20, 13, 120)
    assert shown.replace("…", "").replace(family, "") == ""


def test_accents_take_no_room() -> None:
    assert width("e\u0301", 10) == width("e", 10)
