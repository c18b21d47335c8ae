"""What can be done with an entity as things are now, and why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncflow import ids
from asyncflow.abc import Store
from asyncflow.entities.reasons import (
    CannotBeDeletedAlone,
    HasNoCycle,
    HasUnfinishedRun,
    IsPrimaryAlready,
    IsPrimaryWithSiblings,
    IsUnknown,
    Reason,
    Reasons,
)
from asyncflow.errors import NotFound, RecordDamaged
from asyncflow.options import Page
from asyncflow.records import CycleRecord, ScenarioRecord, SubmissionRecord

if TYPE_CHECKING:
    from asyncflow.runtime.engine import Engine


async def exists(engine: Engine, entity_id: str) -> Reasons:
    """Tell whether there is something; see `Orchestrator.exists`."""
    try:
        if ids.kind_of(entity_id) in (ids.SEQUENCE, ids.TASK, ids.JOB):
            await engine.loader.get(entity_id)  # a part of something else
            return Reasons()

        is_there = await engine.store.get(entity_id) is not None
    except NotFound:
        is_there = False
    except RecordDamaged:
        is_there = True

    return Reasons() if is_there else Reasons((IsUnknown(entity_id=entity_id),))


async def is_promotable(store: Store, scenario_id: str) -> Reasons:
    """Tell whether a scenario can become primary; see `Orchestrator.is_promotable`."""
    record = await store.get(scenario_id)

    if not isinstance(record, ScenarioRecord):
        return Reasons((IsUnknown(entity_id=scenario_id),))

    cycle = await store.get(record.cycle_id) if record.cycle_id else None

    if not isinstance(cycle, CycleRecord):
        return Reasons((HasNoCycle(entity_id=scenario_id),))

    if cycle.primary_id == scenario_id:
        return Reasons((IsPrimaryAlready(entity_id=scenario_id, cycle_id=cycle.id),))

    return Reasons()


async def is_deletable(store: Store, entity_id: str) -> Reasons:
    """Tell whether an entity can be deleted; see `Orchestrator.is_deletable`."""
    found: list[Reason] = []

    match await store.get(entity_id):
        case None:
            found.append(IsUnknown(entity_id=entity_id))
        case ScenarioRecord() as scenario:
            found += await _siblings(store, scenario)
            found += await _runs(store, entity_id, entity_id)
        case SubmissionRecord() as run:
            if run.finished is None:
                found.append(HasUnfinishedRun(entity_id=run.id, submission_id=run.id))
        case CycleRecord() as cycle:
            for one in await store.scenarios(cycle_id=cycle.id):
                found += await _runs(store, one.id, entity_id)
        case _:
            found.append(CannotBeDeletedAlone(entity_id=entity_id))

    return Reasons(tuple(found))


async def _siblings(store: Store, scenario: ScenarioRecord) -> list[Reason]:
    cycle = await store.get(scenario.cycle_id) if scenario.cycle_id else None

    if not isinstance(cycle, CycleRecord) or cycle.primary_id != scenario.id:
        return []

    others = len(await store.scenarios(cycle_id=cycle.id)) - 1
    reason = IsPrimaryWithSiblings(
        entity_id=scenario.id, cycle_id=cycle.id, siblings=others
    )
    return [reason] if others else []


async def _runs(store: Store, scenario_id: str, entity_id: str) -> list[Reason]:
    runs = await store.submissions(
        scenario_id=scenario_id, is_finished=False, page=Page(limit=10)
    )
    return [HasUnfinishedRun(entity_id=entity_id, submission_id=run.id) for run in runs]
