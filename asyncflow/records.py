"""What a store keeps of each entity: its facts, under its id.

Plain tuples, as some are made for each job. Times are seconds since the epoch; properties
give them as dates.
"""

# No annotations as texts: each would be compiled again, for a field of a NamedTuple.

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeAlias

from asyncflow.facts import plain as plain
from asyncflow.status import AttemptKind, Status, SubmissionStatus
from asyncflow.worker.outcome import StoredValue


class ScenarioRecord(NamedTuple):
    """A scenario."""

    id: str
    config_id: str
    name: str | None
    created: float
    properties: Mapping[str, Any]
    tags: tuple[str, ...] = ()
    """In the order of their letters."""
    revision: int = 0
    """What tells its states apart: another number with each change of it."""
    cycle_id: str | None = None
    """The cycle that it belongs to; None for none."""
    sequences: Mapping[str, Mapping[str, Any] | None] = {}
    """By their names the sequences that were changed after it was made: their ``tasks``
    and ``properties``; None for one that was removed."""
    version: str | None = None
    """The version of the application that it belongs to; None for none."""

    @property
    def creation_date(self) -> datetime:
        """When it was created, in UTC."""
        return datetime.fromtimestamp(self.created, UTC)

    def __repr__(self) -> str:
        return _shown(self, creation_date="created")

    def as_dict(self) -> dict[str, Any]:
        """Return its facts as plain data that JSON can hold; times are ISO texts."""
        return _plain_facts(self, creation_date="created")


class CycleRecord(NamedTuple):
    """A cycle: a period of a frequency, in which scenarios were created."""

    id: str
    name: str
    frequency: str
    start: float
    end: float
    """The first instant that is not in it."""
    created: float
    primary_id: str | None = None
    """Its primary scenario; None where that was deleted."""
    primary_created: float | None = None
    """The creation date of that."""
    attributes: str = ""
    """Properties of the user's, as JSON; ``""`` for none."""
    revision: int = 0
    """What tells these apart: another number with each change of them."""

    @property
    def properties(self) -> dict[str, Any]:
        """The user's own values."""
        found: dict[str, Any] = json.loads(self.attributes) if self.attributes else {}
        return found

    @property
    def start_date(self) -> datetime:
        """Its first instant, in UTC."""
        return datetime.fromtimestamp(self.start, UTC)

    @property
    def end_date(self) -> datetime:
        """The first instant after it, in UTC."""
        return datetime.fromtimestamp(self.end, UTC)

    @property
    def creation_date(self) -> datetime:
        """When it was made, in UTC."""
        return datetime.fromtimestamp(self.created, UTC)

    def __repr__(self) -> str:
        return _shown(self, start_date="start", end_date="end", creation_date="created")

    def as_dict(self) -> dict[str, Any]:
        """Return its facts as plain data that JSON can hold; times are ISO texts."""
        dates = {"start_date": "start", "end_date": "end", "creation_date": "created"}
        facts = _plain_facts(self, **dates)
        del facts["attributes"]
        del facts["primary_created"], facts["revision"]
        return facts | {"properties": self.properties}


class LabelRecord(NamedTuple):
    """A version of an application: a label that scenarios have."""

    name: str
    is_production: bool
    config: str
    """What was declared when it was last compared, as JSON; ``""`` where it never was."""
    created: float
    """When an orchestrator with it was first opened."""

    @property
    def creation_date(self) -> datetime:
        """When an orchestrator with it was first opened, in UTC."""
        return datetime.fromtimestamp(self.created, UTC)

    def as_dict(self) -> dict[str, Any]:
        """Return its facts as plain data that JSON can hold; times are ISO texts."""
        return _plain_facts(self, creation_date="created")


class DataNodeRecord(NamedTuple):
    """A data node, without its values."""

    id: str
    config_id: str
    owner_id: str | None
    """The id of its scenario, or of the cycle whose scenarios share it; None where all
    scenarios do."""
    editor_id: str | None = None
    """Who has locked it; None where nobody has."""
    editor_expires: float | None = None
    """When the lock ends; None for never."""
    directory: str | None = None
    """Where a relative path of it begins, seen from the folder of the store; None where
    nobody has to know."""
    attributes: str = ""
    """What was changed since it was made, as JSON; ``""`` for nothing."""
    revision: int = 0
    """What tells these apart: another number with each change of them."""

    @property
    def editor_expiration_date(self) -> datetime | None:
        """When the lock ends by itself, in UTC; None for never."""
        return as_date(self.editor_expires)

    def as_dict(self) -> dict[str, Any]:
        """Return its facts as plain data that JSON can hold; times are ISO texts."""
        return _plain_facts(self, editor_expiration_date="editor_expires")


class VersionRecord(NamedTuple):
    """A version of a data node: an edit, and as long as it is kept, its value."""

    node_id: str
    number: int
    """When it was made, in nanoseconds since the epoch, by the clock of who made it: of
    two, the last to be saved is the newer one, whatever their numbers."""
    kept: StoredValue
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
    fingerprint: str | None = None
    """What was seen in a place of the user's; None where nobody has looked."""
    facts: str | None = None
    """What else the writer said of it, as JSON; None for nothing."""

    @property
    def id(self) -> str:
        """What tells it from all other records."""
        return f"{self.node_id}@{self.number}"


class FirstVersionRecord(VersionRecord):
    """A version that is saved only where its data node has none that is kept."""

    __slots__ = ()


