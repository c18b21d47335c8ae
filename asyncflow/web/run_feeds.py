"""The events of single runs, for many who follow them: each is written once, not for each."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Hashable
from contextlib import aclosing, contextmanager
from random import random

import attrs
from anyio import sleep

from asyncflow.entities.submission import Run, Submission, run_of
from asyncflow.entities.submittable import verbs_of
from asyncflow.runs.run_events import all_parts, event_of, subjects_of
from asyncflow.runs.watchers import Report
from asyncflow.web.feeds import AT_ONCE, PAUSE
from asyncflow.web.live import told


@attrs.define(eq=False)
class RunFeed:
    """What happens in a run, as it is sent.

    :param readers: how many follow it
    """

    run: Run
    readers: int = 0
    _texts: list[tuple[int, str]] = attrs.field(init=False, factory=list)
    """By the places in the history: the numbers of the events, and the events."""
    _reports: dict[Hashable, tuple[Report, str]] = attrs.field(init=False, factory=dict)
    """Of each attempt the newest."""

    def told(self, subject: int | Report, before: int) -> str:
        """Return the event of something; ``""`` where it is none, or was seen before.

        :param before: the number of the last event that was seen
        """
        if not isinstance(subject, int):
            return self._report(subject)

        while len(self._texts) <= subject:
            event = event_of(self.run, len(self._texts))
            number = self._texts[-1][0] if self._texts else 0

            if event is not None:
                number += 1

            self._texts.append((number, "" if event is None else told(event, number)))

        number, text = self._texts[subject]
        return text if number > before else ""

    def _report(self, report: Report) -> str:
        known, text = self._reports.get(report.key, (None, ""))

        if known is not report:
            event = event_of(self.run, report)
            assert event is not None
            text = told(event)  # no history has it, so that it has no number
            self._reports[report.key] = report, text

        return text


@attrs.frozen(eq=False)
class RunFeeds:
    """The runs that anybody follows."""

    _open: dict[str, RunFeed] = attrs.field(init=False, factory=dict)

    def __len__(self) -> int:
        return len(self._open)

    async def follow(self, submission: Submission, before: int) -> AsyncGenerator[str]:
        """Give what happens in a run from the first, until it has ended.

        :param before: the number of the last event that was seen
        """
        run, flush = run_of(submission), verbs_of(submission.entity).flush
        live = run.watchers.watch()

        try:
            with self._feed(run) as feed:
                async with aclosing(all_parts(run, live, flush)) as parts:
                    async for first, last in parts:
                        for start in range(first, last, AT_ONCE) or (last,):
                            end = min(start + AT_ONCE, last)
                            subjects = subjects_of(live, start, end)

                            if text := "".join(
                                feed.told(subject, before) for subject in subjects
                            ):
                                yield text

                        if not run.is_finished:
                            await sleep(PAUSE * (0.5 + random()))  # noqa: S311  # no secret
        finally:
            run.watchers.unwatch(live)

    @contextmanager
    def _feed(self, run: Run) -> Generator[RunFeed]:
        feed = self._open.setdefault(run.id, RunFeed(run))
        feed.readers += 1

        try:
            yield feed
        finally:
            feed.readers -= 1

            if not feed.readers:
                del self._open[run.id]
