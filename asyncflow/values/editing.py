"""Writes by hand: locks, edits and their history."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from anyio import CancelScope, Lock, to_thread

from asyncflow.abc import Store, StoredValue
from asyncflow.errors import DataNodeIsBeingEdited, DataNodeReadingError, NotFound
from asyncflow.records import DataNodeRecord, VersionRecord
from asyncflow.runs.node import NOTHING, UNREAD, NodeState, Place, Said
from asyncflow.values.stored import chain
from asyncflow.values.versions import Versions
from asyncflow.worker.wire import seen

if TYPE_CHECKING:
    from asyncflow.entities.edits import Edit
    from asyncflow.entities.parts import Make

LONGEST = 1e9
"""The longest time that a lock is given for, in seconds: some thirty years."""


class Editing:
    """What people do to data nodes; see `DataNode`."""

    def __init__(self, store: Store, versions: Versions) -> None:
        self.store = store
        self.versions = versions
        self._turns: WeakKeyDictionary[NodeState, Lock] = WeakKeyDictionary()
        """Who makes a version of the one that is there does so after the other."""

    async def write(self, node: NodeState, value: object, said: Said) -> None:
        await self.begin(node, said.editor_id)

        with CancelScope(shield=True):
            await self.versions.write(node, value, said)

    async def edit(self, node: NodeState, make: Make, said: Said) -> None:
        """Give a data node a version that is made of the one that it has.

        :param make: see `asyncflow.entities.parts`
        """
        async with self._turns.setdefault(node, Lock()):
            await self.begin(node, said.editor_id)

            if (version := node.version) is not None:
                await self.versions.load([(node, version)])

            before = None if version is None else version.kept

            with CancelScope(shield=True):
                path = self.versions.new_path(node)
                made = await self._apart(node, make, before, path)

                def keep(_: str) -> StoredValue:
                    if made is not UNREAD:
                        return seen(node.driver, made)

                    try:
                        kept = make(node.driver, before, path, node.config_id)
                        return seen(node.driver, kept)
                    except DataNodeReadingError as error:
                        error.node = node.config_id
                        raise

                await self.versions.edit(node, keep, said)

    async def _apart(
        self, node: NodeState, make: Make, before: StoredValue, path: str
    ) -> Any:
        """Have a worker make a value, where that would take this process long."""
        from asyncflow.entities.parts import Parsing

        if not isinstance(make, Parsing):
            return UNREAD

        self.versions.being_edited.append(node)  # it may be published there

        try:
            return await self.versions.readers.make(node, before, make, path)
        finally:
            self.versions.being_edited.remove(node)

    async def fingerprint(self, node: NodeState) -> str | None:
        try:
            return await to_thread.run_sync(node.driver.fingerprint)
        except DataNodeReadingError as error:
            error.node = node.config_id
            raise

    async def begin(self, node: NodeState, editor_id: str | None) -> None:
        """See what others have written, and whether somebody has locked it.

        :raises DataNodeIsBeingEdited: where somebody else has
        """
        is_shared = self.versions.is_shared

        if is_shared or node.is_shared:  # one of before may have locked it
            await self._look(node)

        if is_shared:
            await self.versions.stored.refresh(
                [node]
            )  # a version comes after all before it

        _check_editor(node, editor_id)

    async def lock(
        self, node: NodeState, editor_id: str, timeout: float | None
    ) -> None:
        if not isinstance(editor_id, str):
            raise TypeError(f"editor_id is a text, or None; got {editor_id!r}")

        if timeout is not None and not 0 <= timeout <= LONGEST:
            raise ValueError(
                f"timeout is in seconds, from 0 to {LONGEST:g}, or None; got {timeout!r}"
            )

        now = time.time()
        expires = None if timeout is None else now + timeout
        wanted = node.record()._replace(editor_id=editor_id, editor_expires=expires)
        self._take(node, await self.store.lock(wanted, now=now))
        _check_editor(node, editor_id)

    async def unlock(self, node: NodeState, editor_id: str | None) -> None:
        await self._look(node)

        if editor_id is not None:
            _check_editor(node, editor_id)

        wanted = node.record()._replace(editor_id=None, editor_expires=None)
        self._take(node, await self.store.lock(wanted, now=time.time()))

    async def edits(self, node: NodeState) -> tuple[Edit, ...]:
        version = node.version

        if version and version.kept is None and not node.driver.is_remote:
            from asyncflow.values import outside

            place = await to_thread.run_sync(Place.of, node.driver)
            await outside.take(self.versions, [outside.Seen(node, version, place)])

        records = await self.store.versions(node_id=node.id)
        kept = {version.number for version in chain(node, records)}
        return tuple(
            _edit(record, is_kept=record.number in kept)
            for record in records
            if record.fingerprint != NOTHING
        )

    async def _look(self, node: NodeState) -> None:
        record = await self.store.get(node.id)
        self._take(node, record if isinstance(record, DataNodeRecord) else None)

    def _take(self, node: NodeState, record: DataNodeRecord | None) -> None:
        if record is None:
            raise NotFound(node.id)

        node.take_lock(record)


def _check_editor(node: NodeState, editor_id: str | None) -> None:
    if node.is_locked and node.editor_id != (editor_id or ""):
        raise DataNodeIsBeingEdited(node.config_id, str(node.editor_id))


def _edit(record: VersionRecord, *, is_kept: bool) -> Edit:
    from asyncflow.entities.edits import Edit

    facts = json.loads(record.facts) if record.facts else {}
    job_id = facts.pop("job_id", None)
    return Edit(
        version=record.number,
        at=datetime.fromtimestamp(record.number / 1e9, UTC),
        job_id=job_id if record.job_id is None else record.job_id,
        editor_id=record.editor_id,
        comment=record.comment,
        is_kept=is_kept,
        properties=facts,
    )
