"""What has happened in a run, and what its jobs wait for, in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from asyncflow.entities.job import Job
from asyncflow.entities.submission import Submission
from asyncflow.status import Status

SHOWN = 200
"""How many of the last events a page shows."""

NAMED = 3
"""How many data nodes are named that a job waits for."""


class Happened(NamedTuple):
    """Something that has happened in a run."""

    at: datetime
    what: str
    job: Job | None = None


def history(run: Submission, jobs: Iterable[Job]) -> list[Happened]:
    """Return what has happened so far, the last of it first."""
    found = [Happened(run.submitted_at, "the run was submitted")]

    for job in jobs:
        for attempt in job.attempts:
            what = f"attempt {attempt.number} failed: {attempt.reason}"
            found.append(Happened(attempt.ended_at, what, job))

        if job.run_at is not None:
            attempt_text = f", attempt {job.attempt}" if job.attempt > 1 else ""
            found.append(Happened(job.run_at, f"began{attempt_text}", job))

        if job.finished_at is not None:
            what = f"{job.status}: {job.reason}" if job.reason else str(job.status)
            found.append(Happened(job.finished_at, what, job))

    if run.finished_at is not None:
        found.append(Happened(run.finished_at, f"the run ended: {run.status}"))

    found.sort(key=lambda each: each.at)
    return found[: -SHOWN - 1 : -1]


def waits_for(jobs: Sequence[Job]) -> dict[str, str]:
    """Say what the jobs of a run wait for that have not begun, by their ids."""
    makers = {node.id: job for job in jobs for node in job.task.output.values()}
    found: dict[str, str] = {}

    for job in jobs:
        if job.status not in (Status.SUBMITTED, Status.BLOCKED, Status.PENDING):
            continue

        names = [
            name
            for name, node in job.task.input.items()
            if (node.id in makers and not makers[node.id].is_finished)
            or not (node.id in makers or node.is_ready_for_reading)
        ]
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""

        if names:
            found[job.id] = f"waits for {', '.join(names[:NAMED])}{more}"
        elif job.status is Status.PENDING:
            found[job.id] = "waits for a worker"
        else:
            found[job.id] = "waits for others that read or write its data nodes"

    return found


def never_written(run: Submission) -> list[str]:
    """Name the data nodes that a run reads, and that were never written."""
    return [
        name
        for name, read in run.inputs.items()
        if not (read.is_given or read.data_node.is_ready_for_reading)
    ]
