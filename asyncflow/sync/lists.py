"""The lists of what there is, as functions: each gives handles."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Unpack

from asyncflow import ids
from asyncflow.config.checks.values import (
    check_id,
    id_of_kind,
    names_own_arguments,
)
from asyncflow.config.sections import NOT_GIVEN, NotGiven
from asyncflow.records import LabelRecord
from asyncflow.sync import listing
from asyncflow.sync.cycle import Cycle
from asyncflow.sync.data_node import DataNode
from asyncflow.sync.handles import Job, Sequence, Submission, Task
from asyncflow.sync.orchestrator import opened
from asyncflow.sync.scenario import Scenario

if TYPE_CHECKING:
    from asyncflow.runtime.submission_listing import SubmissionFilters


@names_own_arguments
def get_scenarios(
    cycle: Cycle | str | None = None,
    tag: str | None = None,
    is_sorted: bool = False,
    descending: bool = False,
    created_start_time: datetime | None = None,
    created_end_time: datetime | None = None,
    sort_key: str = "name",
    *,
    config_id: str | None = None,
    name: str | None = None,
    is_primary: bool | None = None,
    property: Mapping[str, object]
    | tuple[str, object]
    | None = None,  # the async verb's
    value: Mapping[str, object] | tuple[str, object] | None = None,
    version: str | NotGiven | None = NOT_GIVEN,
    limit: int | None = None,
    offset: int = 0,
) -> list[Scenario]:
    """Return the scenarios, those of other processes included.

    Each handle is brought back when more is asked of it than its id, config id, creation
    date, name, tags and properties: many cost little.

    :param cycle: a cycle that they belong to, or its id; None for any
    :param tag: a tag that they have; None for any
    :param is_sorted: sort them by `sort_key`; otherwise they come by their creation dates
    :param descending: the last ones first
    :param created_start_time: the first creation date; None for any
    :param created_end_time: the creation date before which they were made; None for any
    :param sort_key: ``"name"``, those without one first, ``"id"``, ``"config_id"``,
        ``"creation_date"`` or ``"tags"``; those that are the same in that by their dates
    :param config_id: the id of their config; None for any
    :param name: what they are called; None for any
    :param is_primary: whether they are primary in their cycle; None for either
    :param property: a property that they have; see `asyncflow.Orchestrator.scenarios`
    :param value: what a data node of theirs has now; see the same
    :param version: a version of the application; see the same
    :param limit: how many at most; None for all
    :param offset: how many to leave out at the beginning
    :raises ValueError: where there is no such sort_key, or nothing is found by such a
        property or value
    """
    records = opened().scenarios(
        cycle=None if cycle is None else id_of_kind(cycle, ids.CYCLE),
        tag=tag,
        created_from=created_start_time,
        created_to=created_end_time,
        config_id=config_id,
        name=name,
        is_primary=is_primary,
        property=property,
        value=value,
        version=version,
        sort_key=sort_key if is_sorted else "creation_date",
        descending=descending,
        limit=limit,
        offset=offset,
    )
    return listing.scenarios(records, opened().loop)


@names_own_arguments
def get_primary_scenarios(
    is_sorted: bool = False,
    descending: bool = False,
    created_start_time: datetime | None = None,
    created_end_time: datetime | None = None,
    sort_key: str = "name",
) -> list[Scenario]:
    """Return the primary scenarios of all cycles; see `get_scenarios`."""
    return get_scenarios(
        None,
        None,
        is_sorted,
        descending,
        created_start_time,
        created_end_time,
        sort_key,
        is_primary=True,
    )


def get_cycles_scenarios() -> dict[Cycle | None, list[Scenario]]:
    """Return the scenarios of each cycle; those that belong to none under None."""
    loop = opened().loop
    found: dict[Cycle | None, list[Scenario]] = {}
    by_id = {cycle.id: cycle for cycle in get_cycles()}

    for record in opened().scenarios():
        cycle = None if record.cycle_id is None else by_id.get(record.cycle_id)
        found.setdefault(cycle, []).extend(listing.scenarios([record], loop))

    return found


@names_own_arguments
def get_cycles(
    *,
    frequency: str | None = None,
    newest_first: bool = False,
    limit: int | None = None,
    offset: int = 0,
) -> list[Cycle]:
    """Return the cycles, by their first instants; see `asyncflow.Orchestrator.cycles`."""
    records = opened().cycles(
        frequency=frequency, newest_first=newest_first, limit=limit, offset=offset
    )
    return listing.cycles(records, opened().loop)


def get_tasks() -> list[Task]:
    """Return the tasks of all scenarios."""
    return listing.tasks(opened().scenarios(), opened().loop)


def get_sequences() -> list[Sequence]:
    """Return the sequences of all scenarios."""
    return listing.sequences(opened().scenarios(), opened().loop)


@names_own_arguments
def get_data_nodes(
    *,
    owner_id: str | None = None,
    version: str | NotGiven | None = NOT_GIVEN,
    limit: int | None = None,
    offset: int = 0,
) -> list[DataNode]:
    """Return the data nodes; see `asyncflow.Orchestrator.data_nodes`."""
    records = opened().data_nodes(
        owner_id=owner_id, version=version, limit=limit, offset=offset
    )
    return listing.data_nodes(records, opened().loop)


@names_own_arguments
def get_jobs(
    *,
    submission_id: str | None = None,
    task_id: str | None = None,
    status: str | None = None,
    version: str | NotGiven | None = NOT_GIVEN,
    newest_first: bool = False,
    limit: int | None = None,
    offset: int = 0,
) -> list[Job]:
    """Return jobs, those that wait or run included; see `asyncflow.Orchestrator.jobs`."""
    records = opened().jobs(
        submission_id=submission_id,
        task_id=task_id,
        status=status,
        version=version,
        newest_first=newest_first,
        limit=limit,
        offset=offset,
    )
    return listing.jobs(records, opened().loop)


def get_submissions(
    *,
    entity_id: str | None = None,
    scenario_id: str | None = None,
    status: str | None = None,
    is_finished: bool | None = None,
    newest_first: bool = False,
    limit: int | None = None,
    offset: int = 0,
    **filters: Unpack[SubmissionFilters],
) -> list[Submission]:
    """Return submissions, in their order; see `asyncflow.Orchestrator.submissions`."""
    records = opened().submissions(
        entity_id=entity_id,
        scenario_id=scenario_id,
        status=status,
        is_finished=is_finished,
        newest_first=newest_first,
        limit=limit,
        offset=offset,
        **filters,
    )
    return listing.submissions(records, opened().loop)


def get_versions() -> list[LabelRecord]:
    """Return the versions of the application; see `asyncflow.Orchestrator.versions`."""
    return opened().versions()


@names_own_arguments
def get_latest_job(task: Task | str) -> Job | None:
    """Return the job of a task that comes last; None where it has none.

    :param task: it, or its id
    """
    task_id = id_of_kind(task, ids.TASK)
    found = get_jobs(task_id=task_id, newest_first=True, limit=1)
    return found[0] if found else None


@names_own_arguments
def get_latest_submission(
    entity: Scenario | Sequence | Task | str,
) -> Submission | None:
    """Return the last submission of an entity; None where it has none.

    :param entity: it, or its id
    """
    entity_id = id_of_kind(entity, *ids.SUBMITTABLE)
    found = get_submissions(entity_id=entity_id, newest_first=True, limit=1)
    return found[0] if found else None


@names_own_arguments
def get_entities_by_config_id(
    config_id: str,
) -> list[Scenario] | list[Task] | list[DataNode]:
    """Return the scenarios of a config; where there are none the tasks of a config, or
    else the data nodes.
    """
    if scenarios := get_scenarios(config_id=check_id(config_id)):
        return scenarios

    if tasks := [task for task in get_tasks() if task.config_id == config_id]:
        return tasks

    return [node for node in get_data_nodes() if node.config_id == config_id]
