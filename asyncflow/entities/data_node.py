"""Data nodes: named values."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any, Protocol

import attrs

from asyncflow.abc import Driver
from asyncflow.config.sections import DataNodeConfig, Scope
from asyncflow.facts import Facts
from asyncflow.records import DataNodeRecord
from asyncflow.runs.version import Version

LOCKED_FOR = 1800.0
"""How long `DataNode.lock_edit` locks unless told otherwise, in seconds."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Edit(Facts):
    """A write of a data node that has ended."""

    version: int
    """The number of the version that it made."""

    at: datetime
    """When, in UTC."""

    job_id: str | None
    """The job that wrote; None for a write by hand."""

    editor_id: str | None
    """Who wrote by hand, as far as that was told."""

    comment: str
    """What the writer said about it."""

    is_kept: bool
    """Whether the value can still be read: ``await node.read(version=edit.version)``."""


class DataNodeVerbs(Protocol):
    """What a data node asks of the orchestrator that made it."""

    def will_be_written(self, node: DataNode) -> bool: ...

    async def read(self, node: DataNode, version: int | None) -> Any: ...

    async def write(
        self, node: DataNode, value: object, *, editor_id: str | None, comment: str
    ) -> None: ...

    async def edits(self, node: DataNode) -> tuple[Edit, ...]: ...

    async def lock(
        self, node: DataNode, editor_id: str, timeout: float | None
    ) -> None: ...

    async def unlock(self, node: DataNode, editor_id: str | None) -> None: ...


@attrs.define(eq=False, repr=False)
class DataNode:
    """A named value of a scenario, or of all scenarios (scope ``GLOBAL``).

    A read gives the last value whose write has ended, whatever is being written. The
    attributes tell what this process knows: what other processes wrote shows after the
    next ``await`` of one of its methods, or of ``orchestrator.get``.
    """

    id: str
    config: DataNodeConfig
    owner_id: str | None
    """The id of its scenario; None where scenarios share it."""
    driver: Driver
    directory: str | None = attrs.field()
    """Where its relative path begins, seen from the folder of the store; None where it
    has none."""
    _verbs: DataNodeVerbs
    version: Version | None = attrs.field(init=False, default=None)
    """The current version; None before the first write."""
    older: list[Version] = attrs.field(init=False, factory=list)
    """The versions before it that are kept, the oldest first."""
    editor_id: str | None = attrs.field(init=False, default=None)
    """Who has locked it, as far as is known here; see `lock_edit`."""
    editor_expires: float | None = attrs.field(init=False, default=None)
    is_compared: bool = attrs.field(init=False, default=False)
    """Whether skippable tasks read it, so that what its values are is of interest."""

    @property
    def versions(self) -> tuple[Version, ...]:
        """All versions that are kept, the oldest first."""
        return (*self.older, self.version) if self.version else ()

    @property
    def key(self) -> str:
        """What its readers and writers take turns by: its file, if it is the user's."""
        return self.driver.place or self.id

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
        return None if self.version is None else self.version.at

    @property
    def expiration_date(self) -> datetime | None:
        """When its value stops being valid, in UTC; None for never, or without one."""
        period = self.config.validity_period

        if period is None or self.version is None:
            return None

        try:
            return self.version.at + period
        except OverflowError:  # beyond the calendar
            return None

    @property
    def is_valid(self) -> bool:
        """Whether it has a value whose validity period has not ended."""
        date = self.expiration_date
        return self.version is not None and (date is None or datetime.now(UTC) < date)

    @property
    def edit_in_progress(self) -> bool:
        """Whether it is locked, or a submitted job is going to write it."""
        return self.is_locked or self._verbs.will_be_written(self)

    @property
    def is_ready_for_reading(self) -> bool:
        """Whether it has a valid value, and nobody is about to replace it."""
        return self.is_valid and not self.edit_in_progress

    @property
    def is_locked(self) -> bool:
        """Whether somebody has locked it, as far as is known here."""
        if self.editor_id is None:
            return False

        return self.editor_expires is None or time.time() < self.editor_expires

    @property
    def editor_expiration_date(self) -> datetime | None:
        """When the lock ends by itself, in UTC."""
        if self.editor_expires is None:
            return None

        return datetime.fromtimestamp(self.editor_expires, UTC)

    async def read(self, version: int | None = None) -> Any:
        """Read the value: a copy of the caller's own.

        :param version: the number of an earlier version, of `edits`; None for the
            current one
        :raises NoData: where it was never written, or that version is not kept
        :raises ValueDamaged: where its file is missing or damaged
        """
        return await self._verbs.read(self, version)

    async def write(
        self, value: object, *, editor_id: str | None = None, comment: str = ""
    ) -> None:
        """Write a value; return when it is durable.

        A job that is running goes on with the value it has. On cancel the value is
        either written as a whole or not at all.

        :param editor_id: who writes; needed where the data node is locked
        :param comment: kept with the edit
        :raises DataNodeIsBeingEdited: where somebody else has locked it
        :raises NotPicklable: where it cannot be kept, naming the part
        """
        await self._verbs.write(self, value, editor_id=editor_id, comment=comment)

    async def edits(self) -> tuple[Edit, ...]:
        """Return every write that has ended, the oldest first."""
        return await self._verbs.edits(self)

    async def lock_edit(
        self, editor_id: str, *, timeout: float | None = LOCKED_FOR
    ) -> None:
        """Lock it against writes by hand of others; whoever has the lock renews it.

        Runs go on: jobs read the current version, and may write.

        :param editor_id: who locks it: any text that says so
        :param timeout: after how many seconds the lock ends by itself; None for never
        :raises DataNodeIsBeingEdited: where somebody else has locked it
        """
        await self._verbs.lock(self, editor_id, timeout)

    async def unlock_edit(self, editor_id: str | None = None) -> None:
        """Take the lock away.

        :param editor_id: whose lock it must be; None takes away anybody's
        :raises DataNodeIsBeingEdited: where it is somebody else's
        """
        await self._verbs.unlock(self, editor_id)

    def take_lock(self, record: DataNodeRecord) -> None:
        """Take over who has locked it."""
        self.editor_id, self.editor_expires = record.editor_id, record.editor_expires

    def record(self) -> DataNodeRecord:
        """Return its facts."""
        return DataNodeRecord(
            self.id,
            self.config_id,
            self.owner_id,
            self.editor_id,
            self.editor_expires,
            self.directory,
        )

    def __repr__(self) -> str:
        date = self.last_edit_date
        state = f"written {date:%F %T}" if date else "never written"
        return f"<DataNode {self.config_id} ({self.storage_type}, {state})>"
