"""Texts that UTF-8 has not are kept as bytes, and come back as texts."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest

from asyncflow.stores._rows import Column
from asyncflow.stores._sqlite_rows import (
    LARGE,
    MANY,
    SIZES,
    combined,
    sizes_of,
    surrogates_escaped,
    text_or_bytes,
    texts,
)


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


def inserted(text: str, columns: list[Column]) -> tuple[str, int, list[Any]]:
    """Return the statement that inserts rows, how many cells it has, and the rows."""
    with sqlite3.connect(":memory:") as connection:
        connection.execute("CREATE TABLE kept (a TEXT, b, c)")
        statement, cells = combined(text, columns)
        connection.execute(statement, cells)
        rows = connection.execute("SELECT * FROM kept").fetchall()

    connection.close()
    return statement, len(cells), rows


def test_what_all_rows_have_alike_is_bound_once() -> None:
    text = "INSERT INTO kept (a, b, c) VALUES (?, ?, ?)"
    columns: list[Column] = [("x", "y"), (None, None), (0.0, 0.0)]
    _, count, rows = inserted(text, columns)
    assert (count, rows) == (4, [*zip(*columns, strict=True)])


def test_a_number_but_zero_is_bound_for_each_row() -> None:
    text = "INSERT INTO kept (b, c) VALUES (?, ?)"
    _, count, rows = inserted(text, [("x", "y"), (7, 7)])
    assert (count, rows) == (4, [(None, "x", 7), (None, "y", 7)])


def test_a_column_that_was_not_alike_once_makes_no_statement_of_its_own_later() -> None:
    text = "INSERT INTO kept (a, c) VALUES (?, ?)"
    first, count, _ = inserted(text, [("x", "y"), ("same", "same")])
    assert count == 3
    second, _, _ = inserted(text, [("x", "y"), ("same", "other")])
    third, count, rows = inserted(text, [("x", "y"), ("same", "same")])
    assert (third, count) == (second, 4) != (first, 3)
    assert rows == [("x", None, "same"), ("y", None, "same")]


def test_a_large_statement_is_made_where_rows_come_by_the_thousand_alone() -> None:
    text = "INSERT INTO kept (a, b) VALUES (?, ?)"
    assert sizes_of(text, 2, 999, MANY - 1) == [*SIZES]
    assert sizes_of(text, 2, 999, MANY) == [LARGE, *SIZES]
    assert sizes_of(text, 2, 2 * SIZES[0], MANY) == [*SIZES]
    assert sizes_of("UPDATE kept SET a = ? WHERE b = ?", 2, 999, MANY) == []
