"""Data nodes: named values."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import attrs

from asyncflow.abc import Driver, Kept
from asyncflow.config.sections import DataNodeConfig, Scope
from asyncflow.entities.engine import Engine
from asyncflow.records import DataNodeRecord


@attrs.define(eq=False)
class Version:
    """One value of a data node; it never changes."""

    number: int
    """Grows with each write."""
    kept: Kept
    at: float
    """When it was written, in seconds since the epoch."""
    job_id: str | None = None
    readers: int = 0
    """How many reads are under way; the value is kept at least so long."""
    replaced: bool = False


@attrs.define(eq=False, repr=False)
class DataNode:
    """A named value of a scenario, or of all scenarios (scope ``GLOBAL``).

    A read gives the last value whose write has ended, whatever is being written.
    """

    id: str
    config: DataNodeConfig
    owner_id: str | None
    """The id of its scenario; None where scenarios share it."""
    driver: Driver
    _engine: Engine
    version: Version | None = attrs.field(init=False, default=None)
    """The current version; None before the first write."""

    @property
    def config_id(self) -> str:
        """The id of its config."""
        return self.config.id

    @property
    def scope(self) -> Scope:
        """Who shares it."""
        return self.config.scope

    @property
    def storage_type(self) -> str:
        """How its values are kept."""
        return self.config.storage_type

    @property
    def last_edit_date(self) -> datetime | None:
        """When it was last written, in UTC; None before the first write."""
        if self.version is None:
            return None

        return datetime.fromtimestamp(self.version.at, UTC)

    async def read(self) -> Any:
        """Read the value: a copy of the caller's own.

        :raises NoData: where it was never written
        """
        return await self._engine.read(self)

    async def write(self, value: object) -> None:
        """Write a value; return when it is kept.

        A job that is running goes on with the value it has. On cancel the value is
        either written as a whole or not at all.

        :raises NotPicklable: where it cannot be kept, naming the part
        """
        await self._engine.write(self, value)

    def record(self) -> DataNodeRecord:
        """Return its facts."""
        version = self.version
        return DataNodeRecord(
            self.id,
            self.config_id,
            self.owner_id,
            version.number if version else None,
            version.kept if version else None,
            version.at if version else None,
            version.job_id if version else None,
        )

    def __repr__(self) -> str:
        date = self.last_edit_date
        state = f"written {date:%F %T}" if date else "never written"
        return f"<DataNode {self.config_id} ({self.storage_type}, {state})>"
