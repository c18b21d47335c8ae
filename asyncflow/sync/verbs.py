"""The verbs of the blocking orchestrator that runs, as functions."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from asyncflow import ids
from asyncflow.config.checks.values import (
    check_submittable,
    names_own_arguments,
)
from asyncflow.config.sections import (
    NOT_GIVEN,
    DataNodeConfig,
    NotGiven,
    ScenarioConfig,
    T,
)
from asyncflow.entities.difference import ScenarioDiff
from asyncflow.entities.handle import Parents
from asyncflow.entities.reasons import Reasons
from asyncflow.ids import is_shared
from asyncflow.log import logger as _logger
from asyncflow.records import Pruned
from asyncflow.sync import listing
from asyncflow.sync.cycle import Cycle
from asyncflow.sync.data_node import DataNode
from asyncflow.sync.forwarding import Handle
from asyncflow.sync.given import handle_of
from asyncflow.sync.handles import Job, Sequence, Submission, Task
from asyncflow.sync.lists import get_sequences
from asyncflow.sync.orchestrator import Orchestrator, opened, running
from asyncflow.sync.scenario import Entity, Scenario


def run(*services: Orchestrator) -> None:
    """Start orchestrators; see `Orchestrator.run`. Without one, the default one."""
    for service in services or (Orchestrator(),):
        service.run()


@names_own_arguments
def stop(wait: bool = True, timeout: float | None = None) -> None:
    """Stop the orchestrator that runs; see `Orchestrator.stop`."""
    if (orchestrator := running()) is not None:
        orchestrator.stop(wait, timeout)


def create_scenario(
    config: ScenarioConfig | str,
    creation_date: datetime | None = None,
    name: str | None = None,
    *,
    exist_ok: bool = False,
    inputs: Mapping[Any, Any] | None = None,
    properties: Mapping[str, Any] | None = None,
    **keywords: Any,
) -> Scenario:
    """Create a scenario; see `asyncflow.Orchestrator.create_scenario`."""
    return opened().create_scenario(
        config,
        creation_date,
        name,
        exist_ok=exist_ok,
        inputs=inputs,
        properties=properties,
        **keywords,
    )


def submit(
    entity: Scenario | Sequence | Task | str,
    force: bool = False,
    wait: bool = False,
    timeout: float | None = None,
    **keywords: Any,
) -> Submission:
    """Start a run of a scenario, a sequence or a task; see `Scenario.submit`.

    :param entity: it, or its id
    """
    if not isinstance(entity, str):
        check_submittable(entity)

    found: Scenario | Sequence | Task = handle_of(opened(), entity, *ids.SUBMITTABLE)
    return found.submit(force=force, wait=wait, timeout=timeout, **keywords)


@names_own_arguments
def get(entity_id: str) -> Entity:
    """Return an entity; see `asyncflow.Orchestrator.get`."""
    return opened().get(entity_id)


@names_own_arguments
def exists(entity_id: str) -> Reasons:
    """Tell whether there is something; see `asyncflow.Orchestrator.exists`."""
    return opened().exists(entity_id)


@names_own_arguments
def set(entity: Entity) -> None:  # noqa: A001  # as Taipy calls it
    """Return at once: what is set of an entity, as ``scenario.name``, is kept as it is set.

    For scripts that call it as Taipy needs that.

    :raises TypeError: where it is no entity
    """
    if not isinstance(entity, Handle):
        raise TypeError(f"an entity is set, such as a scenario; got {entity!r:.100}")


@names_own_arguments
def create_global_data_node(config: DataNodeConfig[T] | str) -> DataNode[T]:
    """Return a shared data node; see `asyncflow.Orchestrator.create_global_data_node`."""
    return opened().create_global_data_node(config)


@names_own_arguments
def delete(entity_id: str) -> None:
    """Delete an entity; see `asyncflow.Orchestrator.delete`."""
    opened().delete(entity_id)


@names_own_arguments
def clean_all_entities(version_number: str) -> bool:
    """Delete all that a version has made; where there is none, a warning says so.

    See `asyncflow.Orchestrator.clean_all_entities`.
    """
    is_known = opened().clean_all_entities(version_number)

    if not is_known:
        _logger.warning(
            "there is no version %r, so nothing was deleted", version_number
        )

    return is_known


@names_own_arguments
def prune(
    older_than: timedelta | None = None,
    keep: int | None = None,
    *,
    logs_only: bool = False,
) -> Pruned:
    """Remove old submissions; see `asyncflow.Orchestrator.prune`."""
    return opened().prune(older_than, keep, logs_only=logs_only)


@names_own_arguments
def subscribe_scenario(
    callback: Callable[..., object],
    params: Iterable[object] | None = None,
    scenario: Scenario | None = None,
) -> None:
    """Have a function called; see `asyncflow.Orchestrator.subscribe_scenario`."""
    opened().subscribe_scenario(callback, params, scenario)


@names_own_arguments
def unsubscribe_scenario(
    callback: Callable[..., object],
    params: Iterable[object] | None = None,
    scenario: Scenario | None = None,
) -> None:
    """End a subscription; see `asyncflow.Orchestrator.unsubscribe_scenario`."""
    opened().unsubscribe_scenario(callback, params, scenario)


@names_own_arguments
def subscribe_sequence(
    callback: Callable[..., object],
    params: Iterable[object] | None = None,
    sequence: Sequence | str | None = None,
) -> None:
    """Have a function called; see `Sequence.subscribe`.

    :param sequence: it, or its id; None for all that there are now
    """
    for found in _sequences(sequence):
        found.subscribe(callback, params)


@names_own_arguments
def unsubscribe_sequence(
    callback: Callable[..., object],
    params: Iterable[object] | None = None,
    sequence: Sequence | str | None = None,
) -> None:
    """End a subscription; see `Sequence.unsubscribe`.

    :param sequence: it, or its id; None for all that there are now
    """
    for found in _sequences(sequence):
        found.unsubscribe(callback, params)


def _sequences(given: Sequence | str | None) -> list[Sequence]:
    if given is None:
        return get_sequences()

    return [handle_of(opened(), given, ids.SEQUENCE)]


@names_own_arguments
def get_parents(entity: Entity | str) -> Parents:
    """Return what it is a part of; see `asyncflow.Orchestrator.get_parents`.

    Of what many scenarios share none of these is brought back.
    """
    entity_id: object = getattr(entity, "id", entity)

    if isinstance(entity_id, str) and is_shared(entity_id):
        part = get(entity_id)

        if isinstance(part, DataNode | Task):
            return listing.parents_of_shared(part, opened().loop)

    return opened().get_parents(entity)


@names_own_arguments
def get_primary(cycle: Cycle | str) -> Scenario | None:
    """Return its primary scenario; see `asyncflow.Orchestrator.get_primary`."""
    return opened().get_primary(cycle)


@names_own_arguments
def set_primary(scenario: Scenario | str) -> None:
    """Make a scenario primary; see `asyncflow.Scenario.set_primary`."""
    opened().set_primary(scenario)


@names_own_arguments
def compare_scenarios(
    *scenarios: Scenario | str, data_node_config_id: str | None = None
) -> dict[str, dict[str, Any]]:
    """Compare scenarios; see `asyncflow.Orchestrator.compare`.

    :param data_node_config_id: the only data node to be compared; None for all
    """
    return opened().compare(*scenarios, data_node=data_node_config_id)


@names_own_arguments
def duplicate_scenario(
    scenario: Scenario | str,
    creation_date: datetime | None = None,
    name: str | NotGiven | None = NOT_GIVEN,
    data: Iterable[str | DataNodeConfig] | bool = True,
    *,
    paths: Mapping[Any, str | os.PathLike[str]] | None = None,
    properties: Mapping[str, Any] | None = None,
    tags: Iterable[str] | None = None,
) -> Scenario:
    """Make a scenario that has what another has; see `asyncflow.Scenario.duplicate`.

    :param scenario: the other one, or its id
    """
    found: Scenario = handle_of(opened(), scenario, ids.SCENARIO)
    return found.duplicate(
        creation_date, name, data, paths=paths, properties=properties, tags=tags
    )


@names_own_arguments
def diff_scenarios(one: Scenario | str, other: Scenario | str) -> ScenarioDiff:
    """Return what two scenarios have otherwise; see `asyncflow.Scenario.diff`."""
    return opened().diff(one, other)


@names_own_arguments
def import_scenario(
    path: str | os.PathLike[str],
    *,
    paths: Mapping[Any, str | os.PathLike[str]] | None = None,
) -> Scenario:
    """Make a scenario of a file; see `asyncflow.Orchestrator.import_scenario`."""
    return opened().import_scenario(path, paths=paths)


@names_own_arguments
def is_promotable(scenario: Scenario | str) -> Reasons:
    """Tell whether it can be primary; see `asyncflow.Orchestrator.is_promotable`."""
    return opened().is_promotable(scenario)


@names_own_arguments
def is_deletable(entity: Scenario | Submission | Job | Cycle | str) -> Reasons:
    """Tell whether it can be deleted; see `asyncflow.Orchestrator.is_deletable`."""
    return opened().is_deletable(entity)


@names_own_arguments
def is_submittable(entity: Scenario | Sequence | Task | str) -> Reasons:
    """Tell whether it can be submitted; see `asyncflow.Orchestrator.is_submittable`."""
    return opened().is_submittable(entity)


@names_own_arguments
def is_editable(entity: Entity | str) -> Reasons:
    """Tell whether it can be changed; see `asyncflow.Orchestrator.is_editable`."""
    return opened().is_editable(entity)


@names_own_arguments
def is_readable(entity: Entity | str) -> Reasons:
    """Tell whether it is there; see `asyncflow.Orchestrator.is_readable`."""
    return opened().is_readable(entity)


@names_own_arguments
def can_create(config: object = None) -> Reasons:
    """Tell whether it can be created; see `asyncflow.Orchestrator.can_create`."""
    return opened().can_create(config)


@names_own_arguments
def delete_job(job: Job | str, force: bool = False) -> None:
    """Delete a job; see `Orchestrator.delete_job`."""
    opened().delete_job(job, force)


def delete_jobs() -> int:
    """Delete the jobs of ended runs; see `asyncflow.Orchestrator.delete_jobs`."""
    return opened().delete_jobs()


@names_own_arguments
def tag(scenario: Scenario | str, tag: str) -> None:
    """Give a scenario a tag; see `asyncflow.Scenario.add_tag`."""
    found: Scenario = handle_of(opened(), scenario, ids.SCENARIO)
    found.add_tag(tag)


@names_own_arguments
def untag(scenario: Scenario | str, tag: str) -> None:
    """Take a tag from a scenario; see `asyncflow.Scenario.remove_tag`."""
    found: Scenario = handle_of(opened(), scenario, ids.SCENARIO)
    found.remove_tag(tag)


@names_own_arguments
def cancel(what: Submission | Job, reason: str | None = None) -> bool:
    """Ask for the end of a run or a job; see `asyncflow.Orchestrator.cancel`."""
    return opened().cancel(what, reason)


@names_own_arguments
def cancel_job(job: Job | str) -> None:
    """Ask for the end of a job, without waiting for it; see `asyncflow.Job.cancel`.

    :param job: it, or its id
    """
    found: Job = handle_of(opened(), job, ids.JOB)
    found.cancel()
