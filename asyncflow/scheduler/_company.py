"""Company: whether others use the store of an orchestrator."""

from __future__ import annotations

import attrs


@attrs.define(eq=False, repr=False)
class Company:
    """What an orchestrator knows of others on its store.

    Who is alone has in memory whatever was written last, and need not look. Who opens
    greets those that are open, before it writes anything: from then on all of them look,
    for the rest of their lives.
    """

    is_there: bool = False
    """Whether others may write, or may have written."""
    is_untold: bool = False
    """Whether one that lives could not be greeted: it finds our record in the store."""
