"""The stores, for tests that each of them runs."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from asyncflow.abc import Store
from asyncflow.records import Record
from asyncflow.stores.memory import MemoryStore
from asyncflow.stores.postgres import PostgresStore
from asyncflow.stores.sqlite import SqliteStore
from tests.support.postgres import database as database
from tests.support.postgres import server as server
from tests.support.postgres import tables as tables

SHARED = ("sqlite", "postgres")
"""Those that several may have open at a time."""

STORES = ("memory", *SHARED)


async def fill(path: Path, *records: Record) -> None:
    """Save records in an SQLite file."""
    async with SqliteStore(path) as store:
        store.save(*records)


def change(path: Path, *statements: str, cells: Sequence[object] = ()) -> None:
    """Change a closed SQLite file behind our back.

    :param cells: for the question marks of each statement
    """
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement, cells)


class Place(NamedTuple):
    """Where records are. Its parts are texts, to be told to another process."""

    kind: str
    name: str
    """A file, or a URL."""
    folder: str

    def store(self) -> Store:
        """Make a store; each has the same records, if it is not in memory."""
        if self.kind == "memory":
            return MemoryStore()

        if self.kind == "sqlite":
            return SqliteStore(self.name)

        return PostgresStore(self.name, self.folder)


@pytest.fixture(scope="session")
def kind(request: pytest.FixtureRequest) -> str:
    """Return the kind of store; a server begins now, as it outlives the tests."""
    if request.param == "postgres":
        request.getfixturevalue("server")

    return str(request.param)


@pytest.fixture
def place(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    name = str(tmp_path / "made" / "asyncflow.db")

    if kind == "postgres":
        database = request.getfixturevalue("tables")
        name = request.getfixturevalue("server").url(database)

    return Place(kind, name, str(tmp_path / "values"))
