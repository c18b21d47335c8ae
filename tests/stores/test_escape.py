"""Texts that PostgreSQL cannot keep are escaped, and come back as they were."""

from __future__ import annotations

import pytest

from asyncflow.stores import _escape


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "é☃",
        "\0",
        "a\0b",
        "\ud800",
        "\ud83d\ude00",
        "😀\udcff",
        "\ufdd0",
        "\\x",
    ],
)
def test_an_escaped_text_comes_back(text: str) -> None:
    (kept,) = _escape.escaped([text])
    assert isinstance(kept, str)
    assert "\0" not in kept
    kept.encode()
    assert _escape.unescaped([kept]) == (text,)


def test_what_can_be_kept_stays_as_it_is() -> None:
    row = ("é☃", b"\0", 1, None, "\\ud800")
    assert _escape.escaped(row) == row
    assert _escape.unescaped(row) == row


def test_different_texts_stay_different() -> None:
    texts = ["\0", "\\x00", "\ufdd0\\x00", "\ufdd0", "\ud800", "\\ud800"]
    assert len({*_escape.escaped(texts)}) == len(texts)
