"""What a store keeps of each entity: its facts, under its id.

Plain tuples, as some are made for each job. Times are in seconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

from asyncflow.status import AttemptKind, Status, SubmissionStatus
from asyncflow.worker.outcome import Kept


class ScenarioRecord(NamedTuple):
    """A scenario."""

    id: str
    config_id: str
    name: str | None
    creation_date: float
    properties: Mapping[str, Any]


class DataNodeRecord(NamedTuple):
    """A data node, without its values."""

    id: str
    config_id: str
    owner_id: str | None
    """The id of its scenario; None where scenarios share it."""
    editor_id: str | None = None
    """Who has locked it; None where nobody has."""
    editor_expires: float | None = None
    """When the lock ends; None for never."""


class VersionRecord(NamedTuple):
    """A version of a data node: an edit, and as long as it is kept, its value."""

    node_id: str
    number: int
    """Grows with each write: when it was made, in nanoseconds since the epoch."""
    kept: Kept
    """The value itself, the name of its file, or None: the driver knows where."""
    is_kept: bool = True
    """Whether the value can still be read; older ones are dropped."""
    job_id: str | None = None
    """The job that wrote it; None for a write by hand."""
    editor_id: str | None = None
    """Who wrote it by hand, as far as that was told."""
    comment: str = ""
    holder_id: str | None = None
    """The orchestrator that it ends with; None where it outlives that."""

    @property
    def id(self) -> str:
        """What tells it from all other records."""
        return f"{self.node_id}@{self.number}"


class SubmissionRecord(NamedTuple):
    """A submission."""

    id: str
    entity_id: str
    scenario_id: str
    """The scenario that it belongs to, whatever of it was submitted."""
    orchestrator_id: str
    """Whose it is: that which runs it, or ran it."""
    status: SubmissionStatus
    submitted_at: float
    finished_at: float | None
    reason: str
    """Why it was cancelled, or ``""``."""
    force: bool
    on_failure: str
    graph: str
    """What it runs, as JSON: for each task its config id, and those of its inputs and
    outputs. It never changes."""
    properties: Mapping[str, Any]
    priority: float = 0.0
    """Of several whose jobs are ready, that with the highest comes first."""
    run_timeout: float | None = None
    """How long it may take, in seconds; None for as long as it takes."""


class AttemptRecord(NamedTuple):
    """An attempt at a job that failed, and was not the last."""

    number: int
    """From 1."""
    started_at: float | None
    """None where it did not come to that."""
    ended_at: float
    reason: str
    """Why it failed."""
    traceback: str
    kind: AttemptKind = AttemptKind.RAISED
    """How it failed."""
    crashes: int = 0
    """How many attempts up to this one have crashed, itself included."""


class JobRecord(NamedTuple):
    """A job that ended, or has been running for a while."""

    id: str
    task_id: str
    submission_id: str
    status: Status
    reason: str
    run_at: float | None
    finished_at: float | None
    traceback: str
    attempts: tuple[AttemptRecord, ...] = ()
    """Those before the current one; each has failed. Of many, the first and the last."""
    cpu_seconds: float | None = None
    """The CPU time that it took, with its child processes; None where nobody knows."""
    peak_rss: int | None = None
    """The most memory that its process had, in bytes; None where nobody knows."""


class Pruned(NamedTuple):
    """What was removed of old runs."""

    submissions: int = 0
    jobs: int = 0
    logs: int = 0
    """Of how many jobs what they printed is gone."""
    freed_bytes: int = 0
    """By how much the file of the store is smaller."""


class LogRecord(NamedTuple):
    """What a job printed; there is none of a job that has printed nothing."""

    job_id: str
    text: str
    left_out: int = 0
    """How many bytes of its middle were dropped."""

    @property
    def id(self) -> str:
        """What tells it from all other records."""
        return f"{self.job_id}@log"


class BasisRecord(NamedTuple):
    """What the outputs of a skippable task follow from, and which they are."""

    task_id: str
    scenario_id: str
    """``""`` for a task that scenarios share, as they do all of its outputs."""
    fingerprint: str
    """Of its function."""
    inputs: Mapping[str, int]
    """For each input's config id, the number of its version."""
    outputs: Mapping[str, int]
    contents: Mapping[str, str] = {}
    """For inputs where that is known, what tells their values from others."""

    @property
    def id(self) -> str:
        """The task's: it has one at most."""
        return self.task_id


class OrchestratorRecord(NamedTuple):
    """An orchestrator that is open, or was killed."""

    id: str
    host: str
    pid: int
    started: str
    """What tells its process from others that had or will have its pid, and by whom
    it can be seen."""
    address: str
    """Where others on its host reach it."""
    lease: float
    """Until when others have to take it for alive, if they cannot see its process. By
    the clock of the store, as all leases."""


Record: TypeAlias = (
    ScenarioRecord
    | DataNodeRecord
    | VersionRecord
    | SubmissionRecord
    | JobRecord
    | LogRecord
    | BasisRecord
    | OrchestratorRecord
)
"""Whatever a store keeps."""
