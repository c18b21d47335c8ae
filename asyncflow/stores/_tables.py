"""The tables of a store in memory."""

from __future__ import annotations

from typing import Any

import attrs

from asyncflow.records import (
    BasisRecord,
    DataNodeRecord,
    JobRecord,
    LogRecord,
    OrchestratorRecord,
    Record,
    ScenarioRecord,
    SubmissionRecord,
    VersionRecord,
)
from asyncflow.stores._table import Table


class DataNodes(Table[DataNodeRecord]):
    """Data nodes: who edits one is not told by its record."""

    def merged(self, old: DataNodeRecord, new: DataNodeRecord) -> DataNodeRecord:
        return new._replace(
            editor_id=old.editor_id,
            editor_expires=old.editor_expires,
            directory=old.directory or new.directory,
        )


class Versions(Table[VersionRecord]):
    """Versions: one is written once, then held or dropped."""

    def merged(self, old: VersionRecord, new: VersionRecord) -> VersionRecord:
        kept = old.kept if old.is_kept else new.kept
        return old._replace(
            kept=kept if new.is_kept else None,
            is_kept=new.is_kept,
            holder_id=new.holder_id,
        )


class Submissions(Table[SubmissionRecord]):
    """Submissions: a graph and properties are told with the first record."""

    def merged(self, old: SubmissionRecord, new: SubmissionRecord) -> SubmissionRecord:
        return new._replace(graph=old.graph, properties=old.properties)


@attrs.define(eq=False)
class Tables:
    """What the store has."""

    scenarios: Table[ScenarioRecord] = attrs.field(factory=Table)
    data_nodes: Table[DataNodeRecord] = attrs.field(
        factory=lambda: DataNodes(("owner_id",))
    )
    versions: Table[VersionRecord] = attrs.field(factory=lambda: Versions(("node_id",)))
    submissions: Table[SubmissionRecord] = attrs.field(
        factory=lambda: Submissions(("scenario_id",))
    )
    jobs: Table[JobRecord] = attrs.field(factory=lambda: Table(("submission_id",)))
    logs: Table[LogRecord] = attrs.field(factory=lambda: Table(("job_id",)))
    bases: Table[BasisRecord] = attrs.field(factory=lambda: Table(("scenario_id",)))
    orchestrators: Table[OrchestratorRecord] = attrs.field(factory=Table)
    by_kind: dict[type[Record], Table[Any]] = attrs.field(init=False)
    """Those of which records are found by their ids come first."""

    def __attrs_post_init__(self) -> None:
        self.by_kind = {
            ScenarioRecord: self.scenarios,
            DataNodeRecord: self.data_nodes,
            SubmissionRecord: self.submissions,
            JobRecord: self.jobs,
            OrchestratorRecord: self.orchestrators,
            VersionRecord: self.versions,
            LogRecord: self.logs,
            BasisRecord: self.bases,
        }
