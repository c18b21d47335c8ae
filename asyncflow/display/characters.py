"""How wide a text is, about: nobody knows the font that a reader has."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

_NARROW = frozenset("ijl.,:;'|!()[]{}I`\"")
_SLIM = frozenset("rtf-/ ")
_BROAD = frozenset("mwMW@%&")
ELLIPSIS = "…"
REPLACEMENT = "\ufffd"
"""What is shown for what cannot be seen."""


def width(text: str, size: float) -> float:
    """Return how wide a text is, in pixels, in most sans-serif fonts: not less.

    :param size: that of the font, in pixels
    """
    return size * sum(map(_em, text))


def shortened(text: str, size: float, room: float) -> str:
    """Return a text that fits; what is left out is in its middle.

    :param size: that of the font, in pixels
    :param room: how wide it may be, in pixels
    """
    if width(text, size) <= room:
        return text

    left = room - width(ELLIPSIS, size)
    head, tail, takes_head = "", "", True
    front, back = _clusters(text), _clusters(text[::-1])

    while True:
        part = next(front) if takes_head else next(back)
        left -= width(part, size)

        if left < 0:
            return head + ELLIPSIS + tail

        head, tail = (head + part, tail) if takes_head else (head, part[::-1] + tail)
        takes_head = not takes_head


def printable(text: str) -> str:
    """Return a text in one line, of characters that XML may have and readers can see."""
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    if character.isspace():
        return " "

    category = unicodedata.category(character)

    if category in ("Cc", "Cs", "Cn", "Co") or (
        category == "Cf" and character != "\u200d"
    ):
        return REPLACEMENT

    return character


def _clusters(text: str) -> Iterator[str]:
    """Yield the parts of a text that are not to be cut: about one sign each."""
    part = ""

    for character in text:
        if part and not _joins(character) and not _joins(part[-1]):
            yield part
            part = ""

        part += character

    if part:
        yield part


def _joins(character: str) -> bool:
    is_mark = unicodedata.combining(character) or unicodedata.category(character) in (
        "Mn",
        "Me",
    )
    return (
        bool(is_mark)
        or character == "\u200d"
        or "\U0001f3fb" <= character <= "\U0001f3ff"
    )


def _em(character: str) -> float:
    if unicodedata.combining(character) or character in "\u200d\ufe0f":
        return 0.0

    if character == REPLACEMENT:
        return 1.05

    if unicodedata.east_asian_width(character) in "WF":
        return 1.3 if character >= "\U0001f000" else 1.05

    if character in _NARROW:
        return 0.34

    if character in _SLIM:
        return 0.42

    if character in _BROAD:
        return 0.95

    return 0.72 if character.isupper() or character >= "\u0100" else 0.6
