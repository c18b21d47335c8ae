"""What a database takes, as it says itself."""

from __future__ import annotations

from asyncflow.abc.sizes import StoreSizes
from asyncflow.stores._open_database import OpenDatabase
from asyncflow.stores._rows import Row


async def sizes_of(opened: OpenDatabase, patience: float) -> StoreSizes:
    """Ask a database what it takes.

    :param patience: how long to try where it cannot be read for now, in seconds
    :raises StoreFailed: where it cannot be read
    """
    rows = await opened.answer(
        patience, lambda database: database.read("sizes", {}, _load)
    )
    tables = dict(rows)
    database, logs, values = map(tables.pop, ("database", "logs", "values"))
    return StoreSizes(database, logs, values, tables)


def _load(row: Row) -> tuple[str, int]:
    name, size = row
    assert isinstance(size, int | float)
    return str(name), int(size)
