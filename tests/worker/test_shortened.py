"""Texts that are kept are bounded: of a long one the beginning and the end are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from asyncflow.worker.shortened import is_utf8, shortened


@given(text=st.text(max_size=500), most=st.integers(100, 600))
def test_a_text_is_no_longer_than_it_may_be(text: str, most: int) -> None:
    found = shortened(text, most)
    assert len(found) <= most
    assert found == text or len(text) > most


def test_a_long_text_keeps_its_ends_and_says_how_much_is_left_out() -> None:
    text = "begin" + "x" * 10_000 + "end"
    found = shortened(text, 100)
    begin, rest = found.split(" ... ", 1)
    said, end = rest.split(" ... ", 1)
    assert (begin[:5], end[-3:]) == ("begin", "end")
    left_out = len(text) - len(begin) - len(end)
    assert said == f"{left_out} characters left out"


def test_half_a_character_is_no_text() -> None:
    assert is_utf8("größe 🎉")
    assert not is_utf8("\ud83c")
