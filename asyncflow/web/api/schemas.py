"""What the entities are in JSON, and the schemas that say so."""

from __future__ import annotations

from typing import Any

from asyncflow.entities.data_node import DataNode
from asyncflow.entities.job import Job
from asyncflow.entities.scenario import Scenario
from asyncflow.entities.sequence import Sequence
from asyncflow.entities.submission import Submission
from asyncflow.entities.task import Task
from asyncflow.records import (
    CycleRecord,
    DataNodeRecord,
    JobRecord,
    ScenarioRecord,
    SubmissionRecord,
    plain,
)
from asyncflow.status import Status, SubmissionStatus
from asyncflow.web.api.operation import (
    DATE,
    FLAG,
    NUMBER,
    OBJECT,
    TEXT,
    Schema,
    facts,
    listed,
    maybe,
)

ERROR = facts(error=TEXT)

STATUS: Schema = {
    "type": "string",
    "enum": [str(status) for status in SubmissionStatus],
}
JOB_STATUS: Schema = {"type": "string", "enum": [str(status) for status in Status]}

SCENARIO = facts(
    id=TEXT,
    config_id=TEXT,
    name=maybe(TEXT),
    creation_date=DATE,
    properties=OBJECT,
    tags=listed(TEXT),
    cycle_id=maybe(TEXT),
    version=maybe(TEXT),
)
WHOLE_SCENARIO = facts(
    **SCENARIO["properties"],
    is_primary=FLAG,
    data_nodes=OBJECT,
    tasks=OBJECT,
    sequences=OBJECT,
)
SEQUENCE = facts(id=TEXT, scenario_id=TEXT, tasks=OBJECT, properties=OBJECT)
TASK = facts(
    **SEQUENCE["properties"],
    config_id=TEXT,
    inputs=OBJECT,
    outputs=OBJECT,
    skippable=FLAG,
)
CYCLE = facts(
    id=TEXT,
    name=TEXT,
    frequency=TEXT,
    start_date=DATE,
    end_date=DATE,
    creation_date=DATE,
    primary_id=maybe(TEXT),
)
DATA_NODE = facts(id=TEXT, config_id=TEXT, owner_id=maybe(TEXT), editor_id=maybe(TEXT))
WHOLE_DATA_NODE = facts(
    **DATA_NODE["properties"],
    storage_type=TEXT,
    scope=TEXT,
    is_ready_for_reading=FLAG,
    last_edit_date=maybe(DATE),
    described=OBJECT,
)
EDIT = facts(at=DATE, version={"type": "integer"}, comment=TEXT)
PREVIEW = facts(
    kind=TEXT,
    columns=listed(TEXT),
    rows=listed(listed({})),
    total=maybe({"type": "integer"}),
)
SUBMISSION = facts(
    id=TEXT,
    entity_id=TEXT,
    scenario_id=TEXT,
    status=STATUS,
    submitted_at=DATE,
    finished_at=maybe(DATE),
    reason=TEXT,
    priority=NUMBER,
    properties=OBJECT,
)
WHOLE_SUBMISSION = facts(
    id=TEXT,
    entity_id=TEXT,
    scenario_id=TEXT,
    status=STATUS,
    submitted_at=DATE,
    finished_at=maybe(DATE),
    priority=NUMBER,
    properties=OBJECT,
    counts=OBJECT,
    error=maybe(TEXT),
    inputs=OBJECT,
    outputs=OBJECT,
)
JOB = facts(
    id=TEXT,
    task_id=TEXT,
    submission_id=TEXT,
    status=JOB_STATUS,
    reason=TEXT,
    run_at=maybe(DATE),
    finished_at=maybe(DATE),
    traceback=TEXT,
    attempts=listed(OBJECT),
)

_SCENARIO = (*SCENARIO["properties"],)
_SUBMISSION = (*SUBMISSION["properties"],)
_DATA_NODE = (*DATA_NODE["properties"],)
_JOB = (*JOB["properties"],)


