"""Data nodes: named values."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, Protocol, overload

import attrs

from asyncflow.config.checks import values as checks
from asyncflow.config.sections import NOT_GIVEN, DataNodeConfig, NotGiven, Scope, T_co
from asyncflow.entities.handle import (
    HasNames,
    Labeled,
    Owned,
    Parents,
    ReadOnlyHandle,
    shown_by,
)
from asyncflow.records import as_date
from asyncflow.runs.node import UNREAD, NodeState, Said

if TYPE_CHECKING:
    from pathlib import Path

    from asyncflow.entities.edits import Edit
    from asyncflow.entities.parts import Ask, Make
    from asyncflow.entities.reasons import Reasons
    from asyncflow.selection import Preview

LOCKED_FOR = 1800.0
"""How long `DataNode.lock_edit` locks unless told otherwise, in seconds."""


class DataNodeVerbs(Protocol):
    """What a data node asks of the orchestrator that made it."""

    def will_be_written(self, node: NodeState) -> bool: ...

    def read_now(self, node: NodeState) -> Any: ...

    async def read(
        self,
        node: NodeState,
        version: int | None,
        ask: Ask | None = None,
        *,
        in_process: bool | None = None,
    ) -> Any: ...

    async def edit(self, node: NodeState, make: Make, said: Said) -> None: ...

    async def fingerprint(self, node: NodeState) -> str | None: ...

    async def write(self, node: NodeState, value: object, said: Said) -> None: ...

    async def edits(self, node: NodeState) -> tuple[Edit, ...]: ...

    async def is_up_to_date(self, node: NodeState) -> bool: ...

    async def lock(
        self, node: NodeState, editor_id: str, timeout: float | None
    ) -> None: ...

    async def unlock(self, node: NodeState, editor_id: str | None) -> None: ...

    async def get_owner(self, owner_id: str) -> Owned: ...

    async def get_parents(self, entity_id: str) -> Parents: ...

    async def update_node(
        self, node: NodeState, changes: Mapping[str, Any]
    ) -> None: ...


_set = object.__setattr__


@checks.verbs_name_arguments
@attrs.define(eq=False, repr=False, init=False)
class DataNode(ReadOnlyHandle, Labeled, HasNames, Generic[T_co]):
    """A named value of a scenario, or of all scenarios (scope ``GLOBAL``).

    A read gives the last value whose write has ended, whatever is being written. The
    attributes tell what this process knows: what other processes wrote shows after the
    next ``await`` of one of its methods, or of ``orchestrator.get``.
    """

    _state: NodeState
    _verbs: DataNodeVerbs
    _instead = "read it first, `for row in await node.read(): ...`"

    def __init__(self, state: NodeState, verbs: DataNodeVerbs) -> None:
        _set(self, "_state", state)
        _set(self, "_verbs", verbs)

    @property
    def id(self) -> str:
        """Its id."""
        return self._state.id

    @property
    def config(self) -> DataNodeConfig[T_co]:
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
    def version(self) -> str | None:
        """The version of the application that its scenario belongs to; None for none, and
        where scenarios share it. Those of its values are in `edits`.
        """
        return self._state.label

    @property
    def name(self) -> str | None:
        """What people call it; None where it was given no name."""
        return self._state.name

    @property
    def path(self) -> str | None:
        """Where its file is, as it was given; None where asyncflow chooses that."""
        return self._state.path

    @property
    def validity_period(self) -> timedelta | None:
        """How long its value is valid after it was written; None for ever."""
        return self._state.validity_period

    @property
    def properties(self) -> Mapping[str, Any]:
        """The properties of its config."""
        return self._state.config.properties

    @property
    def is_generated(self) -> bool:
        """Whether asyncflow chooses where its values are."""
        return self._state.path is None

    @property
    def storage_type(self) -> str:
        """How its values are kept."""
        return self._state.config.storage_type

    @property
    def encoder(self) -> Any:
        """The option of its config; None where its storage type has none."""
        return getattr(self.config, "encoder", None)

    @property
    def decoder(self) -> Any:
        """The option of its config; None where its storage type has none."""
        return getattr(self.config, "decoder", None)

    @property
    def last_edit_date(self) -> datetime | None:
        """When it was last written, in UTC; None before the first write."""
        return self._state.written

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

    @overload
    async def read(
        self, version: int | None = None, *, in_process: bool | None = None
    ) -> T_co: ...

    @overload
    async def read(
        self,
        version: int | None = None,
        *,
        columns: str | Sequence[str] | None = None,
        where: object = None,
        in_process: bool | None = None,
    ) -> Any: ...

    @checks.shown_without_unknown
    async def read(
        self,
        version: int | None = None,
        *,
        columns: str | Sequence[str] | None = None,
        where: object = None,
        in_process: bool | None = None,
        **unknown: object,
    ) -> Any:
        """Read the value, or a part of it: a copy of the caller's own.

        Storage types that can read a part alone do so; of others, all is read first. On
        cancel it returns at once; what reads ends by itself, or is killed.

        :param version: the number of an earlier version, of `edits`; None for the
            current one
        :param columns: the columns to read, in this order; None for all
        :param where: which rows to read: ``(column, value, operator)``, a list of these,
            or what ``&`` and ``|`` of `Condition` make; None for all
        :raises NoData: where it was never written, or that version is not kept
        :raises ValueMissing: where its file is not there
        :raises DataNodeReadingError: where what is in its place cannot be read, or has no
            such column
        """
        ask: Ask | None = None

        if unknown:  # here, as each read would cost twice as much within another call
            raise checks.unknown_argument(DataNode.read, "DataNode.read", unknown)

        if columns is not None or where is not None:
            from asyncflow.entities import parts

            ask = parts.part(columns, where)
        elif version is None and in_process is None:
            value = self._verbs.read_now(self._state)

            if value is not UNREAD:
                return value

        return await self._verbs.read(self._state, version, ask, in_process=in_process)

    async def read_with_kwargs(self, **options: Any) -> Any:
        """Read the value with further options of the library that reads it.

        :param options: added to the ``read_options`` of its config, this once
        :raises UsageError: where its storage type has none
        """
        from asyncflow.entities import parts

        return await self._verbs.read(self._state, None, parts.ReadWith(options))

    async def filter(self, operators: object, join_operator: str = "and") -> Any:
        """Read the rows that conditions pick.

        :param operators: ``(column, value, operator)``, or a list of these, where an
            operator is an `Operator` or its text, such as ``"<="``
        :param join_operator: how those of a list are joined: a `JoinOperator`
        :raises DataNodeReadingError: where it has no such column
        """
        from asyncflow.entities import parts

        ask = parts.part(None, operators, join_operator)
        return await self._verbs.read(self._state, None, ask)

    async def column(self, name: str | int | list[str]) -> Any:
        """Read a column as what it is by itself (a series, an array, a list), or several
        as a table.

        :raises DataNodeReadingError: where it has no such column
        """
        from asyncflow.entities import parts

        return await self._verbs.read(self._state, None, parts.column(name))

    def __getitem__(self, name: str | int | list[str]) -> Awaitable[Any]:
        """Return what reads a column: ``await node["price"]``; see `column`."""
        return self.column(name)

    async def preview(
        self,
        rows: int = 10,
        *,
        version: int | None = None,
        in_process: bool | None = None,
        is_plain: bool = False,
        where: object = None,
    ) -> Preview:
        """Return the first rows of the value, to be shown.

        :param version: as for `read`
        :param in_process: as for `read`
        :param is_plain: whether cells that are no numbers come as texts; with
            ``in_process=False`` nothing of the value is unpickled in this process
        :param where: which rows are meant, as `filter` has it; None for all
        """
        from asyncflow.entities import parts

        ask = parts.preview(rows, where, is_plain=is_plain)
        shown: Preview = await self._verbs.read(
            self._state, version, ask, in_process=in_process
        )
        return shown

    async def download(
        self, to: str | os.PathLike[str] | None = None, *, version: int | None = None
    ) -> Path:
        """Return the file of the value, in the form of its storage type.

        :param to: where a copy of it is to be, of a folder a ZIP file; None for the file
            itself, which goes when the version does
        :param version: as for `read`
        :raises UsageError: where it has no file that others read
        """
        from asyncflow.entities import parts

        found: Path = await self._verbs.read(self._state, version, parts.download(to))
        return found

    async def is_downloadable(self) -> Reasons:
        """Tell whether it has a file, for `download`; else give the reasons why not."""
        from asyncflow.entities import parts

        has_file = self._verbs.read(self._state, None, parts.HasFile())
        return await parts.is_downloadable(self.id, has_file)

    def is_uploadable(self) -> Reasons:
        """Tell whether it takes a file, by `upload`; else give the reasons why not."""
        from asyncflow.entities import parts

        return parts.is_uploadable(self._state)

    async def fingerprint(self) -> str | None:
        """Return what changes whenever its place is written, by anybody.

        None where nobody can tell, or the place is not the user's.
        """
        return await self._verbs.fingerprint(self._state)

    def describe(self) -> dict[str, object]:
        """Say how and where values are kept, to be shown: passwords are masked."""
        return {"id": self.id, **self._state.driver.describe()}

    async def write(
        self,
        data: object,
        job_id: str | None = None,
        *,
        editor_id: str | None = None,
        comment: str = "",
        **properties: Any,
    ) -> None:
        """Write a value; return when it is durable.

        A job that is running goes on with the value it has. On cancel the value is
        either written as a whole or not at all.

        :param job_id: the job that the value comes from, where that is known
        :param editor_id: who writes; needed where the data node is locked
        :param comment: kept with the edit
        :param properties: what else is kept with the edit, which JSON can hold
        :raises DataNodeIsBeingEdited: where somebody else has locked it
        :raises NotFound: where it was deleted
        :raises NotPicklable: where it cannot be kept, naming the part
        """
        from asyncflow.entities import edits

        said = edits.said(editor_id, comment, {"job_id": job_id, **properties})
        await self._verbs.write(self._state, data, said)

    async def write_with_column_names(
        self, data: Any, columns: Sequence[str], job_id: str | None = None
    ) -> None:
        """Write rows as a table with these columns: a frame of pandas; see `write`.

        :param data: rows, an array or a frame
        """
        from asyncflow.entities import parts

        await self.write(parts.with_columns(data, columns), job_id)

    async def append(
        self,
        data: object,
        job_id: str | None = None,
        *,
        editor_id: str | None = None,
        comment: str = "",
        **properties: Any,
    ) -> None:
        """Add to the value: rows to a table, or as the storage type says.

        What is there stays as it is until all of it is written. Two appends of this
        process are one after the other; jobs, and other processes, are not waited for.

        :param job_id: as for `write`
        :param editor_id: who writes; needed where the data node is locked
        :param comment: kept with the edit
        :param properties: as for `write`
        :raises UsageError: where its storage type does not append
        :raises DataNodeWritingError: where this cannot be added to that
        :raises DataNodeIsBeingEdited: where somebody else has locked it
        :raises NotFound: where it was deleted
        """
        from asyncflow.entities import edits, parts

        said = edits.said(editor_id, comment, {"job_id": job_id, **properties})
        await self._verbs.edit(self._state, parts.append(data), said)

    async def upload(
        self,
        file: str | os.PathLike[str],
        *,
        editor_id: str | None = None,
        comment: str = "",
    ) -> None:
        """Take a copy of a file for the value, if it can be read.

        :param file: one that has the form of its storage type
        :param editor_id: who writes; needed where the data node is locked
        :param comment: kept with the edit
        :raises DataNodeReadingError: where the file cannot be read; the value stays
        :raises UsageError: where its storage type has no files
        :raises DataNodeIsBeingEdited: where somebody else has locked it
        :raises NotFound: where it was deleted
        """
        from asyncflow.entities import edits, parts

        said = edits.said(editor_id, comment, {})
        await self._verbs.edit(self._state, parts.upload(file), said)

    async def edits(self) -> tuple[Edit, ...]:
        """Return every write that has ended, the oldest first."""
        return await self._verbs.edits(self._state)

    async def is_up_to_date(self) -> bool:
        """Tell whether its value is valid, and nothing that it was made from, by whatever
        way, was written since.

        Of one that scenarios share, what each has for itself does not count.
        """
        return await self._verbs.is_up_to_date(self._state)

    async def get_last_edit(self) -> Edit | None:
        """Return the last write that has ended; None before the first."""
        edits = await self.edits()
        return edits[-1] if edits else None

    async def track_edit(
        self,
        *,
        editor_id: str | None = None,
        comment: str = "",
        timestamp: datetime | None = None,
        **properties: Any,
    ) -> None:
        """Take note that somebody has written the file, or the table, by other means.

        What others put there is an edit anyway, once it is seen; this says who did it.

        :param editor_id: who wrote; needed where the data node is locked
        :param comment: kept with the edit
        :param timestamp: when, after the edit before; without a time zone in that of this
            computer. None for now
        :param properties: as for `write`
        :raises UsageError: where asyncflow chooses where its values are: `write` does it
        :raises DataNodeIsBeingEdited: where somebody else has locked it
        :raises NotFound: where it was deleted
        """
        from asyncflow.entities import edits, parts

        said = edits.said(editor_id, comment, properties, timestamp)
        await self._verbs.edit(self._state, parts.track, said)

    async def lock_edit(
        self, editor_id: str | None = None, *, timeout: float | None = LOCKED_FOR
    ) -> None:
        """Lock it against writes by hand of others; whoever has the lock renews it.

        Runs go on: jobs read the current version, and may write.

        :param editor_id: who locks it: any text that says so; None for all who say
            nothing
        :param timeout: after how many seconds the lock ends by itself; None for never
        :raises DataNodeIsBeingEdited: where somebody else has locked it
        :raises NotFound: where it was deleted
        """
        await self._verbs.lock(self._state, editor_id or "", timeout)

    async def unlock_edit(self, editor_id: str | None = None) -> None:
        """Take the lock away.

        :param editor_id: whose lock it must be; None takes away anybody's
        :raises DataNodeIsBeingEdited: where it is somebody else's
        """
        await self._verbs.unlock(self._state, editor_id)

    async def update(
        self,
        *,
        name: str | NotGiven | None = NOT_GIVEN,
        path: str | os.PathLike[str] | NotGiven = NOT_GIVEN,
        validity_period: timedelta | NotGiven | None = NOT_GIVEN,
    ) -> None:
        """Change attributes of this data node alone; return when that is durable.

        Who changes others of them at the same time, here or in another process, loses
        nothing. Other processes that have it already know of it after their next
        ``orchestrator.get``. On cancel all of it is done, or nothing.

        :param name: what people call it
        :param path: where its file is from now on: the value is what is there. Only of
            one with a path of yours already
        :param validity_period: how long a value is valid after it was written; None for
            ever
        :raises UsageError: where asyncflow chooses where its values are, or a run is about
            to write it
        :raises DataNodeIsBeingEdited: where somebody has locked it, and the path is to
            change
        :raises NotFound: where it was deleted
        """
        changes = {"name": name, "path": path, "validity_period": validity_period}
        await self._verbs.update_node(self._state, changes)

    async def get_parents(self) -> Parents:
        """Return what it is a part of, by its kind; see `Orchestrator.get_parents`."""
        return await self._verbs.get_parents(self.id)

    async def _owner(self) -> Owned | None:
        owner_id = self.owner_id
        return None if owner_id is None else await self._verbs.get_owner(owner_id)

    @property
    def _called(self) -> str:
        return f"scenario.{self.config_id}"

    def _shown(self) -> object:
        return self._state

    def __repr__(self) -> str:
        return repr(self._state)


def data_node_of(state: NodeState, verbs: DataNodeVerbs) -> DataNode:
    """Return the handle of a data node: there is one at a time."""
    return shown_by(state, verbs, DataNode)


def node_of(data_node: DataNode) -> NodeState:
    """Return the state that a handle shows. For the engine."""
    return data_node._state
