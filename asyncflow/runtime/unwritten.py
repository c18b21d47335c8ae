"""Unwritten: why a data node has no value yet."""

from __future__ import annotations

from asyncflow.abc import Store
from asyncflow.entities.scenario import Scenario
from asyncflow.entities.submittable import tasks_of
from asyncflow.options import Page
from asyncflow.runs.node import NodeState
from asyncflow.status import Status

_LAST = Page(newest_first=True, limit=1)


async def why_unwritten(store: Store, scenario: Scenario, node: NodeState) -> str:
    """Say what became of the last job that should have written a data node.

    :param scenario: whose data node it is
    :return: an empty text where no job has, or where it has completed
    """
    for task in tasks_of(scenario).values():
        if node.config_id not in task.output:
            continue

        for job in await store.jobs(task_id=task.id, page=_LAST):
            if job.status is not Status.COMPLETED:
                why = f": {job.reason}" if job.reason else ""
                return (
                    f"{job.id} of task {task.config_id!r}, which writes it, is "
                    f"{job.status}{why}"
                )

    return ""
