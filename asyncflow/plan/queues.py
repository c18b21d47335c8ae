"""The queues of ready jobs: whose turn it is.

Pure, as the plan is. Jobs of one priority and with the same needs wait in one line. In a
line runs take turns, so that a short one does not wait for a long one. Between lines the
higher priority goes first; a line that waits gains a step of priority every `AGING`
seconds, so that none waits for ever. Where there is not enough of what such a line needs,
it is held back from those that come later, until there is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeAlias

AGING = 10.0
"""After how many seconds of waiting a line counts as one step of priority higher."""

Needs: TypeAlias = Mapping[str, float]
"""How much of which named resources a job takes."""

NO_NEEDS: Needs = {}


class _Queue:
    """Ready jobs of one priority that need the same."""

    def __init__(self, priority: float, needs: Needs, since: float) -> None:
        self.priority = priority
        self.needs = needs
        self.since = since
        """When it was served last, or began to wait."""
        self.jobs: dict[int, deque[int]] = {}
        """For each run, the places of its jobs."""
        self.turns: deque[int] = deque()
        """The runs, in the order of their turns."""

    def put(self, run: int, indexes: Sequence[int], now: float) -> None:
        """Put jobs behind those of their run, which may get a turn for them."""
        jobs = self.jobs.get(run)

        if jobs is not None:
            jobs.extend(indexes)
            return

        if not self.turns:
            self.since = now

        self.jobs[run] = deque(indexes)
        self.turns.append(run)

    def put_first(self, run: int, index: int) -> None:
        """Put a job before those of its run, which may get the next turn for it."""
        jobs = self.jobs.get(run)

        if jobs is None:
            jobs = self.jobs[run] = deque()
            self.turns.appendleft(run)

        jobs.appendleft(index)

    def head(self) -> tuple[int, int]:
        run = self.turns[0]
        return run, self.jobs[run][0]

    def take(self) -> None:
        """Take the head away; the next run has its turn."""
        run = self.turns[0]
        jobs = self.jobs[run]
        jobs.popleft()

        if jobs:
            self.turns.rotate(-1)
        else:
            self.turns.popleft()
            del self.jobs[run]


class WaitingJobs(Protocol):
    """Knows which jobs wait for a slot."""

    def is_ready(self, run: int, index: int) -> bool:
        """Tell whether a job that was put still waits; others are passed over."""


class Queues:
    """All lines."""

    def __init__(self, waiting: WaitingJobs) -> None:
        self.waiting = waiting
        self._queues: dict[tuple[float, frozenset[tuple[str, float]]], _Queue] = {}

    def put(
        self,
        run: int,
        index: int,
        priority: float,
        needs: Needs,
        now: float,
        *,
        first: bool = False,
    ) -> None:
        """Take a job.

        :param first: whether it goes before all others of its line
        """
        key = priority, frozenset(needs.items()) if needs else _NOTHING
        queue = self._queues.get(key)

        if queue is None:
            queue = self._queues[key] = _Queue(priority, needs, now)

        if first:
            queue.put_first(run, index)
        else:
            queue.put(run, (index,), now)

    def put_all(
        self, run: int, indexes: Sequence[int], priority: float, now: float
    ) -> None:
        """Take jobs of a run that need no named resource: one at least."""
        queue = self._queues.get((priority, _NOTHING))

        if queue is None:
            queue = self._queues[priority, _NOTHING] = _Queue(priority, NO_NEEDS, now)

        queue.put(run, indexes, now)

    def drop(self, run: int) -> None:
        """Take all jobs of a run away."""
        for queue in self._queues.values():
            if queue.jobs.pop(run, None) is not None:
                queue.turns.remove(run)

    def next(self, now: float, fits: Callable[[Needs], bool]) -> tuple[int, int] | None:
        """Tell whose turn it is, and leave it there; None where nobody can start.

        :param fits: tells whether there is enough for some needs
        """
        queue = self._next(now, fits)
        return None if queue is None else queue.head()

    def take(
        self,
        now: float,
        fits: Callable[[Needs], bool],
        accepts: Callable[[tuple[int, int]], bool] | None = None,
    ) -> tuple[int, int] | None:
        """Give the job whose turn it is; None where nobody can start.

        :param accepts: tells whether that job is wanted; otherwise it stays
        """
        queue = self._next(now, fits)

        if queue is None:
            return None

        ref = queue.head()

        if accepts is not None and not accepts(ref):
            return None

        queue.take()
        queue.since = now
        return ref

    def take_together(
        self,
        count: int,
        now: float,
        accepts: Callable[[tuple[int, int]], bool] | None = None,
    ) -> list[tuple[int, int]]:
        """Give the jobs whose turn it is, where there is one line, without needs.

        :param count: how many at most
        :param accepts: tells whether a job is wanted; the first that is not ends it
        :return: nothing where there are several lines: see `take`
        """
        taken: list[tuple[int, int]] = []

        if len(self._queues) != 1:
            return taken

        (queue,) = self._queues.values()

        if queue.needs:
            return taken

        turns, jobs, is_ready = queue.turns, queue.jobs, self.waiting.is_ready

        while turns and count > 0:
            run = turns[0]
            places = jobs[run]
            ref = run, places[0]

            if is_ready(*ref):
                if accepts is not None and not accepts(ref):
                    break

                taken.append(ref)
                count -= 1
                queue.since = now

            if len(turns) == 1 and len(places) > 1:  # nobody else has a turn
                places.popleft()
            else:
                queue.take()

        return taken

    def _next(self, now: float, fits: Callable[[Needs], bool]) -> _Queue | None:
        if len(self._queues) == 1:  # the usual case
            (queue,) = self._queues.values()
            self._skip(queue)

            if queue.turns:
                return queue if not queue.needs or fits(queue.needs) else None

        held: set[str] = set()

        for queue in self._in_order(now):
            if held.isdisjoint(queue.needs) and fits(queue.needs):
                return queue

            if now - queue.since >= AGING:
                held.update(queue.needs)

        return None

    def _in_order(self, now: float) -> list[_Queue]:
        """Return the lines that have jobs, in the order of their turns."""
        for key, queue in list(self._queues.items()):
            self._skip(queue)

            if not queue.turns:
                del self._queues[key]

        queues = list(self._queues.values())

        if len(queues) > 1:
            queues.sort(key=lambda queue: _rank(queue, now), reverse=True)

        return queues

    def _skip(self, queue: _Queue) -> None:
        """Pass over jobs that wait no more."""
        turns, jobs = queue.turns, queue.jobs

        while turns and not self.waiting.is_ready(turns[0], jobs[turns[0]][0]):
            queue.take()


_NOTHING: frozenset[tuple[str, float]] = frozenset()


def _rank(queue: _Queue, now: float) -> tuple[float, float]:
    waited = now - queue.since
    return queue.priority + waited / AGING, waited
