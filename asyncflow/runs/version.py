"""Versions: what a run has written, or reads; a data node has some."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from weakref import WeakSet

import attrs

from asyncflow.abc import StoredValue

EVICTED = b""
"""Stands for a small value that only the store has just now. No pickle is empty."""


@attrs.define(eq=False, repr=False)
class Version:
    """One value of a data node; it never changes."""

    number: int
    """When it was made, in nanoseconds since the epoch, by the clock of who made it."""
    kept: StoredValue
    submission_id: str | None = None
    """The run that wrote it; None for a write by hand."""
    readers: int = 0
    """How many reads are under way; the value is kept at least so long."""
    is_dropped: bool = False
    """Whether nothing but its readers keeps the value."""
    is_missing: bool = False
    """Whether its file was not there when somebody looked."""
    is_changed: bool = False
    """Whether its file had been written by somebody else when somebody looked."""
    reused_by: WeakSet[Any] | None = None
    """The runs that skipped its writer; None for none."""
    content: str | None = None
    """What tells the value from others, where somebody asked; ``""`` if nobody knows."""

    @property
    def at(self) -> datetime:
        """When it was made, in UTC."""
        return datetime.fromtimestamp(self.number / 1e9, UTC)
