"""What a store keeps of each entity: its facts, under its id.

Plain tuples, as one is made for each job. Times are in seconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

from asyncflow.worker.outcome import Kept


class ScenarioRecord(NamedTuple):
    """A scenario."""

    id: str
    config_id: str
    name: str | None
    creation_date: float
    properties: Mapping[str, Any]


class DataNodeRecord(NamedTuple):
    """A data node with its current version; None before the first write."""

    id: str
    config_id: str
    owner_id: str | None
    version: int | None
    kept: Kept
    edited_at: float | None
    job_id: str | None
    """The job that wrote the version; None for a write by hand."""


class SubmissionRecord(NamedTuple):
    """A submission."""

    id: str
    entity_id: str
    status: str
    submitted_at: float
    finished_at: float | None
    properties: Mapping[str, Any]


class JobRecord(NamedTuple):
    """A job that ended."""

    id: str
    task_id: str
    submission_id: str
    status: str
    reason: str
    run_at: float | None
    finished_at: float | None
    traceback: str


Record: TypeAlias = ScenarioRecord | DataNodeRecord | SubmissionRecord | JobRecord
"""Whatever a store keeps. No two records have the same id, of whatever kind."""
