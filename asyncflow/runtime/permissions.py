"""What can be done with an entity as things are now, and why not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from asyncflow import ids
from asyncflow.abc import Store
from asyncflow.config.sections import DataNodeConfig, ScenarioConfig, Scope
from asyncflow.dispatch.scheduler import Scheduler
from asyncflow.entities.data_node import DataNode, node_of
from asyncflow.entities.reasons import (
    CannotBeCreated,
    CannotBeDeletedAlone,
    CannotBeSubmitted,
    HasNoCycle,
    HasUnfinishedRun,
    IsBeingEdited,
    IsNotGlobal,
    IsPrimaryAlready,
    IsPrimaryWithSiblings,
    IsUnknown,
    Reason,
    Reasons,
    WasNeverWritten,
)
from asyncflow.entities.submittable import Submittable, dag_of
from asyncflow.errors import NotFound, RecordDamaged
from asyncflow.options import Page
from asyncflow.records import (
    CycleRecord,
    JobRecord,
    ScenarioRecord,
    SubmissionRecord,
)
from asyncflow.recovery.loader import EntityLoader


async def exists(loader: EntityLoader, entity_id: str) -> Reasons:
    """Tell whether there is something; see `Orchestrator.exists`."""
    try:
        if ids.kind_of(entity_id) in (ids.SEQUENCE, ids.TASK, ids.JOB):
            await loader.get(entity_id)  # a part of something else
            return Reasons()

        is_there = await loader.store.get(entity_id) is not None
    except NotFound:
        is_there = False
    except RecordDamaged:
        is_there = True

    return Reasons() if is_there else Reasons((IsUnknown(entity_id=entity_id),))


async def is_editable(loader: EntityLoader, entity_id: str) -> Reasons:
    """Tell whether it can be changed; see `Orchestrator.is_editable`."""
    found = await exists(loader, entity_id)

    if found and ids.kind_of(entity_id) == ids.DATA_NODE:
        node = await loader.get(entity_id)
        assert isinstance(node, DataNode)
        return Reasons(tuple(_locks([node])))

    return found


async def is_submittable(
    loader: EntityLoader, scheduler: Scheduler, entity_id: str
) -> Reasons:
    """Tell whether it can be submitted; see `Orchestrator.is_submittable`."""
    try:
        entity = await loader.get(entity_id)
    except NotFound:
        return Reasons((IsUnknown(entity_id=entity_id),))

    if not isinstance(entity, Submittable):
        return Reasons((CannotBeSubmitted(entity_id=entity_id),))

    sources = [entity.data_nodes[name] for name in dag_of(entity).sources]
    unwritten = [
        WasNeverWritten(entity_id=node.id)
        for node in sources
        if node.last_edit_date is None and not scheduler.will_be_written(node_of(node))
    ]
    return Reasons((*_locks(sources), *unwritten))


def can_create(config: object) -> Reasons:
    """Tell whether it can be created by itself; see `Orchestrator.can_create`."""
    if config is None or isinstance(config, ScenarioConfig):
        return Reasons()

    if not isinstance(config, DataNodeConfig):
        return Reasons((CannotBeCreated(entity_id=f"{config!r:.100}"),))

    if config.scope is Scope.GLOBAL:
        return Reasons()

    return Reasons((IsNotGlobal(entity_id=config.id, scope=config.scope.value),))


def _locks(nodes: Iterable[DataNode]) -> Iterator[Reason]:
    for node in nodes:
        if node.is_locked:
            yield IsBeingEdited(entity_id=node.id, editor_id=str(node.editor_id))


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
            found += await _unknown(store, entity_id)
        case JobRecord() as job:
            found += await _run_of(store, job.id)
        case ScenarioRecord() as scenario:
            found += await _siblings(store, scenario)
            found += await _runs(store, entity_id, entity_id)
        case SubmissionRecord() as run:
            if run.finished is None:
                found.append(HasUnfinishedRun(entity_id=run.id, submission_id=run.id))
        case CycleRecord() as cycle:
            for sharer in await store.scenarios(cycle_id=cycle.id):
                found += await _runs(store, sharer.id, entity_id)
        case _:
            found.append(CannotBeDeletedAlone(entity_id=entity_id))

    return Reasons(tuple(found))


async def _unknown(store: Store, entity_id: str) -> list[Reason]:
    """Say why what has no record is not deleted: a job has none before it has ended."""
    if ids.kind_of(entity_id) == ids.JOB and (runs := await _run_of(store, entity_id)):
        return runs

    return [IsUnknown(entity_id=entity_id)]


async def _run_of(store: Store, job_id: str) -> list[Reason]:
    """Say that the run of a job has not ended: until then it may be needed."""
    run = await store.get(ids.submission_of(job_id))

    if isinstance(run, SubmissionRecord) and run.finished is None:
        return [HasUnfinishedRun(entity_id=job_id, submission_id=run.id)]

    return []


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
