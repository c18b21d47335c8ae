"""The blocking data node."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, overload

from asyncflow.config.checks.values import verbs_name_arguments
from asyncflow.config.sections import NOT_GIVEN, NotGiven, Scope, T
from asyncflow.entities.data_node import LOCKED_FOR
from asyncflow.entities.data_node import DataNode as AsyncDataNode
from asyncflow.entities.edits import Edit
from asyncflow.entities.reasons import Reasons
from asyncflow.errors import NoData
from asyncflow.log import logger as _logger
from asyncflow.selection import Preview
from asyncflow.sync.forwarding import Answer, Block, Forwarded, Part, assign


class Edits(tuple[Edit, ...]):
    """Edits, for who reads an attribute, as of Taipy, and for who calls a verb."""

    __slots__ = ()

    def __call__(self) -> tuple[Edit, ...]:
        """Return them."""
        return self


@verbs_name_arguments
class DataNode(Part[AsyncDataNode[T]], Block, Generic[T], of=AsyncDataNode):
    """A data node; see `asyncflow.DataNode`."""

    __slots__ = ()

    id: Forwarded[str] = Forwarded()
    config_id: Forwarded[str] = Forwarded()
    owner_id: Forwarded[str | None] = Forwarded()
    scope: Forwarded[Scope] = Forwarded()
    version: Forwarded[str | None] = Forwarded()
    storage_type: Forwarded[str] = Forwarded()
    properties: Forwarded[Mapping[str, Any]] = Forwarded()
    is_generated: Forwarded[bool] = Forwarded()
    last_edit_date: Forwarded[datetime | None] = Forwarded()
    expiration_date: Forwarded[datetime | None] = Forwarded()
    is_valid: Forwarded[bool] = Forwarded()
    encoder: Forwarded[Any] = Forwarded()
    decoder: Forwarded[Any] = Forwarded()
    is_ready_for_reading: Forwarded[bool] = Forwarded()
    edit_in_progress: Forwarded[bool] = Forwarded()
    editor_id: Forwarded[str | None] = Forwarded()
    editor_expiration_date: Forwarded[datetime | None] = Forwarded()

    @property
    def name(self) -> str | None:
        """What people call it; setting it changes it, as `update` does."""
        return self._inner.name

    @name.setter
    def name(self, name: str | None) -> None:
        self.update(name=name)

    @property
    def path(self) -> str | None:
        """Where its file is; setting it changes that, as `update` does."""
        return self._inner.path

    @path.setter
    def path(self, path: str | os.PathLike[str]) -> None:
        self.update(path=path)

    @property
    def validity_period(self) -> timedelta | None:
        """How long its value is valid; setting it changes that, as `update` does."""
        return self._inner.validity_period

    @validity_period.setter
    def validity_period(self, validity_period: timedelta | None) -> None:
        self.update(validity_period=validity_period)

    def update(
        self,
        *,
        name: str | NotGiven | None = NOT_GIVEN,
        path: str | os.PathLike[str] | NotGiven = NOT_GIVEN,
        validity_period: timedelta | NotGiven | None = NOT_GIVEN,
    ) -> None:
        """Change attributes; see `asyncflow.DataNode.update`."""
        self._loop.call(
            self._inner.update, name=name, path=path, validity_period=validity_period
        )

    if not TYPE_CHECKING:  # or each name would be one that can be set

        def __setattr__(self, name: str, value: object) -> None:
            assign(self, name, value, ("name", "path", "validity_period"))

    @overload
    def read(
        self, version: int | None = None, *, in_process: bool | None = None
    ) -> T: ...

    @overload
    def read(
        self,
        version: int | None = None,
        *,
        columns: str | Sequence[str] | None = None,
        where: object = None,
        in_process: bool | None = None,
    ) -> Any: ...

    def read(
        self,
        version: int | None = None,
        *,
        columns: str | Sequence[str] | None = None,
        where: object = None,
        in_process: bool | None = None,
    ) -> Any:
        """Read the value, or a part of it; see `asyncflow.DataNode.read`.

        Where it was never written, or its file is not there, this is None, with a
        warning; `read_or_raise` raises.
        """
        try:
            return self.read_or_raise(
                version, columns=columns, where=where, in_process=in_process
            )
        except NoData as error:
            if version is not None:
                raise

            _logger.warning("%s; read() returns None", error)
            return None

    @overload
    def read_or_raise(
        self, version: int | None = None, *, in_process: bool | None = None
    ) -> T: ...

    @overload
    def read_or_raise(
        self,
        version: int | None = None,
        *,
        columns: str | Sequence[str] | None = None,
        where: object = None,
        in_process: bool | None = None,
    ) -> Any: ...

    def read_or_raise(
        self,
        version: int | None = None,
        *,
        columns: str | Sequence[str] | None = None,
        where: object = None,
        in_process: bool | None = None,
    ) -> Any:
        """Read the value, or a part of it; see `asyncflow.DataNode.read`.

        :raises NoData: where it was never written, or its file is not there
        """
        return self._loop.call(
            self._inner.read,
            version,
            columns=columns,
            where=where,
            in_process=in_process,
        )

    def read_with_kwargs(self, **options: Any) -> Any:
        """Read with further options; see `asyncflow.DataNode.read_with_kwargs`."""
        return self._loop.call(self._inner.read_with_kwargs, **options)

    def filter(self, operators: object, join_operator: str = "and") -> Any:
        """Read the rows that conditions pick; see `asyncflow.DataNode.filter`."""
        return self._loop.call(self._inner.filter, operators, join_operator)

    def column(self, name: str | int | list[str]) -> Any:
        """Read a column, or several; see `asyncflow.DataNode.column`."""
        return self._loop.call(self._inner.column, name)

    def __getitem__(self, key: Any) -> Any:
        """Read a column, by its name, or several; rows by a number or a slice; or what
        the value has for the key.
        """
        if isinstance(key, str) or (
            isinstance(key, list) and all(isinstance(name, str) for name in key)
        ):
            return self.column(key)

        value: Any = self.read_or_raise()
        by_place = isinstance(key, int | slice) and hasattr(value, "iloc")
        return value.iloc[key] if by_place else value[key]

    def __iter__(self) -> Iterator[Any]:
        """Read the value, and iterate it: of a table of pandas its rows."""
        value: Any = self.read_or_raise()

        if hasattr(value, "iloc"):
            return (value.iloc[place] for place in range(len(value)))

        return iter(value)

    def preview(
        self,
        rows: int = 10,
        *,
        version: int | None = None,
        in_process: bool | None = None,
        is_plain: bool = False,
        where: object = None,
    ) -> Preview:
        """Return the first rows; see `asyncflow.DataNode.preview`."""
        return self._loop.call(
            self._inner.preview,
            rows,
            version=version,
            in_process=in_process,
            is_plain=is_plain,
            where=where,
        )

    def download(
        self, to: str | os.PathLike[str] | None = None, *, version: int | None = None
    ) -> Path:
        """Return the file of the value; see `asyncflow.DataNode.download`."""
        return self._loop.call(self._inner.download, to, version=version)

    def upload(
        self,
        file: str | os.PathLike[str],
        *,
        editor_id: str | None = None,
        comment: str = "",
    ) -> None:
        """Take a copy of a file for the value; see `asyncflow.DataNode.upload`."""
        self._loop.call(self._inner.upload, file, editor_id=editor_id, comment=comment)

    def is_downloadable(self) -> Reasons:
        """Tell whether it has a file; see `asyncflow.DataNode.is_downloadable`."""
        return self._loop.call(self._inner.is_downloadable)

    def is_uploadable(self) -> Reasons:
        """Tell whether it takes a file; see `asyncflow.DataNode.is_uploadable`."""
        return self._inner.is_uploadable()

    def write_with_column_names(
        self, data: Any, columns: Sequence[str], job_id: str | None = None
    ) -> None:
        """Write rows as a table; see `asyncflow.DataNode.write_with_column_names`."""
        self._loop.call(self._inner.write_with_column_names, data, columns, job_id)

    def append(
        self,
        data: object,
        job_id: str | None = None,
        *,
        editor_id: str | None = None,
        comment: str = "",
        **properties: Any,
    ) -> None:
        """Add to the value; see `asyncflow.DataNode.append`."""
        self._loop.call(
            self._inner.append,
            data,
            job_id,
            editor_id=editor_id,
            comment=comment,
            **properties,
        )

    def fingerprint(self) -> str | None:
        """Return what changes at each write; see `asyncflow.DataNode.fingerprint`."""
        return self._loop.call(self._inner.fingerprint)

    def describe(self) -> dict[str, object]:
        """Say how and where values are kept; see `asyncflow.DataNode.describe`."""
        return self._inner.describe()

    def write(
        self,
        data: object,
        job_id: str | None = None,
        *,
        editor_id: str | None = None,
        comment: str = "",
        **properties: Any,
    ) -> None:
        """Write a value; see `asyncflow.DataNode.write`."""
        self._loop.call(
            self._inner.write,
            data,
            job_id,
            editor_id=editor_id,
            comment=comment,
            **properties,
        )

    @property
    def edits(self) -> Edits:
        """Every write that has ended, the oldest first, as an attribute or by a call; see
        `asyncflow.DataNode.edits`.
        """
        return Edits(self._loop.call(self._inner.edits))

    @property
    def is_up_to_date(self) -> Answer:
        """Whether nothing that it was made from was written since; see
        `asyncflow.DataNode.is_up_to_date`.
        """
        return Answer(self._loop.call(self._inner.is_up_to_date))

    @property
    def job_ids(self) -> list[str]:
        """The ids of the jobs that have written it, the first one first."""
        return [edit.job_id for edit in self.edits if edit.job_id is not None]

    def get_last_edit(self) -> Edit | None:
        """Return the last write that has ended; see `asyncflow.DataNode.get_last_edit`."""
        return self._loop.call(self._inner.get_last_edit)

    def track_edit(
        self,
        *,
        editor_id: str | None = None,
        comment: str = "",
        timestamp: datetime | None = None,
        **properties: Any,
    ) -> None:
        """Take note of a write by other means; see `asyncflow.DataNode.track_edit`."""
        self._loop.call(
            self._inner.track_edit,
            editor_id=editor_id,
            comment=comment,
            timestamp=timestamp,
            **properties,
        )

    def lock_edit(
        self, editor_id: str | None = None, *, timeout: float | None = LOCKED_FOR
    ) -> None:
        """Lock it; see `asyncflow.DataNode.lock_edit`."""
        self._loop.call(self._inner.lock_edit, editor_id, timeout=timeout)

    def unlock_edit(self, editor_id: str | None = None) -> None:
        """Take the lock away; see `asyncflow.DataNode.unlock_edit`."""
        self._loop.call(self._inner.unlock_edit, editor_id)
