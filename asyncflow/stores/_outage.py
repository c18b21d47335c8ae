"""The outage of a store: what, since when, and how long it is tried.

The writer's thread tells what becomes of its transactions; the event loop looks.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from queue import Empty, SimpleQueue

from asyncflow.errors import StoreFailed, StoreUnavailable
from asyncflow.log import logger as _logger

PAUSE = 0.1
"""Between the first two tries, in seconds; each further pause is twice as long."""

LONGEST_PAUSE = 2.0
"""The longest pause, in seconds."""


class StoreOutage:
    """What is known of a store that cannot be written.

    :param file: how errors name the store
    :param patience: how long it is tried once nobody uses it any more, in seconds
    """

    def __init__(self, file: str = "", patience: float = 10.0) -> None:
        self.file = file
        self.patience = patience
        self.problem: StoreUnavailable | None = None
        """Why the store cannot be written for now; None where it can."""
        self.failure: Exception | None = None
        """Why it never will be; None where it may."""
        self.is_opening = False
        """Whether nobody uses the store so far: it is tried for its patience only."""
        self._attempt: float | None = None
        """When the try began that is under way, as `time.monotonic` has it."""
        self._began = 0.0
        """When the outage began, likewise."""
        self._closes: float | None = None
        """When it was said that the store will be closed, likewise."""
        self._nudges: SimpleQueue[None] = SimpleQueue()
        """Ends a pause early."""
        self._lock = threading.Lock()

    # ----------------------------------------------------------- in the writer's thread

    def tries(self) -> Iterator[float]:
        """Give, for each try, the pause after it; end where there is no time left."""
        pause = PAUSE
        self._attempt = time.monotonic()
        yield pause

        while not self.is_over_time():
            pause = min(2 * pause, LONGEST_PAUSE)
            self._attempt = time.monotonic()
            yield pause

    def begins(self, problem: StoreUnavailable) -> bool:
        """Take note that a try has failed; tell whether that is news."""
        with self._lock:
            is_new = self.problem is None
            self.problem = problem
            self._began = time.monotonic() if is_new else self._began
            self._attempt = None

        if is_new and self.is_opening:  # nobody watches so far
            tell_of_opening(problem, self.patience)

        return is_new

    def ends(self) -> bool:
        """Take note that a try has succeeded; tell whether that is news."""
        with self._lock:
            self._attempt = None
            is_new = self.problem is not None
            self.problem = None

        return is_new

    def fails(self, error: Exception) -> None:
        """Take note that nothing is written any more."""
        with self._lock:
            self.problem, self.failure, self._attempt = None, error, None

    def gives_up(self, count: int) -> None:
        """Take note that nobody waits any more.

        :param count: how many rows are lost
        """
        problem = self.problem
        assert problem is not None

        if self.is_opening:
            self.fails(StoreFailed(problem.file, problem.problem, problem.remedy))
            return

        lost = f"{count} change{'' if count == 1 else 's'} could not be written in time"
        self.fails(
            StoreFailed(
                problem.file,
                f"{lost}, and so are lost: {problem.problem}",
                problem.remedy,
            )
        )

    def wait(self, pause: float, is_forgotten: Callable[[], bool]) -> None:
        """Wait for a moment; shorter where there is no time left.

        :param is_forgotten: tells whether the program has ended
        """
        if is_forgotten():
            self.expires(self.patience)

        with suppress(Empty):
            self._nudges.get(timeout=self.time_left(pause))

    # ---------------------------------------------------------------- in either thread

    def expires(self, patience: float) -> None:
        """Have it tried for some seconds only, from now or from when it begins."""
        with self._lock:
            self.patience = min(patience, self.patience)
            self._closes = self._closes or time.monotonic()

        self._nudges.put(None)

    def is_over_time(self) -> bool:
        """Tell whether it has been tried for long enough."""
        return self.time_left(1.0) <= 0.0

    def time_left(self, limit: float) -> float:
        """Return how long it may be tried, in seconds, but no more than a limit."""
        has_failed = self.problem is not None

        if self._closes is None and not (self.is_opening and has_failed):
            return limit

        since = self._began if has_failed else self._attempt
        until = max(self._closes or 0.0, since or 0.0) + self.patience
        return max(0.0, min(limit, until - time.monotonic()))

    # --------------------------------------------------------------- on the event loop

    def takes_long(self, limit: float) -> bool:
        """See whether a try takes longer than so many seconds; tell whether that is news."""
        with self._lock:
            if self.problem is not None or self._attempt is None or self.is_opening:
                return False  # who opens waits for what it asked, and runs nothing

            if time.monotonic() - self._attempt < limit:
                return False

            self._began = self._attempt
            self.problem = StoreUnavailable(
                self.file,
                f"a change has not been written for {limit:g} s",
                "look what holds it locked, or whether its disk or its server is gone",
            )

        return True

    @property
    def is_trying(self) -> bool:
        """Whether a try is under way."""
        return self._attempt is not None


def tell_of_opening(problem: StoreUnavailable, patience: float) -> None:
    """Say why it takes a while until a store is open."""
    _logger.warning(
        "%s: tried again for %g s, as it is being opened", problem, patience
    )
