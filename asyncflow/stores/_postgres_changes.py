"""What others commit in a PostgreSQL database: the server tells it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import attrs
import psycopg
from anyio import CancelScope, sleep, to_thread, wait_readable

from asyncflow.abc.changes import Change, ChangeFeed
from asyncflow.errors import StoreUnavailable
from asyncflow.log import logger as _logger

if TYPE_CHECKING:
    from asyncflow.stores._postgres import PostgresDatabase
    from asyncflow.stores._store import DatabaseStore

AGAIN = 1.0
"""How long to wait where the server cannot be reached, in seconds."""


@attrs.define(eq=False, repr=False)
class PostgresChanges(ChangeFeed):
    """Hears what the triggers of others' transactions tell, on a connection of its own."""

    _store: DatabaseStore
    _listener_id: str
    _database: PostgresDatabase = attrs.field(init=False)
    _connection: psycopg.Connection[Any] | None = attrs.field(init=False, default=None)

    async def open(self) -> None:
        opened = await self._store.listen(self._listener_id, listens=True)
        self._database = opened.database  # type: ignore[assignment]  # of this store
        await self._connect()

    async def next(self) -> list[Change]:
        while True:
            try:
                if self._connection is None:
                    await self._connect()

                if changes := await self._hear():
                    return changes
            except (psycopg.Error, OSError, StoreUnavailable) as error:
                await self._lost(error)

    async def close(self) -> None:
        with CancelScope(shield=True):
            await self._disconnect()
            await self._store.listen(self._listener_id, listens=False)

    async def _connect(self) -> None:
        with CancelScope(shield=True):  # what is open would be lost
            self._connection = await to_thread.run_sync(self._database.hear)

    async def _hear(self) -> list[Change]:
        assert self._connection is not None
        await wait_readable(self._connection.fileno())
        server = self._connection.pgconn
        server.consume_input()
        changes: list[Change] = []

        while notice := server.notifies():
            changes.append(_change(notice.extra))

        return changes

    async def _lost(self, error: Exception) -> None:
        if self._connection is not None:
            problem = "what other processes do was not told for a while: %s"
            _logger.warning(problem, error)

        await self._disconnect()
        await sleep(AGAIN)

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None

        if connection is not None:
            await to_thread.run_sync(connection.close)


def _change(notice: bytes) -> Change:
    maker_id, at, operation, entity_id, attributes = json.loads(notice)
    names = tuple(name for name in attributes.split(",") if name)
    return Change(maker_id, float(at), operation, entity_id, names)
