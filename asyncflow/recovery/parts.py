"""Parts: the tasks and sequences of scenarios, found by their ids."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

from asyncflow import ids
from asyncflow.abc import Store
from asyncflow.config import Configuration
from asyncflow.entities.scenario import Scenario
from asyncflow.entities.sequence import Sequence
from asyncflow.entities.task import Task
from asyncflow.errors import NotFound
from asyncflow.options import Page
from asyncflow.records import SubmissionRecord

SOME = Page(newest_first=True, limit=20)
"""Which scenarios are asked for a task that many share."""


async def part(
    store: Store,
    config: Configuration,
    get: Callable[[str], Awaitable[Scenario]],
    part_id: str,
) -> Sequence | Task:
    """Return a task, or a sequence.

    :param get: brings a scenario back by its id
    :raises NotFound: where there is none with this id
    """
    async for scenario_id in _scenarios(store, config, part_id):
        with suppress(NotFound):
            scenario = await get(scenario_id)
            parts: list[Sequence | Task] = [*scenario.sequences.values()]
            parts += scenario.tasks.values()

            for found in parts:
                if found.id == part_id:
                    return found

    raise NotFound(part_id)


async def _scenarios(
    store: Store, config: Configuration, part_id: str
) -> AsyncIterator[str]:
    """Yield the ids of scenarios that may have it."""
    if not ids.is_shared(part_id):
        for scenario_id in ids.scenarios_of(part_id):
            yield scenario_id

        return

    name = ids.config_of(part_id)

    for declared in [*config.scenarios.values()]:
        if any(task.id == name for task in declared.task_configs):
            for record in await store.scenarios(
                config_id=declared.id, cycle_id=ids.cycle_of(part_id), page=SOME
            ):
                yield record.id

    # It may be declared no more: then its jobs tell whose it was.
    for job in await store.jobs(task_id=part_id, page=SOME):
        run = await store.get(job.submission_id)

        if isinstance(run, SubmissionRecord):
            yield run.scenario_id
