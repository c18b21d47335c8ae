"""The tables of a store in memory, and what goes with what in them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import attrs

from asyncflow.ids import key_of, of_node
from asyncflow.records import (
    BasisRecord,
    Changeable,
    CycleRecord,
    DataNodeRecord,
    FirstVersionRecord,
    InputRecord,
    JobRecord,
    LabelRecord,
    LogRecord,
    OrchestratorRecord,
    Record,
    ScenarioRecord,
    SubmissionRecord,
    VersionRecord,
)

if TYPE_CHECKING:
    from asyncflow.stores._scenario_list import NodeValue

R = TypeVar("R", bound=Record)

ALL = 2**63 - 1
"""More than any table has."""

CHANGED: Mapping[type[Record], tuple[str, ...]] = {
    ScenarioRecord: ("name", "properties", "tags", "sequences", "version", "revision"),
    CycleRecord: ("name", "attributes", "revision"),
    DataNodeRecord: ("attributes", "revision"),
}
"""What `Store.update` takes of a record."""


@attrs.define(eq=False, repr=False)
class Table(Generic[R]):
    """The records of one kind, in the order of their first save."""

    index: tuple[str, ...] = ()
    """The fields by which they are found quickly."""
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
    """Data nodes: who edits one, and what was changed of it, is not told by its record."""

    def merged(self, old: DataNodeRecord, new: DataNodeRecord) -> DataNodeRecord:
        return new._replace(
            editor_id=old.editor_id,
            editor_expires=old.editor_expires,
            directory=old.directory or new.directory,
            attributes=old.attributes,
            revision=old.revision,
        )


class Cycles(Table[CycleRecord]):
    """Cycles: who comes first is primary."""

    def merged(self, old: CycleRecord, new: CycleRecord) -> CycleRecord:
        if old.primary_id is not None:
            return old

        return old._replace(
            primary_id=new.primary_id, primary_created=new.primary_created
        )


class Versions(Table[VersionRecord]):
    """Versions: one is written once, then held or dropped."""

    def save(self, record: VersionRecord) -> None:
        is_first = type(record) is FirstVersionRecord
        if not (is_first and self.found(node_id=record.node_id, is_kept=True)):
            super().save(record)

    def merged(self, old: VersionRecord, new: VersionRecord) -> VersionRecord:
        kept = old.kept if old.is_kept else new.kept
        return old._replace(
            kept=kept if new.is_kept else None,
            is_kept=new.is_kept,
            holder_id=new.holder_id,
            fingerprint=new.fingerprint or old.fingerprint,
        )


class Submissions(Table[SubmissionRecord]):
    """Submissions: a graph and properties are told with the first record."""

    def merged(self, old: SubmissionRecord, new: SubmissionRecord) -> SubmissionRecord:
        return new._replace(graph=old.graph, properties=old.properties)


@attrs.define(eq=False)
class Tables:
    """What the store has."""

    scenarios: Table[ScenarioRecord] = attrs.field(factory=lambda: Table(("cycle_id",)))
    cycles: Table[CycleRecord] = attrs.field(factory=Cycles)
    time_zone: str | None = attrs.field(init=False, default=None)
    """That of the cycles."""
    data_nodes: Table[DataNodeRecord] = attrs.field(
        factory=lambda: DataNodes(("owner_id",))
    )
    versions: Table[VersionRecord] = attrs.field(factory=lambda: Versions(("node_id",)))
    submissions: Table[SubmissionRecord] = attrs.field(
        factory=lambda: Submissions(("scenario_id",))
    )
    inputs: Table[InputRecord] = attrs.field(factory=lambda: Table(("submission_id",)))
    jobs: Table[JobRecord] = attrs.field(factory=lambda: Table(("submission_id",)))
    logs: Table[LogRecord] = attrs.field(factory=lambda: Table(("job_id",)))
    bases: Table[BasisRecord] = attrs.field(factory=lambda: Table(("scenario_id",)))
    orchestrators: Table[OrchestratorRecord] = attrs.field(factory=Table)
    labels: dict[str, LabelRecord] = attrs.field(init=False, factory=dict)
    """The versions of the application, in the order of their first opening."""
    pins: dict[str, set[str]] = attrs.field(init=False, factory=dict)
    """The versions that are pinned for submissions, by the ids of these."""
    crashes: dict[str, tuple[int, int]] = attrs.field(init=False, factory=dict)
    """For each submission that was adopted, how often its orchestrator has died since a
    job of it last ended, and how many had ended then."""
    by_kind: dict[type[Record], Table[Any]] = attrs.field(init=False)
    """Those of which records are found by their ids come first."""

    def __attrs_post_init__(self) -> None:
        self.by_kind = {
            ScenarioRecord: self.scenarios,
            CycleRecord: self.cycles,
            DataNodeRecord: self.data_nodes,
            SubmissionRecord: self.submissions,
            JobRecord: self.jobs,
            OrchestratorRecord: self.orchestrators,
            VersionRecord: self.versions,
            FirstVersionRecord: self.versions,
            InputRecord: self.inputs,
            LogRecord: self.logs,
            BasisRecord: self.bases,
        }

    def names(self) -> set[str]:
        """Return the names of all files that values have."""
        inputs = names_of(self.inputs.records.values())
        return names_of(self.versions.records.values()) | inputs

    def update(self, record: Changeable, before: int) -> bool:
        """Keep what was changed of a record; see `Store.update`."""
        table: Table[Any] = self.by_kind[type(record)]
        kept = table.records.get(record.id)

        if kept is None or kept.revision != before:
            return False

        fields = {name: getattr(record, name) for name in CHANGED[type(record)]}
        table.replace(kept._replace(**fields))
        return True

    def has_ended(self, submission_id: str) -> bool:
        """Tell whether a submission has ended, or is not there."""
        run = self.submissions.records.get(submission_id)
        return run is None or run.finished is not None

    def _is_pinned(self, version_id: str) -> bool:
        """Tell whether a version is pinned for a submission."""
        return any(version_id in pins for pins in self.pins.values())

    def pinned_one(self, record: Record) -> VersionRecord | None:
        """Return what is kept of a pinned version that is to be dropped."""
        if not isinstance(record, VersionRecord) or record.is_kept:
            return None

        old = self.versions.records.get(record.id)
        return old if old is not None and self._is_pinned(record.id) else None

    def unpin(self, submission_id: str) -> list[str]:
        """Drop the pins of a submission; return the names of the files that go."""
        names: list[str] = []

        for version_id in self.pins.pop(submission_id, ()):
            version = self.versions.records.get(version_id)

            if version and not version.is_kept and not self._is_pinned(version_id):
                names += names_of([version])
                self.versions.replace(version._replace(kept=None))

        return names

    def adopt(
        self,
        dead_id: str,
        heir_id: str,
        run_ids: Collection[str] | None,
        *,
        is_crash: bool,
    ) -> None:
        """Give runs of an orchestrator to another one; see `Store.adopt`."""
        is_left = False

        for run in self.submissions.found(orchestrator_id=dead_id):
            if run.finished is not None:
                continue

            if run_ids is not None and run.id not in run_ids:
                is_left = True
                continue

            self.submissions.replace(run._replace(orchestrator_id=heir_id))
            ended = sum(
                job.finished is not None
                for job in self.jobs.found(submission_id=run.id)
            )
            crashes, before = self.crashes.get(run.id, (0, 0))

            if is_crash:
                crashes = 1 if ended > before else crashes + 1

            self.crashes[run.id] = crashes, ended

        for version in self.versions.found(holder_id=dead_id):
            self.versions.replace(version._replace(holder_id=heir_id))

        if not is_left:
            self.orchestrators.drop(dead_id)

    def crashes_of(self, heir_id: str) -> dict[str, int]:
        """Return the open runs of an orchestrator, and how often they have crashed."""
        runs = self.submissions.found(orchestrator_id=heir_id)
        open_ids = [run.id for run in runs if run.finished is None]
        return {run_id: self.crashes.get(run_id, (0, 0))[0] for run_id in open_ids}

    def logs_of(self, submission_id: str) -> list[str]:
        """Return the ids of the logs of a submission."""
        jobs = self.jobs.found(submission_id=submission_id)
        return [log.id for job in jobs for log in self.logs.found(job_id=job.id)]

    def promote(self, scenario_id: str) -> CycleRecord | None:
        """Make a scenario the primary one of its cycle; see `Store.promote`."""
        scenario = self.scenarios.records.get(scenario_id)
        cycle = self.cycles.records.get((scenario and scenario.cycle_id) or "")

        if scenario is None or cycle is None:
            return None

        made = cycle._replace(primary_id=scenario.id, primary_created=scenario.created)
        self.cycles.replace(made)
        return made

    def is_primary(self, scenario: ScenarioRecord) -> bool:
        """Tell whether a scenario is the primary one of its cycle."""
        cycle = self.cycles.records.get(scenario.cycle_id or "")
        return cycle is not None and cycle.primary_id == scenario.id

    def key(self, record: ScenarioRecord, sort_key: str) -> tuple[str, float, int]:
        """Return what tells the place of a scenario, which may have been deleted, in the
        order of a list.
        """
        text = ""

        if sort_key != "creation_date":
            from asyncflow.stores._scenario_list import sort_text

            text = sort_text(record, sort_key)

        return text, record.created, self.scenarios.places.get(record.id, -1)

    def beyond(
        self,
        after: ScenarioRecord,
        scenarios: Iterable[ScenarioRecord],
        sort_key: str,
        *,
        newest_first: bool,
    ) -> list[ScenarioRecord]:
        """Return those of some scenarios that come after one; see `Store.scenarios`."""
        *edge, place = self.key(after, sort_key)

        if newest_first:
            last = (*edge, ALL if place < 0 else place)
            return [row for row in scenarios if self.key(row, sort_key) < last]

        first = (*edge, max(place, 0))
        return [row for row in scenarios if self.key(row, sort_key) > first]

    def has_value(self, record: ScenarioRecord, wanted: NodeValue) -> bool:
        """Tell whether the current value of a data node of a scenario is one of some."""
        config_id, scope, accepted = wanted
        owners = {"SCENARIO": key_of(record.id), "CYCLE": record.cycle_id or ""}
        node_id = of_node(config_id, owners.get(scope, scope))
        found = self.versions.found(node_id=node_id, is_kept=True)
        return bool(found) and found[-1].kept in accepted

    def has_siblings(self, scenario_id: str) -> str | None:
        """Return the cycle of which a scenario is primary, if it has others."""
        scenario = self.scenarios.records.get(scenario_id)
        cycle = self.cycles.records.get((scenario and scenario.cycle_id) or "")

        if cycle is None or cycle.primary_id != scenario_id:
            return None

        return cycle.id if len(self.scenarios.found(cycle_id=cycle.id)) > 1 else None

    def _leave_cycle(self, scenario_id: str) -> set[str]:
        """Forget the cycle of a scenario that is its last one."""
        scenario = self.scenarios.records.get(scenario_id)
        cycle = self.cycles.records.get((scenario and scenario.cycle_id) or "")

        if cycle is None:
            return set()

        if len(self.scenarios.found(cycle_id=cycle.id)) > 1:
            if cycle.primary_id == scenario_id:
                vacant = cycle._replace(primary_id=None, primary_created=None)
                self.cycles.replace(vacant)

            return set()

        self.cycles.drop(cycle.id)
        return self.delete(cycle.id)  # its data nodes

    def delete(self, record_id: str) -> set[str]:
        """Forget a record with what goes with it; return the names of its files."""
        names = self._release(record_id) | self._leave_cycle(record_id)
        nodes = [record_id, *ids_of(self.data_nodes.found(owner_id=record_id))]
        runs = [record_id, *ids_of(self.submissions.found(scenario_id=record_id))]
        versions = [
            version for node in nodes for version in self.versions.found(node_id=node)
        ]
        jobs = [record_id]
        jobs += [job.id for run in runs for job in self.jobs.found(submission_id=run)]
        logs = [log for job in jobs for log in self.logs.found(job_id=job)]
        inputs = [
            record for run in runs for record in self.inputs.found(submission_id=run)
        ]
        names |= names_of(versions) | names_of(inputs)

        for table, ids in (
            (self.versions, ids_of(versions)),
            (self.data_nodes, nodes),
            (self.jobs, jobs),
            (self.logs, ids_of(logs)),
            (self.submissions, runs),
            (self.inputs, ids_of(inputs)),
            (self.bases, ids_of(self.bases.found(scenario_id=record_id))),
            (self.scenarios, [record_id]),
            (self.orchestrators, [record_id]),
        ):
            for row_id in ids:
                table.drop(row_id)

        return names

    def _release(self, holder_id: str) -> set[str]:
        """Drop the values that an orchestrator holds."""
        if holder_id not in self.orchestrators.records:
            return set()

        held = self.versions.found(holder_id=holder_id)

        for version in held:
            kept = version.kept if self._is_pinned(version.id) else None
            dropped = version._replace(kept=kept, is_kept=False, holder_id=None)
            self.versions.replace(dropped)

        return names_of(version for version in held if not self._is_pinned(version.id))


def ids_of(records: Iterable[Record]) -> list[str]:
    """Return the ids of records."""
    return [record.id for record in records]


def names_of(versions: Iterable[VersionRecord | InputRecord]) -> set[str]:
    """Return the names of the files that versions, or inputs, have."""
    return {version.kept for version in versions if isinstance(version.kept, str)}
