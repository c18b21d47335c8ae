"""Texts that UTF-8 has not are kept as bytes, and come back as texts."""

from __future__ import annotations

import pytest

from asyncflow.stores._sqlite_rows import surrogates_escaped, text_or_bytes, texts


def test_only_what_utf8_has_not_becomes_bytes() -> None:
    row = surrogates_escaped(["é☃\0", "a\udce9", b"\xff", 1, None])
    assert row == ("é☃\0", b"a\xed\xb3\xa9", b"\xff", 1, None)


@pytest.mark.parametrize("text", ["", "a\udce9", "\ud800", "\ud83d\ude00", "😀\udcff"])
def test_a_text_comes_back(text: str) -> None:
    row = surrogates_escaped([text, b"blob"])
    assert texts(row, [False, True]) == (text, b"blob")


def test_bytes_of_a_column_of_bytes_stay() -> None:
    assert texts((b"text", b"text"), [True, False]) == (b"text", "text")


def test_a_row_without_bytes_is_the_same() -> None:
    row = ("a", 1, None)
    assert texts(row, [False] * 3) is row


def test_bytes_that_are_no_text_stay_as_they_are() -> None:
    assert text_or_bytes(b"\xff\xfe") == b"\xff\xfe"
    assert text_or_bytes("é\udcff".encode("utf-8", "surrogatepass")) == "é\udcff"
