"""The seam of stores that can tell what they take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol, runtime_checkable


class StoreSizes(NamedTuple):
    """What the database of a store takes, in bytes, without files of values."""

    database: int
    logs: int
    """About how much of it jobs have printed."""
    values: int
    """About how much of it are values that are small."""
    tables: Mapping[str, int] = {}
    """Each table with its indexes, the largest first; none where nobody can tell soon."""


@runtime_checkable
class MeasuredStore(Protocol):
    """A store that can tell what its database takes."""

    async def sizes(self) -> StoreSizes:
        """Measure the database. On cancel the answer is dropped.

        :raises StoreFailed: where it cannot be read
        """
        ...
