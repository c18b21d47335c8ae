"""Versions: what a run has written, or reads; a data node has some."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple
from weakref import WeakSet

import attrs

from asyncflow.abc import Driver, StoredValue

EVICTED = b""
"""Stands for a small value that only the store has just now. No pickle is empty."""


class Place(NamedTuple):
    """What somebody has seen in a place of the user's."""

    fingerprint: str | None
    """None where nobody can tell, or it has no value."""
    changed_ns: int | None = None
    """When it was changed, in nanoseconds since the epoch; None where nobody can tell."""
    is_missing: bool = False
    problem: str = ""
    """Why nobody can tell, where it was tried."""

    @classmethod
    def of(cls, driver: Driver, *, asks: bool = False) -> Place:
        """Look at a place. Blocks.

        :param asks: whether to ask if something is there of which nobody tells what
        """
        try:
            if (fingerprint := driver.fingerprint()) is None:
                is_missing = asks and not driver.exists()
                return cls(None, driver.changed_ns(), is_missing)

            return cls(fingerprint, driver.changed_ns())
        except Exception as error:  # who reads it is told
            return cls(None, problem=str(error) or repr(error))

    def differs(self, version: Version, known: str | None) -> bool:
        """Tell whether it has changed since a version was made.

        :param known: what its fingerprint was; None where nobody has looked then
        """
        if known is not None:
            return self.fingerprint != known

        return (self.changed_ns or 0) > version.number


@attrs.define(eq=False, repr=False)
class Version:
    """One value of a data node; it never changes."""

    number: int
    """When it was made, in nanoseconds since the epoch, by the clock of who made it."""
    kept: StoredValue
    submission_id: str | None = None
    """The run that wrote it; None for a write by hand."""
    fingerprint: str | None = None
    """What was in its place when it was made, where that is the user's, and known."""
    readers: int = 0
    """How many reads are under way; the value is kept at least so long."""
    is_dropped: bool = False
    """Whether nothing but its readers keeps the value."""
    is_missing: bool = False
    """Whether its file was not there when somebody looked."""
    is_outside: bool = False
    """Whether it is what others have put in its place, as was seen here."""
    place: Place | None = None
    """What was in its place when somebody looked last, where that is the user's."""
    reused_by: WeakSet[Any] | None = None
    """The runs that skipped its writer; None for none."""
    content: str | None = None
    """What tells the value from others, where somebody asked; ``""`` if nobody knows."""

    @property
    def at(self) -> datetime:
        """When it was made, in UTC."""
        return datetime.fromtimestamp(self.number / 1e9, UTC)
