"""What a store has of a run, or another process tells of it, taken over."""

from __future__ import annotations

from collections.abc import Mapping
from operator import itemgetter
from typing import Any

import attrs

from asyncflow.abc import Progress
from asyncflow.records import AttemptRecord, JobRecord, SubmissionRecord
from asyncflow.runs.job import JobState, number_of_next
from asyncflow.runs.run import AnyRun, Change, Run
from asyncflow.status import FINAL, TRANSITIONS, Status

UNKNOWN = "the run has ended, and the store has no record of this job"
"""The reason of a job of which it is not known what became of it."""


def become(run: Run[Any], other: Run[Any]) -> None:
    """Turn a run into another one, whose object is used no more.

    For one whose idempotency key is that of an earlier run.
    """
    run.entity, run.dag = other.entity, other.dag
    run.options = attrs.evolve(other.options, timeout=run.options.timeout)
    run.submitted = other.submitted
    run.begin(other.tasks)
    run.watchers.wake()


def lose(run: AnyRun, at: float, reason: str, error: Exception | None = None) -> None:
    """End a run here: nobody can tell what becomes of it.

    :param error: what ``await`` raises; None for what the jobs' statuses tell
    """
    if error is not None:
        run.ending.fail(error)

    run.ending.cancel(reason)

    for job in run.jobs:
        if job.status not in FINAL:
            job.move(Status.CANCELED, at, reason)

    run.finished(at)


def resume(run: AnyRun, orchestrator_id: str, jobs: Mapping[str, JobRecord]) -> None:
    """Have a run go on in another orchestrator: jobs that have not ended start anew.

    :param jobs: those that have ended, by id
    """
    anew(run)
    restore(run, run.record()._replace(finished=None), jobs)
    run.orchestrator_id = orchestrator_id
    run.is_adopted = True
    run.ending.interrupt_reason = None
    run.is_seen = False


def restore(
    run: AnyRun, record: SubmissionRecord, jobs: Mapping[str, JobRecord]
) -> None:
    """Take over what a store has of a run, and tell what is news.

    :param jobs: those that are kept, by id
    """
    run.is_seen = True  # by who began it
    run.orchestrator_id = record.orchestrator_id
    wish = None if record.finished is not None else run.ending.cancel_reason
    run.ending.cancel_reason = record.reason or wish
    run.is_paused = record.is_paused
    news: list[Change] = []

    for job in run.jobs if jobs else ():
        if kept := jobs.get(job.id):
            news += _restored(run, job, kept)

    for change in sorted(news, key=itemgetter(2)):
        run.tell(change)

    if record.finished is not None and not run.is_finished:
        _end_unknown(run, record.finished)
        run.finished(record.finished)


def _end_unknown(run: AnyRun, at: float) -> None:
    """End the jobs of a run that has ended of which there is no record: it was deleted
    while it was looked at, or cannot be loaded.
    """
    if len(run.table.ended()) == len(run.tasks):
        return

    for job in run.jobs:
        if job.status not in FINAL:
            job.move(Status.CANCELED, at, UNKNOWN)


def anew(run: AnyRun) -> None:
    """Have what has not ended wait again: its orchestrator is gone."""
    for place, status in enumerate(run.table.status):
        if status not in FINAL and status is not Status.SUBMITTED:
            run.table.recount(place, status, Status.SUBMITTED)

    for job in run.table.made.values():
        if job.status not in FINAL:
            job.anew()


def went(run: AnyRun, place: int, status: Status, at: float, reason: str) -> None:
    """Take over that a job waits or runs, in another process; what is old, or cannot
    be, is left.

    :param at: when, in seconds since the epoch
    """
    job = run.job(place)

    if status in TRANSITIONS[job.status] and not job.has_run_since_then(at):
        job.move(status, at, reason)


def tried(
    run: AnyRun,
    place: int,
    at: float,
    reason: str,
    number: int,
    attempt: AttemptRecord | None,
) -> None:
    """Take over that an attempt at a job failed, in another process.

    :param number: the number of the attempt
    :param attempt: what is known of it; None where that is not kept
    """
    job = run.job(place)

    if job.status is Status.RUNNING and not job.has_run_since_then(at):
        job.tried(number, at, attempt)
        job.move(Status.PENDING, at, reason)


def came(run: AnyRun, place: int, attempt: int, progress: Progress, at: float) -> None:
    """Take over how far a job has come, in another process.

    :param attempt: the number of its attempt
    :param at: when, in seconds since the epoch
    """
    job = run.job(place)

    if job.status is Status.RUNNING and job.attempt == attempt:
        job.reported(progress, at)


def ended_as(run: AnyRun, place: int, record: JobRecord) -> None:
    """Take over how a job ended, in another process."""
    for change in _restored(run, run.job(place), record):
        run.tell(change)


def _restored(run: AnyRun, job: JobState, kept: JobRecord) -> list[Change]:
    """Take over what is kept of a job; return what of it is news, in its order.

    Final is final. Of a job that runs, what is older than what is known is left.
    """
    old, known, run_at = job.status, job.attempt, job.run_at
    now = number_of_next(kept.attempts), kept.started or 0.0

    if old in FINAL or (kept.status not in FINAL and now <= (known, run_at or 0.0)):
        return []

    job.restore(kept)
    run.table.recount(job.place, old, job.status)
    news: list[Change] = []
    place = job.place

    for attempt in kept.attempts:
        if attempt.number >= known:
            if attempt.started is not None and attempt.started != run_at:
                news.append((place, Status.RUNNING, attempt.started, ""))
                run_at = attempt.started

            why = attempt.reason or str(attempt.kind)
            news.append((place, Status.PENDING, attempt.ended, why))

    if kept.started is not None and kept.started != run_at:
        news.append((place, Status.RUNNING, kept.started, ""))

    if kept.finished is not None:
        news.append((place, job.status, kept.finished, job.reason))

    return news
