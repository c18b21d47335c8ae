"""Versions: what a run has written, or reads; a data node has some."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple
from weakref import WeakSet

import attrs

from asyncflow.abc import StoredValue

EVICTED = b""
"""Stands for a small value that only the store has just now. No pickle is empty."""


class Place(NamedTuple):
    """What somebody has seen in a place of the user's."""

    fingerprint: str | None
    """None where nobody can tell, or it has no value."""
    changed_ns: int | None
    """When it was changed, in nanoseconds since the epoch; None where nobody can tell."""
    is_missing: bool = False

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
    readers: int = 0
    """How many reads are under way; the value is kept at least so long."""
    is_dropped: bool = False
    """Whether nothing but its readers keeps the value."""
    is_missing: bool = False
    """Whether its file was not there when somebody looked."""
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


@attrs.define(eq=False, repr=False)
class Given(Version):
    """A value that a run was given for a data node: the run reads it, whatever is written.

    It is a pickle, whatever the storage type of the data node. It is no version of that,
    and kept as long as the submission is.
    """
