"""Data nodes: named values."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol
from weakref import ref

import attrs

from asyncflow.config.sections import DataNodeConfig, Scope
from asyncflow.entities.handle import ReadOnlyHandle
from asyncflow.facts import Facts
from asyncflow.records import as_date
from asyncflow.runs.node import NodeState

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

    def will_be_written(self, node: NodeState) -> bool: ...

    async def read(self, node: NodeState, version: int | None) -> Any: ...

    async def write(
        self, node: NodeState, value: object, *, editor_id: str | None, comment: str
    ) -> None: ...

    async def edits(self, node: NodeState) -> tuple[Edit, ...]: ...

    async def lock(
        self, node: NodeState, editor_id: str, timeout: float | None
    ) -> None: ...

    async def unlock(self, node: NodeState, editor_id: str | None) -> None: ...


@attrs.define(eq=False, repr=False)
class DataNode(ReadOnlyHandle):
    """A named value of a scenario, or of all scenarios (scope ``GLOBAL``).

    A read gives the last value whose write has ended, whatever is being written. The
    attributes tell what this process knows: what other processes wrote shows after the
    next ``await`` of one of its methods, or of ``orchestrator.get``.
    """

    _state: NodeState
    _verbs: DataNodeVerbs

    @property
    def id(self) -> str:
        """Its id."""
        return self._state.id

    @property
    def config(self) -> DataNodeConfig:
        """What it was declared as."""
        return self._state.config

    @property
    def owner_id(self) -> str | None:
        """The id of its scenario; None where scenarios share it."""
        return self._state.owner_id

    @property
    def config_id(self) -> str:
        """The id of its config."""
        return self._state.config.id

    @property
    def scope(self) -> Scope:
        """Who shares it."""
        return self._state.config.scope

    @property
    def storage_type(self) -> str:
        """How its values are kept."""
        return self._state.config.storage_type

    @property
    def last_edit_date(self) -> datetime | None:
        """When it was last written, in UTC; None before the first write."""
        version = self._state.version
        return None if version is None else version.at

    @property
    def expiration_date(self) -> datetime | None:
        """When its value stops being valid, in UTC; None for never, or without one."""
        return self._state.expiration_date

    @property
    def is_valid(self) -> bool:
        """Whether it has a value whose validity period has not ended."""
        return self._state.is_valid

    @property
    def edit_in_progress(self) -> bool:
        """Whether it is locked, or a submitted job is going to write it."""
        return self.is_locked or self._verbs.will_be_written(self._state)

    @property
    def is_ready_for_reading(self) -> bool:
        """Whether it has a valid value, and nobody is about to replace it."""
        return self.is_valid and not self.edit_in_progress

    @property
    def is_locked(self) -> bool:
        """Whether somebody has locked it, as far as is known here."""
        return self._state.is_locked

    @property
    def editor_id(self) -> str | None:
        """Who has locked it, as far as is known here; see `lock_edit`."""
        return self._state.editor_id

    @property
    def editor_expiration_date(self) -> datetime | None:
        """When the lock ends by itself, in UTC."""
        return as_date(self._state.editor_expires)

    async def read(self, version: int | None = None) -> Any:
        """Read the value: a copy of the caller's own.

        :param version: the number of an earlier version, of `edits`; None for the
            current one
        :raises NoData: where it was never written, or that version is not kept
        :raises ValueDamaged: where its file is missing or damaged
        """
        return await self._verbs.read(self._state, version)

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
        await self._verbs.write(
            self._state, value, editor_id=editor_id, comment=comment
        )

    async def edits(self) -> tuple[Edit, ...]:
        """Return every write that has ended, the oldest first."""
        return await self._verbs.edits(self._state)

    async def lock_edit(
        self, editor_id: str, *, timeout: float | None = LOCKED_FOR
    ) -> None:
        """Lock it against writes by hand of others; whoever has the lock renews it.

        Runs go on: jobs read the current version, and may write.

        :param editor_id: who locks it: any text that says so
        :param timeout: after how many seconds the lock ends by itself; None for never
        :raises DataNodeIsBeingEdited: where somebody else has locked it
        """
        await self._verbs.lock(self._state, editor_id, timeout)

    async def unlock_edit(self, editor_id: str | None = None) -> None:
        """Take the lock away.

        :param editor_id: whose lock it must be; None takes away anybody's
        :raises DataNodeIsBeingEdited: where it is somebody else's
        """
        await self._verbs.unlock(self._state, editor_id)

    @property
    def _called(self) -> str:
        return f"scenario.{self.config_id}"

    def __repr__(self) -> str:
        return repr(self._state)


def data_node_of(state: NodeState, verbs: DataNodeVerbs) -> DataNode:
    """Return the handle of a data node: there is one at a time."""
    handle = state.handle and state.handle()

    if not isinstance(handle, DataNode):
        handle = DataNode(state, verbs)
        state.handle = ref(handle)

    return handle


def node_of(data_node: DataNode) -> NodeState:
    """Return the state that a handle shows. For the engine."""
    return data_node._state
