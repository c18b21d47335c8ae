"""An outage: the store cannot be written, for now or for good.

For now: no job starts whose outcome might be lost. What runs goes on, and what comes of it
waits in the store's memory; as nothing new starts, that is bounded. For good: nothing that
runs can be kept, so it is ended, and all who wait are told.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

from asyncflow.abc import Store
from asyncflow.dispatch.scheduler import Scheduler
from asyncflow.errors import StoreFailed, StoreUnavailable, TakenOver
from asyncflow.log import logger as _logger
from asyncflow.recovery.recovery import Recovery
from asyncflow.recovery.remote_runs import RemoteRuns


class Outage:
    """Holds the scheduler while the store cannot be written, and ends it where it never
    will.
    """

    def __init__(
        self,
        store: Store,
        scheduler: Scheduler,
        recovery: Recovery,
        remote_runs: RemoteRuns,
    ) -> None:
        self.store = store
        self.scheduler = scheduler
        self.recovery = recovery
        self.remote_runs = remote_runs
        self.failure: StoreFailed | None = None
        """Why the store cannot be written; None where it can."""
        self._since: float | None = None

    @property
    def since(self) -> datetime | None:
        """Since when it cannot be written, in UTC; None where it can."""
        return None if self._since is None else datetime.fromtimestamp(self._since, UTC)

    def check(self) -> None:
        """Refuse what can never be kept.

        :raises StoreFailed: where the store has failed for good
        """
        failure = self.failure

        if failure is not None and not isinstance(failure, StoreUnavailable):
            raise type(failure)(failure.file, failure.problem, failure.remedy)

    def watch(self) -> None:
        """Begin to watch the store."""
        self.store.watch(self)
        self.store_changed()

    def store_changed(self) -> None:
        """See whether the store can be written now."""
        before, self.failure = self.failure, self.store.failure

        if self.failure is None:
            if before is not None:
                self._ends()
        elif not isinstance(self.failure, StoreUnavailable):
            if before is None or isinstance(before, StoreUnavailable):
                self._stays(self.failure)
        elif before is None:
            self._begins(self.failure)

    def _begins(self, failure: StoreFailed) -> None:
        self._since = time.time()
        self.scheduler.in_flight.pause()
        _logger.error(
            "%s; it is tried again, what is to be written waits, and no job starts until "
            "it is",
            failure,
        )

    def _ends(self) -> None:
        since, self._since = self._since or time.time(), None
        self.recovery.store_was_away()
        self.scheduler.resume()
        _logger.warning(
            "the store can be written again, after %.1f s: nothing was lost",
            time.time() - since,
        )

    def _stays(self, failure: StoreFailed) -> None:
        """End what runs: nobody can keep what comes of it."""
        self._since = self._since or time.time()
        _logger.error("nothing is kept any more: %s", failure)

        if isinstance(failure, TakenOver):  # its jobs run elsewhere already
            self.scheduler.in_flight.hurry()

        self.scheduler.stop(str(failure), leave=True)
        self.remote_runs.fail(failure)
