"""The store that keeps records in an SQLite file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self, TypeAlias

import attrs
from anyio import CancelScope, CapacityLimiter, to_thread

from asyncflow.abc import Store
from asyncflow.errors import NotOpen, StoreFailed, UsageError
from asyncflow.records import (
    DataNodeRecord,
    JobRecord,
    Record,
    ScenarioRecord,
    SubmissionRecord,
)
from asyncflow.stores._rows import Row, dump
from asyncflow.stores._sqlite import DELETE, Database
from asyncflow.stores._writer import Writer

Change: TypeAlias = Sequence[tuple[str, Row]]


@attrs.define(eq=False)
class Open:
    """What an open store has."""

    database: Database
    writer: Writer[Change]
    readers: CapacityLimiter = attrs.field(
        init=False, factory=lambda: CapacityLimiter(1)
    )


def _text(path: str | os.PathLike[str]) -> str:
    return os.fspath(path)


@attrs.define(eq=False)
class SqliteStore(Store):
    """Keep records in an SQLite file. Several processes may use one file at a time.

    What was flushed survives the end of the process, by `kill -9` too. After a power
    failure the file is whole, but the last seconds may be missing: the write-ahead log
    reaches the disk when SQLite merges it (``synchronous=NORMAL``). The file must be on
    a local disk.

    Properties are kept as JSON where that gives the same value back, otherwise pickled:
    open files only that you trust.

    :param path: the file; it is made, with its folder, where it is missing
    :param busy_timeout: how long to wait while other processes write, in seconds
    """

    path: str = attrs.field(converter=_text)
    busy_timeout: float = 30.0
    _opened: Open | None = attrs.field(init=False, default=None)

    async def __aenter__(self) -> Self:
        if self._opened is not None:
            raise UsageError(f"the store {self.path} is open already: make another")

        with CancelScope(shield=True):  # what is open would be lost
            self._opened = await self._open()

        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        opened, self._opened = self._now_open(), None

        with CancelScope(shield=True):
            await to_thread.run_sync(_close, opened, limiter=opened.readers)

        if not isinstance(error, StoreFailed):
            _raise_failure(opened)

    def save(self, *records: Record) -> None:
        self._now_open().writer.put([dump(record) for record in records])

    async def flush(self) -> None:
        await self._settled()

    async def delete(self, *record_ids: str) -> None:
        self._now_open().writer.put([(DELETE, record_ids)])
        await self.flush()

    async def get(self, record_id: str) -> Record | None:
        opened = await self._settled()
        found: Record | None = await to_thread.run_sync(
            opened.database.find, record_id, limiter=opened.readers
        )
        return found

    async def scenarios(
        self,
        *,
        config_id: str | None = None,
        name: str | None = None,
        created_from: float | None = None,
        created_to: float | None = None,
        newest_first: bool = False,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[ScenarioRecord]:
        return await self._read(
            "scenario",
            config_id=config_id,
            name=name,
            created_from=created_from,
            created_to=created_to,
            newest_first=newest_first,
            limit=limit,
            offset=offset,
        )

    async def data_nodes(
        self,
        *,
        owner_id: str | None = None,
        newest_first: bool = False,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[DataNodeRecord]:
        return await self._read(
            "data_node",
            owner_id=owner_id,
            newest_first=newest_first,
            limit=limit,
            offset=offset,
        )

    async def submissions(
        self,
        *,
        entity_id: str | None = None,
        status: str | None = None,
        newest_first: bool = False,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[SubmissionRecord]:
        return await self._read(
            "submission",
            entity_id=entity_id,
            status=status,
            newest_first=newest_first,
            limit=limit,
            offset=offset,
        )

    async def jobs(
        self,
        *,
        submission_id: str | None = None,
        task_id: str | None = None,
        status: str | None = None,
        newest_first: bool = False,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[JobRecord]:
        return await self._read(
            "job",
            submission_id=submission_id,
            task_id=task_id,
            status=status,
            newest_first=newest_first,
            limit=limit,
            offset=offset,
        )

    def _now_open(self) -> Open:
        if self._opened is None:
            raise NotOpen(
                f"the store {self.path} is not open: use `async with` around it"
            )

        return self._opened

    async def _open(self) -> Open:
        database = await to_thread.run_sync(Database.open, self.path, self.busy_timeout)
        opened = Open(database, Writer(database.write, "asyncflow-store"))
        await to_thread.run_sync(opened.writer.start)
        return opened

    async def _settled(self) -> Open:
        """Wait until what was saved before is written."""
        opened = self._now_open()
        await opened.writer.settle()
        _raise_failure(opened)
        return opened

    async def _read(
        self,
        table: str,
        limit: int | None = None,
        offset: int = 0,
        **filters: str | float | None,
    ) -> list[Any]:
        opened = await self._settled()
        parameters = {
            **filters,
            "limit": -1 if limit is None else limit,
            "offset": offset,
        }
        return await to_thread.run_sync(
            opened.database.read, table, parameters, limiter=opened.readers
        )


def _close(opened: Open) -> None:
    try:
        opened.writer.stop()
    finally:
        opened.database.close()


def _raise_failure(opened: Open) -> None:
    """Raise what a write raised, as an error of its own for each who asks."""
    failure = opened.writer.failure

    if isinstance(failure, StoreFailed):
        raise StoreFailed(failure.file, failure.problem, failure.remedy) from failure

    if failure is not None:  # no error of SQLite's
        problem = f"a change could not be written ({failure!r})"
        raise StoreFailed(opened.database.file, problem, "report it") from failure
