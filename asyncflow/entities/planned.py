"""What a run would do."""

from __future__ import annotations

import attrs

from asyncflow.facts import Facts


@attrs.frozen(kw_only=True, eq=False, repr=False)
class PlannedJob(Facts):
    """What a run would do with a task, as things are now."""

    task: str
    """The id of the task's config."""

    runs: bool
    """Whether its function would be called; otherwise it would be skipped. So is one that
    waits for a new value, where that turns out to be equal to the last."""

    reason: str
    """Why."""
