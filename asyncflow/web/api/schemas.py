"""What the entities are in JSON, and the schemas that say so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from asyncflow.config.sections import ScenarioConfig
from asyncflow.display.lineage import Lineage
from asyncflow.entities.data_node import DataNode
from asyncflow.entities.job import Job
from asyncflow.entities.scenario import Scenario
from asyncflow.entities.sequence import Sequence
from asyncflow.entities.submission import Submission
from asyncflow.entities.task import Task
from asyncflow.records import (
    DataNodeRecord,
    JobRecord,
    ScenarioRecord,
    SubmissionRecord,
    plain,
)
from asyncflow.selection import Preview
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
from asyncflow.web.fields import first_values, sources
from asyncflow.web.pages.run_history import never_written

ERROR = facts(error=TEXT)

COUNT: Schema = {"type": "integer"}
DAYS: Schema = {"type": "number", "minimum": 0, "maximum": 36_500}

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
STATISTICS = facts(
    rows=COUNT,
    total=COUNT,
    columns=listed(
        facts(
            name=TEXT,
            type=TEXT,
            present=COUNT,
            missing=COUNT,
            distinct=maybe(COUNT),
            smallest={},
            largest={},
            mean={},
        )
    ),
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
    is_canceling=FLAG,
    is_paused=FLAG,
    missing=listed(TEXT),
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
WHOLE_JOB = facts(
    **JOB["properties"],
    config_id=TEXT,
    is_canceling=FLAG,
    attempt=COUNT,
    worker=maybe(TEXT),
    usage=maybe(OBJECT),
    progress=maybe(OBJECT),
)
WORKER = facts(
    host=TEXT, pid=COUNT, state=TEXT, memory=COUNT, job_id=maybe(TEXT), stack=TEXT
)
ORCHESTRATOR = facts(id=TEXT, host=TEXT, pid=COUNT)
STORE = facts(
    database=maybe(COUNT),
    logs=maybe(COUNT),
    small_values=maybe(COUNT),
    tables=OBJECT,
    files=COUNT,
    values=COUNT,
    lost=COUNT,
    lost_bytes=COUNT,
    lost_names=listed(TEXT),
    unlisted=maybe(TEXT),
)
SUBMISSIONS = facts(submissions=COUNT)
CONFIG = facts(id=TEXT, frequency=maybe(TEXT), inputs=listed(TEXT), kinds=OBJECT)
READINESS = facts(is_submittable=FLAG, reasons=listed(TEXT), missing=listed(TEXT))
COMPARED = facts(
    data_node=TEXT, one=maybe(PREVIEW), other=maybe(PREVIEW), problems=listed(TEXT)
)
LINEAGE = facts(versions=listed(OBJECT), writers=listed(OBJECT))
RUN_OPTIONS: Mapping[str, Schema] = {
    "inputs": OBJECT,
    "properties": OBJECT,
    "force": FLAG,
    "priority": NUMBER,
    "run_timeout": maybe({"type": "number", "exclusiveMinimum": 0}),
    "on_failure": {"type": "string", "enum": ["continue", "stop"]},
}
SCENARIO_CHANGES: Mapping[str, Schema] = {
    "name": maybe(TEXT),
    "properties": OBJECT,
    "tags": listed(TEXT),
}
RUN_FILTERS: Mapping[str, Schema] = {
    "status": STATUS,
    "scenario_id": TEXT,
    "config_id": TEXT,
    "cycle": TEXT,
    "tag": TEXT,
    "text": TEXT,
    "submitted_from": DATE,
    "submitted_to": DATE,
}

_SCENARIO = (*SCENARIO["properties"],)
_SUBMISSION = (*SUBMISSION["properties"],)
_DATA_NODE = (*DATA_NODE["properties"],)
_JOB = (*JOB["properties"],)


def config(declared: ScenarioConfig) -> dict[str, Any]:
    """Return a config of scenarios."""
    frequency = declared.frequency
    return {
        "id": declared.id,
        "frequency": frequency and str(frequency),
        "inputs": sources(declared),
        "kinds": {field.name: str(field.kind) for field in first_values(declared)},
    }


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


def readiness(handle: Scenario, reasons: Iterable[object]) -> dict[str, Any]:
    """Tell whether a scenario can be submitted.

    :param reasons: why it cannot
    """
    why = [*map(str, reasons)]
    missing = [
        node.config_id for node in handle.get_inputs() if node.last_edit_date is None
    ]
    return {"is_submittable": not why, "reasons": why, "missing": sorted(missing)}


def lineage(found: Lineage) -> dict[str, Any]:
    """Return where values come from."""
    return {
        "versions": [plain(attrs.asdict(version)) for version in found.versions],
        "writers": [plain(attrs.asdict(job)) for job in found.writers.values()],
    }


def compared(name: str, one: Preview | str, other: Preview | str) -> dict[str, Any]:
    """Return what two scenarios have otherwise in a data node."""
    found: dict[str, Any] = {"data_node": name, "problems": []}

    for key, shown in (("one", one), ("other", other)):
        found[key] = None if isinstance(shown, str) else plain(shown._asdict())

        if isinstance(shown, str):
            found["problems"].append(f"{key}: {shown}")

    return found


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
        "is_canceling": handle.is_canceling,
        "is_paused": handle.is_paused,
        "missing": never_written(handle) if handle.waits_for_data else [],
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
        "config_id": handle.config_id,
        "is_canceling": handle.is_canceling,
        "attempt": handle.attempt,
        "worker": handle.worker,
        "usage": handle.usage and plain(handle.usage._asdict()),
        "progress": handle.progress and plain(handle.progress._asdict()),
    }
