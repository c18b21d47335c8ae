"""For faces: to wait for whatever happens in a run, without making an event of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from asyncflow.entities.submission import Submission, run_of


@contextmanager
def watching(submission: Submission) -> Iterator[Callable[[], Awaitable[None]]]:
    """Watch a run, how far its jobs come included, until this is left.

    :return: what waits until anything happens that has not been waited for yet, or the run
        has ended. On cancel only the waiting ends
    """
    run = run_of(submission)
    reports = run.watchers.watch()
    known, was_paused = len(run.history), run.is_paused

    def has_news() -> bool:
        if run.is_finished or run.is_paused is not was_paused:
            return True

        return reports.has_news or known < len(run.history)

    async def change() -> None:
        nonlocal known, was_paused

        while not has_news():
            await run.watchers.next_change()

        known, was_paused = len(run.history), run.is_paused

        for _ in reports.until(known):
            pass  # each is seen in the job's progress

    try:
        yield change
    finally:
        run.watchers.unwatch(reports)
