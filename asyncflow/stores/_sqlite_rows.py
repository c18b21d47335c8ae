"""Rows as SQLite has them: texts that UTF-8 has not, and statements that insert many."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from asyncflow.stores._rows import Cell, Column, Row
from asyncflow.worker.shortened import is_utf8

SIZES = (64, 16)
"""How many rows one statement inserts, the more the better; single ones are left. To
compile it takes SQLite as long as to insert these rows once."""

LARGE = 128
"""How many one inserts that pays where rows come by the thousand, and no earlier."""

MANY = 2048
"""How many rows that is."""


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


def combined(text: str, columns: Sequence[Column]) -> tuple[str, Sequence[Any]]:
    """Make a statement that inserts one row insert several; return its cells, too.

    Python holds its lock while it binds them, SQLite does the rest without: what all rows
    have alike is bound once, and comes first.
    """
    alike: list[Any] = []
    others: list[Iterable[Any]] = []
    marks: list[str] = []
    varied = _varied.setdefault(text, {0})

    for place, column in enumerate(columns):
        if place not in varied and _is_alike(column):
            marks.append("?")
            alike.append(column[0])
        else:
            varied.add(place)
            others.append(_unadapted(column))
            marks.append(f"column{len(others)}")

    width, size = len(others), len(columns[0])
    cells = [*alike, *[None] * (width * size)]

    for place, other in enumerate(others, len(alike)):
        cells[place::width] = other

    return _repeated(text, tuple(marks), size), cells


_varied: dict[str, set[int]] = {}
"""For each statement, the columns that are not bound once any more: the first one, and
those that were not alike before. Each choice is a statement of its own for SQLite, which
takes as long to compile as some hundred rows take to insert."""


def _is_alike(column: Column) -> bool:
    """Tell whether all cells are the same; of numbers only where they are zero, as others
    hardly ever are.
    """
    first = column[0]
    may_be = type(first) not in (int, float) or not first
    return may_be and column.count(first) == len(column)


def _unadapted(column: tuple[Any, ...]) -> Iterable[Any]:
    """Make of cells what SQLite gets of them, where Python knows it at once.

    It binds numbers and texts at once. For each None, truth value or bytes it looks for
    an adapter first, which takes longer than the rest.
    """
    kind = type(column[0])

    if kind is bool:
        return map(int, column)

    if kind is bytes and {*map(type, column)} == {bytes}:
        return map(bytearray, column)

    return column


def sizes_of(text: str, width: int, parameters: int, so_far: int) -> list[int]:
    """Return how many rows a statement may insert.

    :param width: how many cells a row has
    :param parameters: how many a statement may have
    :param so_far: how many rows there were to insert, these included
    """
    if _values(width) not in text:
        return []

    sizes = SIZES if so_far < MANY else (LARGE, *SIZES)
    return [size for size in sizes if size * width <= parameters]


@lru_cache(64)
def _repeated(text: str, marks: Sequence[str], size: int) -> str:
    """Make a statement that inserts one row insert several.

    :param marks: what each cell of a row is: ``?`` for one that all rows have alike, or
        a column of the others
    :param size: how many rows
    """
    row = f"({', '.join('?' * (len(marks) - marks.count('?')))})"
    others = f"(VALUES {', '.join([row] * size)})"
    # Without a condition, ON CONFLICT would be read as that of a join.
    select = " ".join(("SELECT", ", ".join(marks), "FROM", others, "WHERE TRUE"))
    return text.replace(_values(len(marks)), select)


def _values(width: int) -> str:
    return f"VALUES ({', '.join('?' * width)})"
