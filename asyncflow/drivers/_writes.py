"""The table of a database that has a row for each write that is to be there once."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, Table

NAME = "asyncflow_writes"

KEPT_FOR = 30 * 86_400.0
"""After how many seconds a row goes: nobody asks for it any more."""


def note(connection: Connection, engine: Engine, path: str) -> None:
    """Add a row in a transaction; make the table if there is none.

    :param connection: has begun the transaction
    :param engine: makes other connections to the database
    :param path: what `Driver.write` was given: no other write has it
    """
    table = _table()

    if engine.dialect.name == "sqlite":  # another connection would wait
        table.create(connection, checkfirst=True)
    else:  # what makes a table commits in some databases
        with engine.begin() as another:
            table.create(another, checkfirst=True)

    now = time.time()
    is_old = table.c.written_at < now - KEPT_FOR
    connection.execute(table.delete().where(is_old | (table.c.id == _id(path))))
    connection.execute(table.insert(), {"id": _id(path), "written_at": now})


def is_noted(connection: Connection, path: str) -> bool:
    """Tell whether a write was committed."""
    from sqlalchemy import inspect, select

    table = _table()

    if not inspect(connection).has_table(NAME):
        return False

    found = connection.execute(select(table.c.id).where(table.c.id == _id(path)))
    return found.first() is not None


def _id(path: str) -> str:
    return os.path.basename(path)


def _table() -> Table:
    from sqlalchemy import Column, Double, MetaData, String, Table

    return Table(
        NAME,
        MetaData(),
        Column("id", String(200), primary_key=True),
        Column("written_at", Double, nullable=False),
    )
