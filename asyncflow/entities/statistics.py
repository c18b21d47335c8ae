"""What an orchestrator is doing, in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from asyncflow.facts import Facts
from asyncflow.status import Status


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Statistics(Facts):
    """What an orchestrator was doing at one moment."""

    workers: int
    """How many worker processes were alive."""

    max_nb_of_workers: int
    """How many jobs may run at once."""

    queued: int
    """How many jobs were ready, and waited for a worker."""

    running: int
    """How many jobs ran."""

    waiting: int
    """How many jobs waited for other jobs, or had just been submitted."""

    runs: int
    """How many submissions had not ended."""

    commits: int
    """How many transactions the store has written since it was opened."""

    store_error: str | None
    """Why the store cannot be written, and what to do; None where it can."""

    store_error_since: datetime | None
    """Since when it cannot be written, in UTC; None where it can."""

    finished: Mapping[Status, int]
    """How many jobs have ended here since it was opened, by each final status."""

    def as_dict(self) -> dict[str, Any]:
        """Return its facts as plain data that JSON can hold; the time is ISO text."""
        since = self.store_error_since
        return attrs.asdict(self) | {
            "store_error_since": None if since is None else since.isoformat(),
            "finished": {str(status): count for status, count in self.finished.items()},
        }
