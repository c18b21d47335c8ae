"""Texts that SQLite keeps as bytes, as UTF-8 has them not; and bytes that are no text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from asyncflow.stores._rows import Cell, Row
from asyncflow.worker.shortened import is_utf8


def surrogates_escaped(cells: Iterable[Cell]) -> Row:
    """Make bytes of each text that UTF-8 has not: names of files, in a traceback."""
    return tuple(
        cell.encode("utf-8", "surrogatepass")
        if isinstance(cell, str) and not is_utf8(cell)
        else cell
        for cell in cells
    )


def texts(row: Row, blobs: Sequence[bool]) -> Row:
    """Undo `surrogates_escaped`."""
    if bytes not in map(type, row):
        return row

    return tuple(
        text_or_bytes(cell) if isinstance(cell, bytes) and not is_blob else cell
        for cell, is_blob in zip(row, blobs, strict=True)
    )


def text_or_bytes(data: bytes) -> str | bytes:
    """Return a text, or what nobody of us has written as it is."""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data
