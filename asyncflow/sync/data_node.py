"""The blocking data node."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from asyncflow.config.sections import Scope
from asyncflow.entities.data_node import LOCKED_FOR, Edit
from asyncflow.entities.data_node import DataNode as AsyncDataNode
from asyncflow.sync.forwarding import Forwarded, Handle


class DataNode(Handle[AsyncDataNode]):
    """A data node; see `asyncflow.DataNode`."""

    __slots__ = ()

    id: Forwarded[str] = Forwarded()
    config_id: Forwarded[str] = Forwarded()
    owner_id: Forwarded[str | None] = Forwarded()
    scope: Forwarded[Scope] = Forwarded()
    storage_type: Forwarded[str] = Forwarded()
    last_edit_date: Forwarded[datetime | None] = Forwarded()
    expiration_date: Forwarded[datetime | None] = Forwarded()
    is_valid: Forwarded[bool] = Forwarded()
    is_ready_for_reading: Forwarded[bool] = Forwarded()
    edit_in_progress: Forwarded[bool] = Forwarded()
    editor_id: Forwarded[str | None] = Forwarded()
    editor_expiration_date: Forwarded[datetime | None] = Forwarded()

    def read(self, version: int | None = None) -> Any:
        """Read the value; see `asyncflow.DataNode.read`."""
        return self._loop.call(self._inner.read, version)

    def write(
        self, value: object, *, editor_id: str | None = None, comment: str = ""
    ) -> None:
        """Write a value; see `asyncflow.DataNode.write`."""
        self._loop.call(self._inner.write, value, editor_id=editor_id, comment=comment)

    def edits(self) -> tuple[Edit, ...]:
        """Return every write that has ended; see `asyncflow.DataNode.edits`."""
        return self._loop.call(self._inner.edits)

    def lock_edit(self, editor_id: str, *, timeout: float | None = LOCKED_FOR) -> None:
        """Lock it; see `asyncflow.DataNode.lock_edit`."""
        self._loop.call(self._inner.lock_edit, editor_id, timeout=timeout)

    def unlock_edit(self, editor_id: str | None = None) -> None:
        """Take the lock away; see `asyncflow.DataNode.unlock_edit`."""
        self._loop.call(self._inner.unlock_edit, editor_id)
