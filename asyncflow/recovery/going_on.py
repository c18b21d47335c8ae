"""Jobs that outlive their orchestrator: they go on for who takes its runs over."""

from __future__ import annotations

from collections.abc import Mapping

from asyncflow import ids
from asyncflow.abc import Executor, Store
from asyncflow.records import JobRecord, SubmissionRecord
from asyncflow.runs.job import number_of_next
from asyncflow.status import FINAL, Status


async def take_over(
    executor: Executor | None,
    store: Store,
    dead_id: str,
    kept: Mapping[str, dict[str, JobRecord]],
) -> bool:
    """Have jobs of a dead orchestrator go on here; end those that nobody wants.

    Those of runs that others have taken over are left.

    :param executor: where they go on; None for nowhere
    :param kept: what is kept of the jobs of the runs that were taken over here, by the ids
        of these: those that go on have not failed, nor do they count as a crash
    :return: whether any goes on
    """
    if executor is None:
        return False

    if not kept and await store.get(dead_id) is not None:
        return False  # it lives, or others have what it had

    found = await executor.take_over(dead_id)
    unwanted: list[str] = []
    is_wanted: dict[str, bool] = {}

    for job_id, attempt in found.items():
        run_id = ids.submission_of(job_id)

        if run_id in kept:
            if not _goes_on(kept[run_id], job_id, attempt):
                unwanted.append(job_id)

            continue

        if run_id not in is_wanted:
            record = await store.get(run_id)
            is_wanted[run_id] = (
                isinstance(record, SubmissionRecord) and record.finished is None
            )

        if not is_wanted[run_id]:
            unwanted.append(job_id)

    if found:
        await executor.let_go(dead_id, unwanted)

    return len(unwanted) < len(found)


def _goes_on(kept: dict[str, JobRecord], job_id: str, attempt: int) -> bool:
    """Tell whether an attempt at a job goes on: it waits until it is asked for."""
    if (record := kept.get(job_id)) is None:
        return True

    if record.status in FINAL or attempt < number_of_next(record.attempts):
        return False

    kept[job_id] = record._replace(status=Status.PENDING)
    return True
