"""What happens to entities, for those who asked to be told: loaded once somebody has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from asyncflow import ids
from asyncflow.acting import SUBMITTED_BY, acting_user
from asyncflow.entities.scenario import Scenario
from asyncflow.entities.submittable import nodes_of, tasks_of
from asyncflow.events import (
    EntityCreated,
    EntityDeleted,
    EntityEvent,
    EntityUpdated,
    Event,
    JobEvent,
    JobFinished,
    JobPending,
    JobProgressed,
    SubmissionFinished,
    SubmissionStarted,
)
from asyncflow.runs.node import NodeState
from asyncflow.status import Status

if TYPE_CHECKING:
    from asyncflow.config import Configuration
    from asyncflow.config.sections import TaskConfig
    from asyncflow.notify.listener import Notification

WRITTEN = ("last_edit_date", "edits")
"""The attributes of a data node that a write changes."""

LOCKED = ("editor_id", "editor_expiration_date", "edit_in_progress")
"""Those that a lock changes, and its end."""

_TYPES = {ids.DATA_NODE: "DATA_NODE"}
"""The types that are called otherwise than the ids begin."""

_WITH_CONFIG = (ids.SCENARIO, ids.DATA_NODE, ids.JOB)
"""The kinds whose ids have that of a config."""

_NEVER_READY = (Status.ABANDONED, Status.SKIPPED)
"""How jobs end of which nobody was told that they wait for a worker."""


def told_by(notification: Notification) -> Iterator[EntityEvent]:
    """Tell what something that has happened in a run is to its submission, its job, and
    the data nodes that this has written.
    """
    event = notification.event
    user = notification.submission.properties.get(SUBMITTED_BY)

    if isinstance(event, SubmissionStarted):
        yield _created(event, event.submission_id, user)
    elif isinstance(event, SubmissionFinished):
        yield _changed(event, event.submission_id, ("submission_status",), user)
    elif isinstance(event, JobEvent) and not isinstance(event, JobProgressed):
        if isinstance(event, JobPending) or (
            isinstance(event, JobFinished) and event.status in _NEVER_READY
        ):
            yield _created(event, event.job_id, user)

        yield _changed(event, event.job_id, ("status",), user)

        if isinstance(event, JobFinished) and event.status is Status.COMPLETED:
            assert notification.job is not None

            for node in notification.job.task.output.values():
                yield _changed(event, node.id, WRITTEN, user)


def created(scenario: Scenario, shared: Iterable[NodeState]) -> Iterator[EntityEvent]:
    """Tell of a scenario that was made, of its parts first.

    :param shared: the data nodes of those shared that were made with it
    """
    at, user = datetime.now(UTC), acting_user()

    def event(entity_id: str, config_id: str | None) -> EntityEvent:
        return EntityCreated(
            entity_type=type_of(entity_id),
            entity_id=entity_id,
            config_id=config_id,
            at=at,
            user=user,
        )

    own = [node for node in nodes_of(scenario).values() if not node.is_shared]

    cycle = scenario.cycle

    if cycle is not None and cycle.primary_id == scenario.id:  # the first that it has
        yield event(cycle.id, None)

    for node in (*shared, *own):
        yield event(node.id, node.config_id)

    made = {node.config_id for node in shared}

    for task in tasks_of(scenario).values():
        if not ids.is_shared(task.id) or made_with(task.config) in made:
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
        user=acting_user(),
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
        user=acting_user(),
    )


def deleted(
    *entity_ids: str, config: Configuration | None = None
) -> Iterator[EntityEvent]:
    """Tell that entities were deleted; of a scenario, that its tasks and sequences were.

    :param config: what says which these are
    """
    at, user = datetime.now(UTC), acting_user()

    for whole_id in entity_ids:
        parts = () if config is None else parts_of(whole_id, config)

        for entity_id, config_id in (*parts, (whole_id, config_of(whole_id))):
            yield EntityDeleted(
                entity_type=type_of(entity_id),
                entity_id=entity_id,
                config_id=config_id,
                at=at,
                user=user,
            )


def parts_of(entity_id: str, config: Configuration) -> Iterator[tuple[str, str | None]]:
    """Give what comes and goes with an entity, each with the id of its config, if it has
    one: the tasks and sequences of a scenario that is declared; of a data node that
    scenarios share the tasks that they share.
    """
    kind = ids.kind_of(entity_id)

    if kind == ids.DATA_NODE and ids.is_shared(entity_id):
        owner = ids.cycle_of(entity_id) or ids.key_of(entity_id)
        node_id = ids.config_of(entity_id)
        tasks = {
            task.id: task
            for scenario in config.scenarios.values()
            for task in scenario.task_configs
        }

        for task in tasks.values():
            if task.is_shared and made_with(task) == node_id:
                yield ids.of_task(task.id, owner), task.id

    if kind != ids.SCENARIO:
        return

    if (declared := config.scenarios.get(ids.config_of(entity_id))) is not None:
        for task in declared.task_configs:
            if not task.is_shared:
                yield ids.of_task(task.id, entity_id), task.id

        for name in declared.sequences:
            yield ids.of_sequence(name, entity_id), None


def made_with(task: TaskConfig) -> str:
    """Return the config id of the data node that a task which scenarios share is made
    with, and goes with: the first of those that as many share.
    """
    nodes = (*task.input, *task.output)
    return next(node.id for node in nodes if node.scope is task.scope)


def type_of(entity_id: str) -> str:
    """Return the type of what has an id."""
    kind = ids.kind_of(entity_id)
    return _TYPES.get(kind, kind)


def config_of(entity_id: str) -> str | None:
    """Return the id of the config in an id; None where it has none."""
    has_config = ids.kind_of(entity_id) in _WITH_CONFIG
    return ids.config_of(entity_id) if has_config else None


def _created(event: Event, entity_id: str, user: str | None) -> EntityEvent:
    return EntityCreated(
        entity_type=type_of(entity_id),
        entity_id=entity_id,
        config_id=config_of(entity_id),
        at=event.at,
        user=user,
    )


def _changed(
    event: Event, entity_id: str, attributes: tuple[str, ...], user: str | None
) -> EntityEvent:
    return EntityUpdated(
        entity_type=type_of(entity_id),
        entity_id=entity_id,
        config_id=config_of(entity_id),
        attributes=attributes,
        at=event.at,
        user=user,
    )
