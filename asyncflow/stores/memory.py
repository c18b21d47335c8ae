"""The store that forgets everything when it is closed."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self, TypeVar

import attrs

from asyncflow.abc import Store
from asyncflow.records import (
    DataNodeRecord,
    JobRecord,
    Record,
    ScenarioRecord,
    SubmissionRecord,
)

R = TypeVar("R", ScenarioRecord, DataNodeRecord, SubmissionRecord, JobRecord)


def _empty() -> dict[type[Record], dict[str, Any]]:
    return {
        ScenarioRecord: {},
        DataNodeRecord: {},
        SubmissionRecord: {},
        JobRecord: {},
    }


@attrs.define(eq=False)
class MemoryStore(Store):
    """Keep records in memory."""

    _records: dict[type[Record], dict[str, Any]] = attrs.field(
        init=False, factory=_empty
    )
    """For each kind, in the order of their first save."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._records = _empty()

    def save(self, *records: Record) -> None:
        if strangers := [one for one in records if type(one) not in self._records]:
            raise TypeError(
                f"a store keeps the records of asyncflow, not {strangers[0]!r}"
            )

        for record in records:
            self._records[type(record)][record.id] = record

    async def flush(self) -> None:
        return None

    async def delete(self, *record_ids: str) -> None:
        for records in self._records.values():
            for record_id in record_ids:
                records.pop(record_id, None)

    async def get(self, record_id: str) -> Record | None:
        for records in self._records.values():
            if record_id in records:
                found: Record = records[record_id]
                return found

        return None

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
        found = self._found(ScenarioRecord, config_id=config_id, name=name)
        found = [
            one
            for one in sorted(found, key=lambda one: one.creation_date)
            if (created_from is None or created_from <= one.creation_date)
            and (created_to is None or one.creation_date < created_to)
        ]
        return _page(found, newest_first, limit, offset)

    async def data_nodes(
        self,
        *,
        owner_id: str | None = None,
        newest_first: bool = False,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[DataNodeRecord]:
        found = self._found(DataNodeRecord, owner_id=owner_id)
        return _page(found, newest_first, limit, offset)

    async def submissions(
        self,
        *,
        entity_id: str | None = None,
        status: str | None = None,
        newest_first: bool = False,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[SubmissionRecord]:
        found = self._found(SubmissionRecord, entity_id=entity_id, status=status)
        return _page(found, newest_first, limit, offset)

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
        found = self._found(
            JobRecord, submission_id=submission_id, task_id=task_id, status=status
        )
        return _page(found, newest_first, limit, offset)

    def _found(self, kind: type[R], **filters: str | None) -> list[R]:
        wanted = {name: value for name, value in filters.items() if value is not None}
        return [
            one
            for one in self._records[kind].values()
            if all(getattr(one, name) == value for name, value in wanted.items())
        ]


def _page(
    records: list[R], newest_first: bool, limit: int | None, offset: int
) -> list[R]:
    if newest_first:
        records.reverse()

    return records[offset : None if limit is None else offset + limit]
