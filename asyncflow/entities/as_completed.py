"""Submissions in the order in which they end."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Iterable
from functools import partial

import attrs
from anyio import Event

from asyncflow.config.checks.values import names_own_arguments
from asyncflow.entities.submission import Submission, run_of


@names_own_arguments
def as_completed(submissions: Iterable[Submission]) -> AsyncIterator[Submission]:
    """Give submissions as they end, whatever their outcome: ``async for``.

    ``await`` what it gives to have the error of a run raised. Whoever stops iterating
    stops watching; the runs go on.
    """
    return _AsCompleted(submissions)


@attrs.define(eq=False, init=False)
class _AsCompleted(AsyncIterator[Submission]):
    _ended: deque[Submission]
    _open: int
    _news: Event

    def __init__(self, submissions: Iterable[Submission]) -> None:
        self._ended = deque()
        self._news = Event()
        watched = _submissions(submissions)
        self._open = len(watched)

        for submission in watched:
            run = run_of(submission)
            run.watchers.count += 1
            run.watchers.when_finished(partial(self._take, submission))

    def _take(self, submission: Submission) -> None:
        run_of(submission).watchers.count -= 1
        self._ended.append(submission)
        self._news.set()

    async def __anext__(self) -> Submission:
        if not self._open:
            raise StopAsyncIteration

        while not self._ended:
            self._news = Event()
            await self._news.wait()

        self._open -= 1
        return await self._ended.popleft().wait()


def _submissions(given: object) -> tuple[Submission, ...]:
    """Return what was given, if they are submissions.

    :raises TypeError: where something else is given
    """
    if isinstance(given, Submission) or not isinstance(given, Iterable):
        raise TypeError(
            f"as_completed takes a list of submissions; got {given!r:.100}: give "
            "[scenario.submit(), ...]"
        )

    watched = tuple(given)

    for one in watched:
        if not isinstance(one, Submission):
            raise TypeError(
                f"as_completed takes submissions; got {one!r:.100}: give what `submit()` "
                "returns"
            )

    return watched
