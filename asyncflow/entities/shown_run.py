"""A run that is watched on a terminal."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from anyio import CancelScope

from asyncflow.display.progress import RunningJob, shown_on, told
from asyncflow.events import Event
from asyncflow.runs.run import AnyRun
from asyncflow.status import Status


class Seen:
    """A run as it is now: see `asyncflow.display.progress.SeenRun`."""

    def __init__(self, run: AnyRun) -> None:
        self._run = run

    def counts(self) -> Mapping[Status, int]:
        """Return how many of its jobs have each status, of those that some have."""
        return self._run.table.counts()

    def running(self, limit: int) -> Sequence[RunningJob]:
        """Return jobs that run, in the order of the run."""
        places = self._run.table.with_status(Status.RUNNING)
        jobs = (self._run.job(place) for place in islice(places, limit))
        return [RunningJob(job.id, job.name, *(job.progress or ())) for job in jobs]


async def show(events: AsyncIterable[Event], run: AnyRun, title: str) -> None:
    """Show on stderr how far a run has come, until it has ended.

    Where stderr is no terminal it returns at once. On cancel only the watching ends.

    :param events: of the run, from the first to the last
    :param title: what it is called
    """
    stream = sys.stderr

    if stream is None or not stream.isatty():
        return

    # Begun before anything else has its turn: a job may hold the event loop then.
    thread = ThreadPoolExecutor(1)
    begun = thread.submit(shown_on, stream, title, len(run.tasks), Seen(run))
    thread.shutdown(wait=False)  # it ends with that

    with CancelScope(shield=True):
        progress = await asyncio.wrap_future(begun)

    try:
        async for event in events:
            told(progress, event)
    finally:
        progress.close()
