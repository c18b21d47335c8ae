"""The events of a run, made of its history for those who read them."""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterator,
)
from contextlib import aclosing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from asyncflow.events import (
    Event,
    JobAttemptFailed,
    JobEvent,
    JobFinished,
    JobPending,
    JobProgressed,
    JobStarted,
    SubmissionFinished,
    SubmissionStarted,
)
from asyncflow.status import FINAL, Status

if TYPE_CHECKING:
    from asyncflow.runs.run import AnyRun, Change
    from asyncflow.runs.watchers import ProgressReports, Report

_KINDS: dict[Status, type[JobEvent]] = {
    Status.PENDING: JobPending,
    Status.RUNNING: JobStarted,
    **dict.fromkeys(FINAL, JobFinished),
}


def kind_of(index: int, change: Change) -> type[Event] | None:
    """Tell which event a change is; None for one that is no event.

    :param index: its place in the history
    """
    place, status, _, reason = change

    if place is None or status is None:
        return SubmissionFinished if index else SubmissionStarted

    if status is Status.PENDING and reason:
        return JobAttemptFailed

    return _KINDS.get(status)


def event_of(run: AnyRun, subject: int | Report) -> Event | None:
    """Make the event of something that has happened; None for what is none.

    :param subject: its place in the history, or what is in none
    """
    if not isinstance(subject, int):
        return event_of_report(subject)

    place, status, at, reason = change = run.history[subject]
    kind = kind_of(subject, change)

    if kind is None:
        return None

    facts: dict[str, Any] = {}

    if kind is SubmissionStarted:
        facts["entity_id"] = run.entity.id
    elif kind is SubmissionFinished:
        facts["status"] = run.status
    elif place is not None:
        facts["job_id"], facts["task"] = run.table.names(place, run)

        if kind is JobFinished:
            facts["status"], facts["reason"] = status, reason
        elif kind is JobAttemptFailed:
            attempt = run.job(place).attempt_that_failed(at)
            facts["attempt"], facts["reason"] = attempt, reason

    return kind(submission_id=run.id, at=datetime.fromtimestamp(at, UTC), **facts)


def event_of_report(report: Report) -> JobProgressed:
    """Make the event of how far a job has come."""
    done, total, message = report.progress
    return JobProgressed(
        submission_id=report.job.run.id,
        at=datetime.fromtimestamp(report.at, UTC),
        job_id=report.job.id,
        task=report.job.name,
        attempt=report.attempt,
        done=done,
        total=total,
        message=message,
    )


def events_of(
    run: AnyRun, live: ProgressReports, first: int, last: int
) -> Iterator[Event]:
    """Make the events of a part of the history, and the reports among them."""
    for subject in subjects_of(live, first, last):
        if event := event_of(run, subject):
            yield event


def subjects_of(live: ProgressReports, first: int, last: int) -> Iterator[int | Report]:
    """Give what `event_of` takes of a part of the history, and the reports among it."""
    for index in range(first, last):
        yield from live.until(index)
        yield index

    yield from live.until(last)


async def all_events(
    run: AnyRun, flush: Callable[[], Awaitable[None]]
) -> AsyncIterator[Event]:
    """Give every event of a run from the first, then live; see `Submission`.

    :param flush: waits until what has happened is durable
    """
    live = run.watchers.watch()

    try:
        async with aclosing(all_parts(run, live, flush)) as parts:
            async for first, last in parts:
                for event in events_of(run, live, first, last):
                    yield event
    finally:
        run.watchers.unwatch(live)


async def all_parts(
    run: AnyRun, live: ProgressReports, flush: Callable[[], Awaitable[None]]
) -> AsyncGenerator[tuple[int, int]]:
    """Give the parts of the history, as they become durable, until the run has ended.

    :param live: the reports that a reader wants with them; one may come with an empty part
    :param flush: waits until what has happened is durable
    """
    index = 0
    run.watchers.count += 1

    try:
        while True:
            known = len(run.history)

            if index < known:
                await flush()  # no event of what might be forgotten

            yield index, known
            index = known

            if known < len(run.history) or live.has_news:
                continue

            if run.is_finished:
                run.is_seen = True
                return

            await run.watchers.next_change()
    finally:
        run.watchers.count -= 1
