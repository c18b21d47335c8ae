"""What a run wrote."""

from __future__ import annotations

from asyncflow.abc import Store
from asyncflow.entities.data_node import DataNode
from asyncflow.entities.job import DONE, Job, Status
from asyncflow.entities.submission import Submission
from asyncflow.errors import UsageError


def writer_of(submission: Submission, name: str) -> Job:
    """Return the job of a run that writes a data node.

    :raises UsageError: where none does
    """
    for place, task in enumerate(submission.tasks):
        if name in task.output:
            return submission.job(place)

    names = ", ".join(one for task in submission.tasks for one in task.output)
    raise UsageError(
        f"no job of {submission.id} writes {name!r}: its outputs are {names or 'none'}"
    )


async def version_of(store: Store, job: Job, node: DataNode) -> int | None:
    """Return the number of the version that a job wrote; None where it has not.

    One that was skipped stands for the last one before.
    """
    if job.status not in DONE:
        return None

    ended = job.finished_at.timestamp() * 1e9 if job.finished_at else 0.0
    number = None

    for record in await store.versions(node_id=node.id):
        if job.status is Status.SKIPPED:
            number = record.number if record.number <= ended else number
        elif record.job_id == job.id:
            number = record.number

    return number


def why_unwritten(job: Job) -> str:
    """Say why a job has not written its outputs."""
    why = f": {job.reason}" if job.reason else ""
    return f"{job.id}, which writes it in this run, is {job.status}{why}"
