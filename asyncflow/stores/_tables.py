"""The tables of a store in memory."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Generic, TypeVar

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

R = TypeVar("R", bound=Record)


@attrs.define(eq=False, repr=False)
class Table(Generic[R]):
    """The records of one kind, in the order of their first save.

    :param index: the fields by which they are found quickly
    """

    index: tuple[str, ...] = ()
    records: dict[str, R] = attrs.field(init=False, factory=dict)
    """By their ids."""
    places: dict[str, int] = attrs.field(init=False, factory=dict)
    """When they were saved first: a number that grows."""
    _saves: int = attrs.field(init=False, default=0)
    _indexes: dict[str, defaultdict[Any, dict[str, R]]] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._indexes = {name: defaultdict(dict) for name in self.index}

    def save(self, record: R) -> None:
        """Keep a record; of one with its id stays what `merged` says."""
        key = record.id
        old = self.records.get(key)

        if old is not None:
            self._replace(key, old, self.merged(old, record))
            return

        self.records[key] = record
        self._saves += 1
        self.places[key] = self._saves

        for name, index in self._indexes.items():
            index[getattr(record, name)][key] = record

    def merged(self, old: R, new: R) -> R:  # noqa: ARG002
        """Return what is kept of an old record and the one that replaces it."""
        return new

    def replace(self, record: R) -> None:
        """Keep a record, and nothing of the one that has its id."""
        key = record.id
        self._replace(key, self.records[key], record)

    def _replace(self, key: str, old: R, record: R) -> None:
        self.records[key] = record

        for name, index in self._indexes.items():
            value = getattr(record, name)

            if getattr(old, name) == value:
                index[value][key] = record
            else:
                self._build(name)

    def drop(self, key: str) -> None:
        """Forget a record, if there is one with this id."""
        record = self.records.pop(key, None)

        if record is None:
            return

        del self.places[key]

        for name, index in self._indexes.items():
            value = getattr(record, name)
            del index[value][key]

            if not index[value]:
                del index[value]

    def found(self, **filters: Any) -> list[R]:
        """Return the records whose fields have these values; None lets all pass."""
        wanted = {name: value for name, value in filters.items() if value is not None}
        indexed = next((name for name in wanted if name in self._indexes), None)
        records = self.records

        if indexed is not None:
            records = self._indexes[indexed].get(wanted.pop(indexed), {})

        return [
            record
            for record in records.values()
            if all(getattr(record, name) == value for name, value in wanted.items())
        ]

    def _build(self, name: str) -> None:
        """Build an index anew: in the order of the first saves."""
        index: defaultdict[Any, dict[str, R]] = defaultdict(dict)

        for key, record in self.records.items():
            index[getattr(record, name)][key] = record

        self._indexes[name] = index


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
