"""Handles of what lists tell: each is brought back from the store when more is asked of
it than the list has told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar

from asyncflow import ids
from asyncflow.config.checks.values import one_of
from asyncflow.records import (
    CycleRecord,
    DataNodeRecord,
    JobRecord,
    ScenarioRecord,
    SubmissionRecord,
)
from asyncflow.status import FINAL, Status, SubmissionStatus
from asyncflow.sync.cycle import Cycle
from asyncflow.sync.data_node import DataNode
from asyncflow.sync.forwarding import Handle, Listed
from asyncflow.sync.handles import Job, Sequence, Submission, Task
from asyncflow.sync.loop import Loop
from asyncflow.sync.scenario import Scenario

H = TypeVar("H", bound=Handle[Any])
Facts = Mapping[str, Callable[[Any], Any]]

NONE: Facts = {}


def _same(names: str) -> Facts:
    return {name: attrgetter(name) for name in names.split()}


class PartRecord(NamedTuple):
    """A task or a sequence of a scenario that is not brought back."""

    id: str
    name: str
    """The id of its config; of a sequence, its name."""
    owner_id: str
    """The id of its scenario."""


_SCENARIO = _same("id config_id creation_date")
_OF_A_SCENARIO: Facts = {
    "name": attrgetter("name"),
    "properties": attrgetter("properties"),
    "tags": lambda record: frozenset(record.tags),
}
_CYCLE = _same("id name frequency start_date end_date creation_date")
_DATA_NODE = _same("id config_id owner_id")
_TASK: Facts = {
    "id": attrgetter("id"),
    "config_id": attrgetter("name"),
    "owner_id": attrgetter("owner_id"),
    "scenario_id": attrgetter("owner_id"),
}
_SEQUENCE: Facts = {"name": attrgetter("name"), **_TASK}
_SUBMISSION = _same("id entity_id submitted_at")
_ENDED_SUBMISSION: Facts = {
    **_SUBMISSION,
    **_same("finished_at properties force on_failure priority run_timeout"),
    "status": lambda record: SubmissionStatus(record.status),
    "is_finished": lambda _: True,
}
_JOB: Facts = {
    "id": attrgetter("id"),
    "name": lambda record: ids.config_of(record.id),
    "config_id": lambda record: ids.config_of(record.id),
}
_ENDED_JOB: Facts = {
    **_JOB,
    **_same("reason run_at finished_at attempts"),
    "status": lambda record: Status(record.status),
    "is_finished": lambda _: True,
    "stacktrace": attrgetter("traceback"),
}


def scenarios(records: Iterable[ScenarioRecord], loop: Loop) -> list[Scenario]:
    """Make handles of scenarios."""
    return _made(Scenario, records, _SCENARIO, _OF_A_SCENARIO, loop)


def cycles(records: Iterable[CycleRecord], loop: Loop) -> list[Cycle]:
    """Make handles of cycles."""
    return _made(Cycle, records, _CYCLE, NONE, loop)


def data_nodes(records: Iterable[DataNodeRecord], loop: Loop) -> list[DataNode]:
    """Make handles of data nodes."""
    return _made(DataNode, records, _DATA_NODE, NONE, loop)


def submissions(records: Iterable[SubmissionRecord], loop: Loop) -> list[Submission]:
    """Make handles of submissions."""
    return [
        Submission(
            Listed(
                record,
                _SUBMISSION if record.finished is None else _ENDED_SUBMISSION,
                NONE,
                loop.changes,
            ),
            loop,
        )
        for record in records
    ]


def jobs(records: Iterable[JobRecord], loop: Loop) -> list[Job]:
    """Make handles of jobs."""
    return [
        Job(
            Listed(
                record,
                _ENDED_JOB if record.status in FINAL else _JOB,
                NONE,
                loop.changes,
            ),
            loop,
        )
        for record in records
    ]


def tasks(records: Iterable[ScenarioRecord], loop: Loop) -> list[Task]:
    """Make handles of the tasks of scenarios."""
    found: list[Task] = []

    for record in records:
        config = loop.orchestrator.config.scenarios.get(record.config_id)

        if config is None:  # the store knows what it had
            (scenario,) = scenarios([record], loop)
            found += scenario.tasks.values()
            continue

        parts = (
            PartRecord(ids.of_task(task.id, record.id), task.id, record.id)
            for task in config.task_configs
        )
        found += _made(Task, parts, _TASK, NONE, loop)

    return found


def sequences(records: Iterable[ScenarioRecord], loop: Loop) -> list[Sequence]:
    """Make handles of the sequences of scenarios."""
    found: list[Sequence] = []

    for record in records:
        config = loop.orchestrator.config.scenarios.get(record.config_id)

        if config is None:
            (scenario,) = scenarios([record], loop)
            found += scenario.sequences.values()
            continue

        parts = (
            PartRecord(ids.of_sequence(name, record.id), name, record.id)
            for name in config.sequences
        )
        found += _made(Sequence, parts, _SEQUENCE, NONE, loop)

    return found


def _made(
    kind: type[H], records: Iterable[Any], fixed: Facts, changing: Facts, loop: Loop
) -> list[H]:
    as_of = loop.changes
    return [kind(Listed(record, fixed, changing, as_of), loop) for record in records]


_SORT_KEYS: Mapping[str, Callable[[ScenarioRecord], Any]] = {
    "name": lambda record: (record.name is not None, record.name or ""),
    "id": attrgetter("id"),
    "config_id": attrgetter("config_id"),
    "creation_date": attrgetter("created"),
    "tags": attrgetter("tags"),
}


def in_order(
    records: Iterable[ScenarioRecord], sort_key: str, *, descending: bool
) -> list[ScenarioRecord]:
    """Sort what a list tells of scenarios: those without a name first, equal ones by
    their ids.

    :raises ValueError: where there is no such key
    """
    if (key := _SORT_KEYS.get(sort_key)) is None:
        raise ValueError(
            f"there is no sort_key {sort_key!r}: {one_of(sort_key, _SORT_KEYS)}"
        )

    return sorted(
        records, key=lambda record: (key(record), record.id), reverse=descending
    )
