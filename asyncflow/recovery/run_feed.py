"""What happens in a run, told to an orchestrator that watches it.

It is lines of JSON, each an object: "news", a list; "next", the number of the change that
comes after them; "is_all", whether that is all so far; "reason", why the run is cancelled;
"is_paused", whether it is paused.
Of the news each is a list: the place of a job, its status, when, why, and

- for an attempt that failed its number, and what is kept of it,
- for the end of a job its record,
- for how far a job has come, whose status is "", the attempt, and the progress.

Nothing grows where the watcher does not read: changes lie in the history of the run, and
of the progress of an attempt the newest is kept.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from typing import Any

import attrs
from anyio import move_on_after

from asyncflow.abc import Store
from asyncflow.entities.submission import Run
from asyncflow.recovery.peers import Send
from asyncflow.runs.watchers import ProgressReports, Report
from asyncflow.status import FINAL, Status

PAUSE = 0.1
"""How long news gather before they are sent, in seconds."""

AT_ONCE = 100
"""How many news are sent before others have their turn on the event loop."""

SIZE = 262_144
"""How many characters of news are sent at once, or a single one."""


@attrs.define(eq=False, repr=False)
class RunFeed:
    """Tells one watcher what happens in a run.

    :param send: sends a line
    """

    run: Run
    store: Store
    send: Send

    async def send_all(self, since: int) -> None:
        """Tell what has happened, then what happens; return when the run has ended.

        What goes on elsewhere is told there. On cancel the peer hears no more of it; the
        run goes on.

        :param since: the number of the first change that is not known
        """
        run = self.run
        live = run.watchers.watch(is_whole=True)

        try:
            for report in _reports_now(run):
                live.take(report, len(run.history))

            blocked = run.table.with_status(Status.BLOCKED)
            now = time.time()
            news = [[place, Status.BLOCKED, now, ""] for place in blocked]
            await self._send(((since, change) for change in news), since, is_all=False)

            while not run.ending.is_left:
                since = await self._send_new(live, since)

                if since == len(run.history) and not live.has_news:
                    if run.is_finished:
                        return

                    await run.watchers.next_change()

                with move_on_after(PAUSE):
                    await run.watchers.over()
        finally:
            run.watchers.unwatch(live)

    async def _send_new(self, live: ProgressReports, since: int) -> int:
        """Tell all that has happened so far; return the number of the next change."""
        known = len(self.run.history)

        if since < known:
            await self.store.flush()  # what might be forgotten has not happened

        await self._send(self._news(live, since, known), known, is_all=True)
        return known

    async def _send(
        self, news: Iterator[tuple[int, Sequence[Any]]], last: int, *, is_all: bool
    ) -> None:
        """Send news, in lines of a bounded size.

        :param news: each with the number of the change that comes after it
        :param last: the number of the change that comes after all
        """
        parts: list[str] = []
        size = 0

        for after, change in news:
            parts.append(json.dumps(change))
            size += len(parts[-1])

            if len(parts) >= AT_ONCE or size >= SIZE:
                await self._send_line(parts, after, is_all=False)
                parts, size = [], 0

                if self.run.ending.is_left:
                    return

        if parts or is_all:
            await self._send_line(parts, last, is_all=is_all)

    async def _send_line(self, parts: list[str], after: int, *, is_all: bool) -> None:
        reason = json.dumps(self.run.ending.cancel_reason)
        is_paused = json.dumps(self.run.is_paused)
        rest = f'"next": {after}, "is_all": {json.dumps(is_all)}, "reason": {reason}'
        rest += f', "is_paused": {is_paused}'
        await self.send(f'{{"news": [{", ".join(parts)}], {rest}}}\n'.encode())

    def _news(
        self, live: ProgressReports, first: int, last: int
    ) -> Iterator[tuple[int, Sequence[Any]]]:
        for index in range(first, last):
            for report in live.until(index):
                yield index, _of_report(report)

            if change := _of_change(self.run, index):
                yield index + 1, change

        for report in live.until(last):
            yield last, _of_report(report)


def _reports_now(run: Run) -> Iterator[Report]:
    """Give how far the jobs that run have come."""
    for place in run.table.with_status(Status.RUNNING):
        job = run.job(place)

        if job.progress is not None:
            yield Report(job, job.attempt, job.progress, time.time())


def _of_report(report: Report) -> Sequence[Any]:
    job, attempt, progress, at = report
    return job.place, "", at, "", attempt, progress


def _of_change(run: Run, index: int) -> Sequence[Any] | None:
    """Return what is told of a change; None for one of the submission itself."""
    change = run.history[index]
    place, status, at, reason = change

    if place is None or status is None:
        return None

    job = run.job(place)

    if status in FINAL:
        return *change, job.record()

    if status is Status.PENDING and reason:
        number = job.attempt_that_failed(at)
        kept = (attempt for attempt in job.attempts if attempt.number == number)
        return *change, number, next(kept, None)

    return change
