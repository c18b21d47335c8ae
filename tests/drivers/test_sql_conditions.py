"""Conditions on databases pick the rows that they pick of what is read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest

from asyncflow.abc import Driver
from asyncflow.errors import DataNodeReadingError
from asyncflow.filters import Operator, as_where
from asyncflow.selection import select
from tests.support.databases import Database
from tests.support.databases import database as database
from tests.support.databases import server_or_none as server_or_none
from tests.support.postgres import server as server

COLUMNS = (
    "id INTEGER, size REAL, name TEXT, day DATE, at TIMESTAMP, clock TIME, flag BOOLEAN"
)
WRITTEN = [
    "1, 0.1, '1', '2024-01-01', '2024-01-01 00:00:00', '10:00:00', true",
    "2, 0.2, '2', '2024-01-02', '2024-01-02 12:30:00.5', '10:00:00.500', false",
    "3, 0.3, '3', '2024-01-03', '2024-01-03', '11:00', NULL",
    "4, NULL, NULL, NULL, NULL, NULL, NULL",
]
"""As others than SQLAlchemy write it."""


@pytest.fixture
def table(database: Database) -> Driver:
    rows = ", ".join(f"({row})" for row in WRITTEN)
    database.run(f"CREATE TABLE kinds ({COLUMNS})", f"INSERT INTO kinds VALUES {rows}")
    return database.table(table_name="kinds")


def outcome(found: Callable[[], Any]) -> list[int]:
    """Return what is picked; nothing where it is refused."""
    try:
        return [row["id"] for row in found()]
    except DataNodeReadingError as error:
        if "cannot be compared" not in str(error):
            raise

        return []


DAY = datetime.fromisoformat("2024-01-02")
NOON = datetime.fromisoformat("2024-01-02 12:30:00.500")
VALUES: list[tuple[str, object]] = [
    ("id", 2),
    ("id", np.int64(2)),
    ("id", np.float64(1.5)),
    ("id", Decimal(2)),
    ("id", True),
    ("name", np.str_("2")),
    ("day", date(2024, 1, 2)),
    ("day", DAY),
    ("day", NOON),
    ("day", pd.Timestamp(2024, 1, 2)),
    ("day", "2024-01-02"),
    ("at", date(2024, 1, 2)),
    ("at", NOON),
    ("at", np.datetime64("2024-01-03")),
    ("at", "2024-01-01"),
    ("clock", time(10)),
    ("clock", time(10, 0, 0, 500_000)),
    ("flag", True),
    ("flag", np.bool_(False)),
]


def test_the_same_rows(table: Driver, database: Database) -> None:
    rows = table.read(None)
    is_server = "sqlite" not in database.url  # which compares by itself

    for column, value in VALUES:
        for how in (
            (Operator.EQUAL, Operator.GREATER_OR_EQUAL) if is_server else Operator
        ):
            where = as_where((column, value, how))
            expected = outcome(partial(select, rows, None, where))
            assert outcome(partial(table.read, None, where=where)) == expected, where
            assert expected or how not in (
                Operator.NOT_EQUAL,
                Operator.GREATER_OR_EQUAL,
            )


def test_what_is_of_another_type_is_refused(table: Driver) -> None:
    zoned = datetime(2024, 1, 2, tzinfo=UTC)

    for column, value in [("id", "2"), ("name", 2), ("at", 2), ("at", zoned)]:
        with pytest.raises(
            DataNodeReadingError,
            match=f"column '{column}' cannot be compared .*: compare",
        ):
            table.read(None, where=as_where((column, value)))


def test_a_real_is_compared_as_it_is_read(table: Driver) -> None:
    where = as_where(("size", 0.2))
    assert outcome(partial(table.read, None, where=where)) == [2]


COUNTS = {"==": [2], "!=": [1, 3], "<": [1], "<=": [1, 2], ">": [3], ">=": [2, 3]}


def test_columns_of_a_query(table: Driver, database: Database) -> None:
    query = database.query(read_query="SELECT * FROM kinds WHERE id < 4")

    for how, expected in COUNTS.items():
        for column, value in [
            ("id", np.int64(2)),
            ("day", DAY),
            ("at", NOON),
        ]:
            where = as_where((column, value, how))
            assert outcome(partial(query.read, None, where=where)) == expected, where

        found = outcome(partial(query.read, None, where=as_where(("flag", True, how))))
        assert (1 in found) is (how in ("==", "<=", ">="))


def test_a_query_of_sqlite_takes_no_text_for_a_number(
    table: Driver, database: Database
) -> None:
    query = database.query(read_query="SELECT * FROM kinds WHERE id < 4")

    if "sqlite" in database.url:
        for column, value in [("id", "2"), ("name", 2)]:
            for how, expected in [("==", []), ("<", []), ("!=", [1, 2, 3])]:
                where = as_where((column, value, how))
                assert outcome(partial(query.read, None, where=where)) == expected
