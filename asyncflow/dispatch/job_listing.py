"""Jobs under way: what a list of jobs has that the store was not told yet."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TypedDict

from asyncflow import ids
from asyncflow.abc import Store
from asyncflow.entities.submission import Run
from asyncflow.options import Page
from asyncflow.records import JobRecord
from asyncflow.runs.run import AnyRun
from asyncflow.status import FINAL


class Filters(TypedDict):
    """Which jobs are wanted; None for any."""

    submission_id: str | None
    task_id: str | None
    status: str | None
    labels: Collection[str] | None


async def list_jobs(
    store: Store,
    runs: Iterable[Run],
    filters: Filters,
    page: Page,
) -> list[JobRecord]:
    """List jobs: those that the store has in its order, and after them the others.

    :param runs: those that are under way here
    """
    newest_first, limit, offset = page
    others = await _untold(store, runs, filters)

    if newest_first:
        first = others[::-1][offset:][:limit]
        left = None if limit is None else limit - len(first)
        skipped = max(0, offset - len(others))

        if left == 0:
            return first

        return first + await store.jobs(**filters, page=Page(True, left, skipped))

    found = await store.jobs(**filters, page=page)

    if len(found) == limit or not others:
        return found

    count = offset + len(found) if found or not offset else None

    if count is None:  # the page begins after all that the store has
        count = len(await store.jobs(**filters))

    left = None if limit is None else limit - len(found)
    return found + others[max(0, offset - count) :][:left]


async def _untold(
    store: Store, runs: Iterable[Run], filters: Filters
) -> list[JobRecord]:
    """Return the jobs under way of which the store has nothing."""
    wanted = [
        job
        for run in runs
        if filters["submission_id"] in (None, run.id)
        and (filters["labels"] is None or _label(run) in filters["labels"])
        for job in records(run)
        if filters["task_id"] in (None, job.task_id)
        and filters["status"] in (None, job.status)
    ]

    if not wanted:
        return []

    saved = await store.jobs(submission_ids={job.submission_id for job in wanted})
    known = {job.id for job in saved}
    return [job for job in wanted if job.id not in known]


def _label(run: AnyRun) -> str | None:
    """Return the version of the application that a run belongs to."""
    return next((task.label for task in run.tasks), None)


def records(run: AnyRun) -> list[JobRecord]:
    """Return the facts of the jobs of a run that have not ended. None is made for that."""
    made = run.table.made
    return [
        made[place].record()
        if place in made
        else JobRecord(
            ids.of_job(task.config.id, run.key),
            task.id,
            run.id,
            status,
            "",
            None,
            None,
            "",
        )
        for place, (task, status) in enumerate(
            zip(run.tasks, run.table.status, strict=True)
        )
        if status not in FINAL
    ]
