"""The verbs of the blocking orchestrator that runs, as functions."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from asyncflow.config.checks.values import check_submittable, names_own_arguments
from asyncflow.config.sections import (
    NOT_GIVEN,
    DataNodeConfig,
    NotGiven,
    ScenarioConfig,
)
from asyncflow.entities.reasons import Reasons
from asyncflow.records import JobRecord, Pruned, ScenarioRecord, SubmissionRecord
from asyncflow.sync.cycle import Cycle
from asyncflow.sync.handles import Job, Sequence, Submission, Task
from asyncflow.sync.loop import not_running
from asyncflow.sync.orchestrator import Orchestrator, running
from asyncflow.sync.scenario import Entity, Scenario


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
    return _current().create_scenario(
        config,
        creation_date,
        name,
        exist_ok=exist_ok,
        inputs=inputs,
        properties=properties,
        **keywords,
    )


def submit(
    entity: Scenario | Sequence | Task,
    force: bool = False,
    wait: bool = False,
    timeout: float | None = None,
    **keywords: Any,
) -> Submission:
    """Start a run of a scenario, a sequence or a task; see `Scenario.submit`."""
    check_submittable(entity)
    return entity.submit(force=force, wait=wait, timeout=timeout, **keywords)


@names_own_arguments
def get(id: str) -> Entity:
    """Return an entity; see `asyncflow.Orchestrator.get`."""
    return _current().get(id)


@names_own_arguments
def delete(id: str) -> None:
    """Delete an entity; see `asyncflow.Orchestrator.delete`."""
    _current().delete(id)


@names_own_arguments
def prune(
    older_than: timedelta | None = None,
    keep: int | None = None,
    *,
    logs_only: bool = False,
) -> Pruned:
    """Remove old submissions; see `asyncflow.Orchestrator.prune`."""
    return _current().prune(older_than, keep, logs_only=logs_only)


def get_scenarios(**filters: Any) -> list[ScenarioRecord]:
    """List scenarios; see `asyncflow.Orchestrator.scenarios`."""
    return _current().scenarios(**filters)


def get_submissions(**filters: Any) -> list[SubmissionRecord]:
    """List submissions; see `asyncflow.Orchestrator.submissions`."""
    return _current().submissions(**filters)


def get_jobs(**filters: Any) -> list[JobRecord]:
    """List jobs; see `asyncflow.Orchestrator.jobs`."""
    return _current().jobs(**filters)


@names_own_arguments
def subscribe_scenario(
    callback: Callable[..., object],
    params: Iterable[object] | None = None,
    scenario: Scenario | None = None,
) -> None:
    """Have a function called; see `asyncflow.Orchestrator.subscribe_scenario`."""
    _current().subscribe_scenario(callback, params, scenario)


@names_own_arguments
def unsubscribe_scenario(
    callback: Callable[..., object],
    params: Iterable[object] | None = None,
    scenario: Scenario | None = None,
) -> None:
    """End a subscription; see `asyncflow.Orchestrator.unsubscribe_scenario`."""
    _current().unsubscribe_scenario(callback, params, scenario)


@names_own_arguments
def get_primary(cycle: Cycle) -> Scenario | None:
    """Return its primary scenario; see `asyncflow.Orchestrator.get_primary`."""
    return _current().get_primary(cycle)


@names_own_arguments
def set_primary(scenario: Scenario) -> None:
    """Make a scenario primary; see `asyncflow.Scenario.set_primary`."""
    scenario.set_primary()


@names_own_arguments
def duplicate_scenario(
    scenario: Scenario,
    creation_date: datetime | None = None,
    name: str | NotGiven | None = NOT_GIVEN,
    data: Iterable[str | DataNodeConfig] | bool = True,
    *,
    paths: Mapping[Any, str | os.PathLike[str]] | None = None,
    properties: Mapping[str, Any] | None = None,
    tags: Iterable[str] | None = None,
) -> Scenario:
    """Make a scenario that has what another has; see `asyncflow.Scenario.duplicate`."""
    return scenario.duplicate(
        creation_date, name, data, paths=paths, properties=properties, tags=tags
    )


@names_own_arguments
def is_promotable(scenario: Scenario | str) -> Reasons:
    """Tell whether it can be primary; see `asyncflow.Orchestrator.is_promotable`."""
    return _current().is_promotable(scenario)


@names_own_arguments
def is_deletable(entity: Scenario | Submission | Cycle | str) -> Reasons:
    """Tell whether it can be deleted; see `asyncflow.Orchestrator.is_deletable`."""
    return _current().is_deletable(entity)


def get_cycles(**filters: Any) -> list[Cycle]:
    """Return the cycles; see `asyncflow.Orchestrator.cycles`."""
    current = _current()
    return [current.get_cycle(one.id) for one in current.cycles(**filters)]


@names_own_arguments
def tag(scenario: Scenario, tag: str) -> None:
    """Give a scenario a tag; see `asyncflow.Scenario.add_tag`."""
    scenario.add_tag(tag)


@names_own_arguments
def untag(scenario: Scenario, tag: str) -> None:
    """Take a tag from a scenario; see `asyncflow.Scenario.remove_tag`."""
    scenario.remove_tag(tag)


@names_own_arguments
def cancel(what: Submission | Job, reason: str | None = None) -> bool:
    """Ask for the end of a run or a job; see `asyncflow.Orchestrator.cancel`."""
    return _current().cancel(what, reason)


def _current() -> Orchestrator:
    if (orchestrator := running()) is None:
        raise not_running()

    return orchestrator
