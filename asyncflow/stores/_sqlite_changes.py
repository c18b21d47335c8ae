"""What others commit in an SQLite file: looked for while somebody listens."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs
from anyio import sleep, to_thread

from asyncflow.abc.changes import Change, ChangeFeed
from asyncflow.errors import StoreUnavailable
from asyncflow.log import logger as _logger

if TYPE_CHECKING:
    from asyncflow.stores._command import Parameters
    from asyncflow.stores._open_database import OpenDatabase
    from asyncflow.stores._rows import Row
    from asyncflow.stores._store import DatabaseStore

LOOK = 0.5
"""How often it is looked whether others have committed anything, in seconds."""


@attrs.define(eq=False, repr=False)
class SqliteChanges(ChangeFeed):
    """Reads what others note of their changes while this one listens."""

    _store: DatabaseStore
    _listener_id: str
    _opened: OpenDatabase = attrs.field(init=False)
    _last: int = attrs.field(init=False, default=0)
    """The number of the last change that was read."""
    _version: object = attrs.field(init=False, default=None)
    """What the file had of others when it was looked at last."""

    async def open(self) -> None:
        self._opened = await self._store.listen(self._listener_id, listens=True)
        (self._last,) = await self._ask("last_change", {}, _first)

    async def next(self) -> list[Change]:
        while True:
            try:
                if changes := await self._look():
                    return changes
            except StoreUnavailable:  # told by who writes
                pass

            await sleep(LOOK)

    async def close(self) -> None:
        await self._store.listen(self._listener_id, listens=False)

    async def _look(self) -> list[Change]:
        (version,) = await self._ask("data_version", {}, _first)

        if version == self._version:
            return []

        found = await self._ask("changes", {"since": self._last}, _numbered)

        if not found:
            self._version = version
            return []

        if (lost := found[0][0] - self._last - 1) > 0:
            problem = "%s changes by other processes came too fast to be told"
            _logger.warning(problem, lost)

        self._last = found[-1][0]
        return [change for _, change in found]

    async def _ask(
        self, name: str, parameters: Parameters, load: Callable[[Row], Any]
    ) -> list[Any]:
        """Ask the file, whatever is still to be written here."""
        read = partial(self._opened.database.read, name, parameters, load)
        return await to_thread.run_sync(read, limiter=self._opened.readers)


def _first(row: Row) -> Any:
    return row[0]


def _numbered(row: Row) -> tuple[int, Change]:
    number, maker_id, at, operation, entity_id, attributes = row
    names = tuple(name for name in str(attributes).split(",") if name)
    change = Change(str(maker_id), float(at), str(operation), str(entity_id), names)  # type: ignore[arg-type]  # a number
    return int(number), change  # type: ignore[arg-type]  # likewise
