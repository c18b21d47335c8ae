"""Sharing: whether others use the store of an orchestrator."""

from __future__ import annotations

from collections.abc import Callable

import attrs


@attrs.define(eq=False, repr=False)
class StoreSharing:
    """What an orchestrator knows of others on its store.

    An orchestrator that is the only user of its store can trust its memory. Each one
    that opens first notifies the others; from then on all of them read again before
    use.
    """

    is_shared: bool = False
    """Whether others may write, or may have written."""
    begun: Callable[[], object] | None = None
    """Is called when others may write from then on."""
    has_unnotified_peer: bool = False
    """Whether one that lives could not be greeted: it finds our record in the store."""

    def begin(self) -> None:
        """Take note that others may write from now on."""
        if self.is_shared:
            return

        self.is_shared = True

        if self.begun is not None:
            self.begun()