class SubmissionRecord(NamedTuple):
    """A submission."""

    id: str
    entity_id: str
    scenario_id: str
    """The scenario that it belongs to, whatever of it was submitted."""
    orchestrator_id: str
    """Whose it is: that which runs it, or ran it."""
    status: SubmissionStatus
    submitted: float
    finished: float | None
    reason: str
    """Why it was cancelled, or ``""``."""
    force: bool
    on_failure: str
    graph: str
    """What it runs, as JSON: each task, its inputs and its outputs. It never changes."""
    properties: Mapping[str, Any]
    priority: float = 0.0
    """Of several whose jobs are ready, that with the highest comes first."""
    run_timeout: float | None = None
    """How long it may take, in seconds; None for as long as it takes."""
    waits: bool = False
    """Whether it begins only when all that it reads was written."""
    is_paused: bool = False
    """Whether no job of it is to start; see `Submission.pause`."""

    @property
    def submitted_at(self) -> datetime:
        """When it was submitted, in UTC."""
        return datetime.fromtimestamp(self.submitted, UTC)

    @property
    def finished_at(self) -> datetime | None:
        """When its last job ended, in UTC; None before."""
        return as_date(self.finished)

    def __repr__(self) -> str:
        return _shown(self, submitted_at="submitted", finished_at="finished")

    def as_dict(self) -> dict[str, Any]:
        """Return its facts as plain data that JSON can hold; times are ISO texts."""
        return _plain_facts(self, submitted_at="submitted", finished_at="finished")


class InputRecord(NamedTuple):
    """A value that a submission was given, for a data node that it reads.

    It is kept as long as its submission is.
    """

    submission_id: str
    node_id: str
    number: int
    """When it was given, in nanoseconds since the epoch."""
    kept: StoredValue
    """The value itself, as a pickle, or the name of its file."""

    @property
    def id(self) -> str:
        """What tells it from all other records."""
        return f"{self.submission_id}@{self.node_id}"


class AttemptRecord(NamedTuple):
    """An attempt at a job that failed, and was not the last."""

    number: int
    """From 1."""
    started: float | None
    """None where it did not come to that."""
    ended: float
    reason: str
    """Why it failed."""
    traceback: str
    kind: AttemptKind = AttemptKind.RAISED
    """How it failed."""
    crashes: int = 0
    """How many attempts up to this one have crashed, itself included."""

    @property
    def started_at(self) -> datetime | None:
        """When it was given to a worker, in UTC; None where it did not come to that."""
        return as_date(self.started)

    @property
    def ended_at(self) -> datetime:
        """When it failed, in UTC."""
        return datetime.fromtimestamp(self.ended, UTC)

    def __repr__(self) -> str:
        return _shown(self, started_at="started", ended_at="ended")

    def as_dict(self) -> dict[str, Any]:
        """Return its facts as plain data that JSON can hold; times are ISO texts."""
        return _plain_facts(self, started_at="started", ended_at="ended")


class JobRecord(NamedTuple):
    """A job that ended, or has been running for a while."""

    id: str
    task_id: str
    submission_id: str
    status: Status
    reason: str
    started: float | None
    finished: float | None
    traceback: str
    attempts: tuple[AttemptRecord, ...] = ()
    """Those before the current one; each has failed. Of many, the first and the last."""
    cpu_seconds: float | None = None
    """The CPU time that it took, with its child processes; None where nobody knows."""
    peak_rss: int | None = None
    """The most memory that its process had, in bytes; None where nobody knows."""
    worker: str | None = None
    """Its host and process: ``node7:4312``; None where nobody knows."""

    @property
    def run_at(self) -> datetime | None:
        """When it was given to a worker, in UTC; None where it did not come to that."""
        return as_date(self.started)

    @property
    def finished_at(self) -> datetime | None:
        """When it ended, in UTC; None before."""
        return as_date(self.finished)

    def __repr__(self) -> str:
        return _shown(self, run_at="started", finished_at="finished")

    def as_dict(self) -> dict[str, Any]:
        """Return its facts as plain data that JSON can hold; times are ISO texts."""
        return _plain_facts(self, run_at="started", finished_at="finished")


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
    """``""`` for a task that all scenarios share, as they do all of its outputs; the id of
    a cycle where those of that do."""
    fingerprint: str
    """Of its function."""
    inputs: Mapping[str, int]
    """For each input's config id, the number of its version."""
    outputs: Mapping[str, int]
    contents: Mapping[str, str] = {}
    """For inputs where that is known, what tells their values from others; for places of
    the user's, their fingerprints, those of outputs too."""

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
    | CycleRecord
    | DataNodeRecord
    | VersionRecord
    | SubmissionRecord
    | InputRecord
    | JobRecord
    | LogRecord
    | BasisRecord
    | OrchestratorRecord
)
"""Whatever a store keeps."""

Changeable: TypeAlias = ScenarioRecord | CycleRecord | DataNodeRecord
"""What `Store.update` takes."""


def as_date(seconds: float | None) -> datetime | None:
    """Return a time in seconds since the epoch as a date in UTC; None for None."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _plain_facts(record: Any, **dates: str) -> dict[str, Any]:
    """Return the fields of a record as plain data, and dates for the fields given."""
    return {name: plain(value) for name, value in _facts(record, dates)}


def _facts(record: Any, dates: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    """Give the names and values of a record, with dates for seconds: but for those that
    are no time of this calendar.
    """
    named = {field: shown for shown, field in dates.items()}

    for field, value in record._asdict().items():
        try:
            shown = named.get(field)
            fact = (shown, getattr(record, shown)) if shown else None
        except (OverflowError, ValueError, OSError):
            fact = None

        yield fact or (field, value)


def _shown(record: Any, **dates: str) -> str:
    """Show a record as users see it: with dates. Nothing that is pickled is loaded."""
    parts = (
        f"{name}={(plain(value) if isinstance(value, str | datetime) else value)!r}"
        for name, value in _facts(record, dates)
    )
    return f"{type(record).__name__}({', '.join(parts)})"
