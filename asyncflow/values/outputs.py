"""What a run wrote."""

from __future__ import annotations

from collections.abc import Iterable

from asyncflow.entities.data_node import Edit
from asyncflow.entities.submission import Run
from asyncflow.errors import UsageError
from asyncflow.runs.job import JobState
from asyncflow.status import DONE, Status


def writer_of(run: Run, name: str) -> int:
    """Return the place of the job of a run that writes a data node.

    :raises UsageError: where none does
    """
    for place, task in enumerate(run.tasks):
        if name in task.output:
            return place

    names = ", ".join(one for task in run.tasks for one in task.output)
    raise UsageError(
        f"no job of {run.id} writes {name!r}: its outputs are {names or 'none'}"
    )


def edit_of(run: Run, place: int, edits: Iterable[Edit]) -> Edit | None:
    """Return the edit that a job made, of those of a data node; None where it has not.

    One that was skipped stands for the last one before.
    """
    if run.table.status[place] not in DONE:
        return None

    job, found = run.job(place), None

    for edit in edits:
        is_own = edit.job_id == job.id
        was_there = (
            job.status is Status.SKIPPED
            and job.finished_at is not None
            and edit.at.timestamp() <= job.finished_at
        )

        if is_own or was_there:
            found = edit

    return found


def why_unwritten(job: JobState) -> str:
    """Say why a job has not written its outputs."""
    why = f": {job.reason}" if job.reason else ""
    return f"{job.id}, which writes it in this run, is {job.status}{why}"