def scenario_record(record: ScenarioRecord) -> dict[str, Any]:
    """Return a scenario of a list."""
    found = record.as_dict()
    return {name: found[name] for name in _SCENARIO}


def scenario(handle: Scenario) -> dict[str, Any]:
    """Return a scenario with its parts."""
    return {
        "id": handle.id,
        "config_id": handle.config_id,
        "name": handle.name,
        "creation_date": handle.creation_date.isoformat(),
        "properties": plain(handle.properties),
        "tags": sorted(handle.tags),
        "cycle_id": handle.cycle.id if handle.cycle else None,
        "version": handle.version,
        "is_primary": handle.is_primary,
        "data_nodes": {name: node.id for name, node in handle.data_nodes.items()},
        "tasks": {name: task.id for name, task in handle.tasks.items()},
        "sequences": {name: part.id for name, part in handle.sequences.items()},
    }


def part(handle: Task | Sequence) -> dict[str, Any]:
    """Return a task, or a sequence."""
    found = {
        "id": handle.id,
        "scenario_id": handle.scenario_id,
        "tasks": {name: task.id for name, task in handle.tasks.items()},
        "properties": plain(handle.properties),
    }

    if isinstance(handle, Sequence):
        return found

    return found | {
        "config_id": handle.config_id,
        "inputs": {name: node.id for name, node in handle.input.items()},
        "outputs": {name: node.id for name, node in handle.output.items()},
        "skippable": handle.skippable,
    }


def cycle(record: CycleRecord) -> dict[str, Any]:
    """Return a cycle."""
    return record.as_dict()


def data_node_record(record: DataNodeRecord) -> dict[str, Any]:
    """Return a data node of a list."""
    found = record.as_dict()
    return {name: found[name] for name in _DATA_NODE}


def data_node(handle: DataNode[Any]) -> dict[str, Any]:
    """Return a data node, without its value."""
    last = handle.last_edit_date
    return {
        "id": handle.id,
        "config_id": handle.config_id,
        "owner_id": handle.owner_id,
        "editor_id": handle.editor_id,
        "storage_type": handle.storage_type,
        "scope": handle.scope.name,
        "is_ready_for_reading": handle.is_ready_for_reading,
        "last_edit_date": last and last.isoformat(),
        "described": plain(handle.describe()),
    }


def submission_record(record: SubmissionRecord) -> dict[str, Any]:
    """Return a run of a list."""
    found = record.as_dict()
    return {name: found[name] for name in _SUBMISSION}


def submission(handle: Submission) -> dict[str, Any]:
    """Return a run as things are now."""
    ended = handle.finished_at
    error = handle.error() if handle.is_finished else None
    return {
        "id": handle.id,
        "entity_id": handle.entity_id,
        "scenario_id": handle.entity.scenario_id,
        "status": str(handle.status),
        "submitted_at": handle.submitted_at.isoformat(),
        "finished_at": ended and ended.isoformat(),
        "priority": handle.priority,
        "properties": plain(handle.properties),
        "counts": {str(status): count for status, count in handle.counts().items()},
        "error": error and str(error),
        "inputs": {name: part.data_node.id for name, part in handle.inputs.items()},
        "outputs": {name: part.data_node.id for name, part in handle.outputs.items()},
    }


def job_record(record: JobRecord) -> dict[str, Any]:
    """Return a job of a list."""
    found = record.as_dict()
    return {name: found[name] for name in _JOB}


def job(handle: Job) -> dict[str, Any]:
    """Return a job as things are now."""
    began, ended = handle.run_at, handle.finished_at
    return {
        "id": handle.id,
        "task_id": handle.task.id,
        "submission_id": handle.submission.id,
        "status": str(handle.status),
        "reason": handle.reason,
        "run_at": began and began.isoformat(),
        "finished_at": ended and ended.isoformat(),
        "traceback": handle.stacktrace,
        "attempts": [attempt.as_dict() for attempt in handle.attempts],
    }
