"""The seam of change feeds: what others do to the entities of a store."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple


class Change(NamedTuple):
    """What was committed of an entity."""

    maker_id: str
    """The orchestrator that did it."""
    at: float
    """When, in seconds since the epoch: the same for all of one transaction."""
    operation: str
    """``CREATED``, ``UPDATED`` or ``DELETED``."""
    entity_id: str
    attributes: tuple[str, ...] = ()
    """Which were updated."""


class ChangeFeed(ABC):
    """Tells what other orchestrators commit in a store.

    Nothing is kept where nobody listens; for who listens, so much: what is too old, or
    too much, is gone. Used by one task at a time.
    """

    @abstractmethod
    async def open(self) -> None:
        """Listen: what others commit once this has returned is told."""

    @abstractmethod
    async def next(self) -> list[Change]:
        """Wait for changes; return them, in the order in which they were committed.

        Those of the listener itself may be among them.
        """

    @abstractmethod
    async def close(self) -> None:
        """Listen no more."""
