"""The store that forgets everything when it is closed."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import attrs

from asyncflow.abc import Record, Store


@attrs.define(eq=False)
class MemoryStore(Store):
    """Keep records in memory."""

    _records: dict[str, Record] = attrs.field(init=False, factory=dict)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._records.clear()

    def save(self, *records: Record) -> None:
        for record in records:
            self._records[record.id] = record

    async def flush(self) -> None:
        return None

    async def get(self, record_id: str) -> Record | None:
        return self._records.get(record_id)

    async def delete(self, *record_ids: str) -> None:
        for record_id in record_ids:
            self._records.pop(record_id, None)
