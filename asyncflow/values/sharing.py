"""Sharing: whether others use the store of an orchestrator."""

from __future__ import annotations

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
    has_unnotified_peer: bool = False
    """Whether one that lives could not be greeted: it finds our record in the store."""
