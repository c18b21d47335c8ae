"""What happens to entities, for those who asked to be told: loaded once somebody has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from asyncflow import ids
from asyncflow.entities.job import Job
from asyncflow.entities.scenario import Scenario
from asyncflow.entities.submittable import nodes_of, tasks_of
from asyncflow.events import (
    EntityCreated,
    EntityDeleted,
    EntityEvent,
    EntityUpdated,
)
from asyncflow.runs.node import NodeState
from asyncflow.status import Status

WRITTEN = ("last_edit_date", "edits")
"""The attributes of a data node that a write changes."""

_TYPES = {ids.DATA_NODE: "DATA_NODE"}
"""The types that are called otherwise than the ids begin."""


def written_by(job: Job) -> Iterator[EntityEvent]:
    """Tell what a job has written, if it has completed."""
    if job.status is Status.COMPLETED:
        for node in job.task.output.values():
            yield updated(node.id, node.config_id, WRITTEN)


def created(scenario: Scenario, shared: Iterable[NodeState]) -> Iterator[EntityEvent]:
    """Tell of a scenario that was made, of its parts first.

    :param shared: the data nodes of those shared that were made with it
    """
    at = datetime.now(UTC)

    def event(entity_id: str, config_id: str | None) -> EntityEvent:
        return EntityCreated(
            entity_type=type_of(entity_id),
            entity_id=entity_id,
            config_id=config_id,
            at=at,
        )

    own = [node for node in nodes_of(scenario).values() if not node.is_shared]

    cycle = scenario.cycle

    if cycle is not None and cycle.primary_id == scenario.id:  # the first that it has
        yield event(cycle.id, None)

    for node in (*shared, *own):
        yield event(node.id, node.config_id)

    for task in tasks_of(scenario).values():
        yield event(task.id, task.config_id)

    for sequence in scenario.sequences.values():
        yield event(sequence.id, None)

    yield event(scenario.id, scenario.config_id)


def new(entity_id: str, config_id: str | None) -> EntityEvent:
    """Tell that an entity was made by itself."""
    return EntityCreated(
        entity_type=type_of(entity_id),
        entity_id=entity_id,
        config_id=config_id,
        at=datetime.now(UTC),
    )


def updated(
    entity_id: str, config_id: str | None, attributes: Iterable[str]
) -> EntityEvent:
    """Tell that attributes of an entity were changed."""
    return EntityUpdated(
        entity_type=type_of(entity_id),
        entity_id=entity_id,
        config_id=config_id,
        attributes=tuple(attributes),
        at=datetime.now(UTC),
    )


def deleted(*entity_ids: str) -> Iterator[EntityEvent]:
    """Tell that entities were deleted."""
    at = datetime.now(UTC)

    for entity_id in entity_ids:
        kind = type_of(entity_id)
        has_config = kind in ("SCENARIO", "DATA_NODE")
        yield EntityDeleted(
            entity_type=kind,
            entity_id=entity_id,
            config_id=ids.config_of(entity_id) if has_config else None,
            at=at,
        )


def type_of(entity_id: str) -> str:
    """Return the type of what has an id."""
    kind = ids.kind_of(entity_id)
    return _TYPES.get(kind, kind)
