"""Databases for tests: SQLite, and PostgreSQL where it is installed."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import attrs
import pytest
from sqlalchemy import create_engine, text

from asyncflow.drivers.sql import SqlOptions, SqlQueryDriver
from asyncflow.drivers.sql_table import SqlTableDriver, SqlTableOptions
from tests.support.postgres import Server

_names = itertools.count()


@attrs.frozen
class Database:
    """A database with a table ``items``."""

    url: str

    def run(self, *statements: str) -> None:
        engine = create_engine(self.address)

        with engine.begin() as connection:
            for statement in statements:
                connection.execute(text(statement))

        engine.dispose()

    def rows(self, table: str = "items") -> list[tuple[Any, ...]]:
        engine = create_engine(self.address)

        with engine.connect() as connection:
            query = text(f"SELECT * FROM {table} ORDER BY 1")
            found = [tuple(row) for row in connection.execute(query)]

        engine.dispose()
        return found

    @property
    def address(self) -> str:
        return self.url.replace("postgresql://", "postgresql+psycopg://")

    def table(self, **options: Any) -> SqlTableDriver:
        given = {"url": self.url, "table_name": "items", "exposed_type": "list[dict]"}
        return SqlTableDriver(None, SqlTableOptions(**{**given, **options}))

    def query(self, **options: Any) -> SqlQueryDriver:
        given = {"url": self.url, "exposed_type": "list[dict]"}
        return SqlQueryDriver(None, SqlOptions(**{**given, **options}))


@pytest.fixture(scope="session")
def server_or_none(request: pytest.FixtureRequest) -> Server | None:
    """Return the server; None where there is no PostgreSQL."""
    try:
        found: Server = request.getfixturevalue("server")
    except pytest.skip.Exception:
        return None

    return found


@pytest.fixture(params=["sqlite", "postgresql"])
def database(
    request: pytest.FixtureRequest, tmp_path: Path, server_or_none: Server | None
) -> Database:
    if request.param == "sqlite":
        found = Database(f"sqlite:///{tmp_path / 'shop.db'}")
    elif server_or_none is None:
        pytest.skip("no PostgreSQL here")
    else:
        name = f"shop{next(_names)}"
        server_or_none.run(f"CREATE DATABASE {name}")
        found = Database(server_or_none.url(name))

    found.run(
        "CREATE TABLE items (id INTEGER PRIMARY KEY, name VARCHAR(99), price FLOAT)",
        "CREATE TABLE others (id INTEGER PRIMARY KEY)",
    )
    return found
