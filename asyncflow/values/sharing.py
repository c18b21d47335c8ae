"""Sharing: whether others use the store of an orchestrator."""

from __future__ import annotations

from typing import Protocol


class RunPins(Protocol):
    """What runs pin of their sources."""

    def note_all(self) -> None:
        """Have the store keep what the runs here are to read: others may drop it."""


class StoreSharing:
    """What an orchestrator knows of others on its store.

    An orchestrator that is the only user of its store can trust its memory. Each one
    that opens first notifies the others; from then on all of them read again before
    use.
    """

    def __init__(
        self,
        is_shared: bool = False,
        pins: RunPins | None = None,
        has_unnotified_peer: bool = False,
    ) -> None:
        self.is_shared: bool = is_shared
        """Whether others may write, or may have written."""
        self.may_have_runs = is_shared
        """Whether there may be runs that others have submitted, and may have left."""
        self.pins = pins
        """What is noted in the store when others may write from then on."""
        self.has_unnotified_peer = has_unnotified_peer
        """Whether one that lives could not be greeted: it finds our record in the store."""

    @property
    def may_have_pins(self) -> bool:
        """Whether something may be pinned for the runs of others."""
        return self.is_shared or self.may_have_runs

    def begin(self) -> None:
        """Take note that others may write from now on."""
        if self.is_shared:
            return

        self.is_shared = True

        if self.pins is not None:
            self.pins.note_all()
