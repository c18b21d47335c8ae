"""Texts that PostgreSQL cannot keep: with NUL, or what UTF-8 has not (surrogates)."""

from __future__ import annotations

from collections.abc import Iterable

from asyncflow.stores._rows import Cell, Row

MARK = "\ufdd0"
"""Begins an escaped text: Unicode has no character there, and never will have."""


def escaped(cells: Iterable[Cell]) -> Row:
    """Escape the texts that cannot be kept. Different texts stay different."""
    return tuple(
        _escape(cell) if isinstance(cell, str) and not _is_plain(cell) else cell
        for cell in cells
    )


def unescaped(cells: Iterable[Cell]) -> Row:
    """Undo `escaped`."""
    return tuple(
        _unescape(cell) if isinstance(cell, str) and cell.startswith(MARK) else cell
        for cell in cells
    )


def _is_plain(text: str) -> bool:
    if "\0" in text:
        return False

    if text.isascii():
        return True

    try:
        text.encode()
    except UnicodeEncodeError:
        return False

    return not text.startswith(MARK)


def _escape(text: str) -> str:
    return MARK + text.encode("unicode_escape").decode("ascii")


def _unescape(text: str) -> str:
    return text.removeprefix(MARK).encode("ascii").decode("unicode_escape")
