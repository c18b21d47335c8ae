"""The store that forgets everything when it is closed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from operator import attrgetter
from types import TracebackType
from typing import Self

import attrs

from asyncflow.abc import Store, StoreWatcher
from asyncflow.abc.store import Readers
from asyncflow.errors import DeletingPrimaryScenario, NotFound, StoreFailed
from asyncflow.options import Page, SubmissionFilter
from asyncflow.records import (
    BasisRecord,
    Changeable,
    CycleRecord,
    DataNodeRecord,
    InputRecord,
    JobRecord,
    LabelRecord,
    LogRecord,
    OrchestratorRecord,
    Pruned,
    Record,
    ScenarioRecord,
    SubmissionRecord,
    VersionRecord,
)
from asyncflow.stores._command import is_reported, taken_over
from asyncflow.stores._labelled import has_label, labelled
from asyncflow.stores._properties import (
    WITH_PROPERTIES,
    check_properties,
    listed,
    listed_pairs,
)
from asyncflow.stores._tables import Tables, ids_of


@attrs.define(eq=False, repr=False)
class MemoryStore(Store):
    """Keep records in memory."""

    _tables: Tables = attrs.field(init=False, factory=Tables)
    _own_id: str | None = attrs.field(init=False, default=None)
    """The orchestrator that must be there whenever something is written."""
    _failure: StoreFailed | None = attrs.field(init=False, default=None)
    _watcher: StoreWatcher | None = attrs.field(init=False, default=None)

    @classmethod
    def at(cls, address: str) -> Self:  # noqa: ARG003  # there is one alone
        return cls()

    def __repr__(self) -> str:
        return "MemoryStore()"

    @property
    def failure(self) -> StoreFailed | None:
        """Why nothing is kept any more; None where all is."""
        return self._failure

    def watch(self, watcher: StoreWatcher | None) -> None:
        self._watcher = watcher

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        failure, self._watcher = self._failure, None
        self._tables, self._own_id, self._failure = Tables(), None, None

        if failure is not None and not is_reported(error):
            raise failure

    def save(self, *records: Record) -> None:
        tables = self._tables.by_kind

        if not tables.keys() >= {*map(type, records)}:
            strangers = [record for record in records if type(record) not in tables]
            raise TypeError(
                f"a store keeps the records of asyncflow, not {strangers[0]!r}"
            )

        for record in records:
            # Whether pickled ones are there is not asked: that would load them.
            if isinstance(record, WITH_PROPERTIES) and (
                type(record.properties) is not dict or record.properties
            ):
                check_properties((record,))

        if self._is_refused():
            return

        for record in records:
            old = self._tables.pinned_one(record) if self._tables.pins else None
            tables[type(record)].save(record)

            if old is not None:
                versions = self._tables.versions
                dropped = versions.records[old.id]
                versions.replace(dropped._replace(kept=old.kept))

    async def write(
        self, node_id: str, *records: VersionRecord, readers: Readers = None
    ) -> bool | None:
        tables = self._written()
        node = tables.data_nodes.records.get(node_id)

        if node is None:
            return False

        if readers is not None:
            runs = tables.submissions.found(scenario_id=node.owner_id)

            if any(run.finished is None and run.id not in readers for run in runs):
                return None

            for run_id in filter(readers.get, readers):
                if f"{node_id}@" not in "".join(tables.pins.get(run_id, ())):
                    self.pin(run_id, {node_id: None})

        self.save(*records)
        return True

    def pin(self, submission_id: str, versions: Mapping[str, int | None]) -> None:
        if self._is_refused() or self._tables.has_ended(submission_id):
            return

        pins = self._tables.pins.setdefault(submission_id, set())

        for node_id, number in versions.items():
            found = self._tables.versions.found(
                node_id=node_id, number=number, is_kept=True
            )
            found.sort(key=lambda version: version.number)
            pins.update(version.id for version in found[-1:])

    async def unpin(self, submission_id: str) -> list[str]:
        return self._written().unpin(submission_id)

    async def pinned_for_ended(self) -> list[str]:
        self._check()
        return [
            submission_id
            for submission_id in self._tables.pins
            if self._tables.has_ended(submission_id)
        ]

    async def pinned(self, submission_id: str) -> set[tuple[str, int]]:
        self._check()
        records, pins = self._tables.versions.records, self._tables.pins
        found = [records[pin] for pin in pins.get(submission_id, ()) if pin in records]
        return {(version.node_id, version.number) for version in found}

    async def flush(self) -> None:
        self._check()

    async def register(
        self, record: OrchestratorRecord, *, lease: float | None = None
    ) -> None:
        until = record.lease if lease is None else time.time() + lease
        self.save(record._replace(lease=until))
        self._check()
        self._own_id = record.id

    async def now(self) -> float:
        return time.time()

    async def adopt(
        self,
        dead_id: str,
        heir_id: str,
        *,
        lease_until: float | None = None,
        run_ids: Collection[str] | None = None,
        is_crash: bool = True,
    ) -> dict[str, int]:
        tables = self._written()
        dead = tables.orchestrators.records.get(dead_id)

        if dead is not None and (lease_until is None or dead.lease <= lease_until):
            tables.adopt(dead_id, heir_id, run_ids, is_crash=is_crash)

        return tables.crashes_of(heir_id)

    async def create(self, record: ScenarioRecord, *records: Record) -> str:
        tables = self._written()
        found = tables.scenarios.found(
            config_id=record.config_id, name=record.name, version=record.version
        )

        if found:
            return min(found, key=attrgetter("created")).id

        self.save(record, *records)
        return record.id

    def submit(
        self, record: SubmissionRecord, inputs: Sequence[InputRecord] = ()
    ) -> Callable[[], Awaitable[None]]:
        if record.scenario_id in self._tables.scenarios.records:
            self.save(record, *inputs)

        async def answer() -> None:
            self._check()

            if record.id not in self._tables.submissions.records:
                raise NotFound(record.scenario_id)

        return answer

    async def claim(
        self, record: SubmissionRecord, inputs: Sequence[InputRecord] = ()
    ) -> SubmissionRecord:
        check_properties((record,))
        tables = self._written()
        found = tables.submissions.records.get(record.id)

        if found is not None:
            return found

        if record.scenario_id not in tables.scenarios.records:
            raise NotFound(record.scenario_id)

        self.save(record, *inputs)
        return record

    async def lock(
        self, record: DataNodeRecord, *, now: float
    ) -> DataNodeRecord | None:
        nodes = self._written().data_nodes
        kept = nodes.records.get(record.id)

        if kept is None or not _can_lock(kept, record.editor_id, now):
            return kept

        locked = kept._replace(
            editor_id=record.editor_id, editor_expires=record.editor_expires
        )
        nodes.replace(locked)
        return locked

    async def update(self, record: Changeable, *, before: int) -> bool:
        if isinstance(record, ScenarioRecord):
            check_properties((record,))

        return self._written().update(record, before)

    async def promote(self, scenario_id: str) -> CycleRecord | None:
        return self._written().promote(scenario_id)

    async def label(self, record: LabelRecord) -> LabelRecord:
        labels = self._written().labels
        kept = labels.setdefault(record.name, record)

        if record.is_production:
            kept = labels[record.name] = kept._replace(is_production=True)

        return kept

    async def relabel(self, record: LabelRecord, *, before: str) -> bool:
        labels = self._written().labels
        kept = labels.get(record.name)

        if kept is None or kept.config != before:
            return False

        labels[record.name] = kept._replace(config=record.config)
        return True

    async def labels(self) -> list[LabelRecord]:
        self._check()
        return sorted(self._tables.labels.values(), key=attrgetter("created"))

    async def clean(
        self,
        label: str,
        scenario_ids: Collection[str],
        lost: Collection[SubmissionRecord] = (),
    ) -> list[str] | None:
        known = {(run.id, run.orchestrator_id) for run in lost}
        runs = self._written().submissions

        for scenario_id in scenario_ids:
            for run in runs.found(scenario_id=scenario_id):
                if run.finished is None and (run.id, run.orchestrator_id) not in known:
                    return None

        self._tables.labels.pop(label, None)
        return await self.delete(*scenario_ids)

    async def time_zone(self, name: str) -> str:
        tables = self._written()
        tables.time_zone = tables.time_zone or name
        return tables.time_zone

    async def delete(self, *record_ids: str) -> list[str]:
        self._written()
        names = [
            name for record_id in record_ids for name in self._tables.delete(record_id)
        ]

        if self._own_id in record_ids:
            self._own_id = None

        return names

    async def delete_ended(
        self, record_id: str, lost: Collection[SubmissionRecord] = ()
    ) -> list[str] | None:
        runs = self._written().submissions
        known = {(run.id, run.orchestrator_id) for run in lost}
        own = runs.records.get(record_id)
        found = [*runs.found(scenario_id=record_id), *([own] if own else [])]

        if any(
            run.finished is None and (run.id, run.orchestrator_id) not in known
            for run in found
        ):
            return None

        if (cycle_id := self._tables.has_siblings(record_id)) is not None:
            raise DeletingPrimaryScenario(record_id, cycle_id)

        return await self.delete(record_id)

    async def prunable(
        self,
        *,
        finished_before: float | None = None,
        keep: int | None = None,
        has_log: bool = False,
        limit: int | None = None,
    ) -> list[str]:
        self._check()
        runs = self._tables.submissions.found()
        finished = [run for run in runs if run.finished is not None]
        found = [
            run.id
            for run in finished[: max(0, len(finished) - (keep or 0))]
            if finished_before is None or (run.finished or 0.0) < finished_before
            if not has_log or self._tables.logs_of(run.id)
        ]
        return found[:limit]

    async def prune(self, *submission_ids: str, logs_only: bool = False) -> Pruned:
        tables = self._written()
        jobs, logs = 0, 0
        known = [
            submission_id
            for submission_id in submission_ids
            if submission_id in tables.submissions.records
        ]

        for submission_id in known:
            kept = self._tables.logs_of(submission_id)
            logs += len(kept)

            for log in kept:
                tables.logs.drop(log)

            if not logs_only:
                jobs += len(tables.jobs.found(submission_id=submission_id))
                self._tables.delete(submission_id)

        return Pruned(0 if logs_only else len(known), jobs, logs)

    async def get(self, record_id: str) -> Record | None:
        self._check()
        tables = self._tables
        found: Record | None

        for table in (
            tables.scenarios,
            tables.data_nodes,
            tables.submissions,
            tables.jobs,
            tables.orchestrators,
            tables.cycles,
        ):
            if found := table.records.get(record_id):
                return found

        return None

    async def scenarios(
        self,
        *,
        config_id: str | None = None,
        name: str | None = None,
        created_from: float | None = None,
        created_to: float | None = None,
        cycle_id: str | None = None,
        tag: str | None = None,
        is_primary: bool | None = None,
        properties: Mapping[str, object] | None = None,
        value: tuple[str, str, Collection[bytes]] | None = None,
        versions: Collection[str] | None = None,
        sort_key: str = "creation_date",
        after: ScenarioRecord | None = None,
        page: Page | None = None,
    ) -> list[ScenarioRecord]:
        self._check()
        pairs = {
            (name, listed(name, part)) for name, part in (properties or {}).items()
        }
        found = [
            scenario
            for scenario in self._tables.scenarios.found(
                config_id=config_id, name=name, cycle_id=cycle_id
            )
            if (created_from is None or created_from <= scenario.created)
            and (created_to is None or scenario.created < created_to)
            and (tag is None or tag in scenario.tags)
            and (versions is None or scenario.version in versions)
            and is_primary in (None, self._tables.is_primary(scenario))
            and pairs <= {*(listed_pairs(scenario.properties) or ())}
            and (value is None or self._tables.has_value(scenario, value))
        ]
        found.sort(key=lambda scenario: self._tables.key(scenario, sort_key))

        if after is not None:
            newest_first = page is not None and page.newest_first
            found = self._tables.beyond(
                after, found, sort_key, newest_first=newest_first
            )

        return (page or Page()).of(found)

    async def cycles(
        self, *, frequency: str | None = None, page: Page | None = None
    ) -> list[CycleRecord]:
        self._check()
        found = self._tables.cycles.found(frequency=frequency)
        found.sort(key=attrgetter("start"))
        return (page or Page()).of(found)

    async def data_nodes(
        self,
        *,
        owner_id: str | None = None,
        node_ids: Collection[str] | None = None,
        labels: Collection[str] | None = None,
        page: Page | None = None,
    ) -> list[DataNodeRecord]:
        self._check()
        nodes = self._tables.data_nodes

        if node_ids is None:
            found = nodes.found(owner_id=owner_id)
        else:
            known = nodes.records.keys() & {*node_ids}
            ordered = sorted(known, key=nodes.places.__getitem__)
            found = [nodes.records[node_id] for node_id in ordered]
            found = [node for node in found if owner_id in (None, node.owner_id)]

        if labels is not None:
            found = labelled(self._tables, found, labels)

        return (page or Page()).of(found)

    async def versions(
        self,
        *,
        node_id: str | None = None,
        node_ids: Collection[str] | None = None,
        owner_id: str | None = None,
        is_kept: bool | None = None,
        page: Page | None = None,
    ) -> list[VersionRecord]:
        self._check()
        versions = self._tables.versions
        filters = [
            {node_id} if node_id is not None else None,
            set(node_ids) if node_ids is not None else None,
            set(ids_of(self._tables.data_nodes.found(owner_id=owner_id)))
            if owner_id is not None
            else None,
        ]
        given = [value for value in filters if value is not None]
        wanted = set.intersection(*given) if given else {None}
        found = [
            version
            for wanted_id in wanted
            for version in versions.found(node_id=wanted_id, is_kept=is_kept)
        ]

        if len(wanted) > 1:
            found.sort(key=lambda version: versions.places[version.id])

        return (page or Page()).of(found)

    async def kept_names(self) -> set[str]:
        self._check()
        return self._tables.names()

    async def makers(self) -> set[str]:
        self._check()
        names = self._tables.names()
        return {name.partition("-")[0] for name in names if "-" in name}.union(
            self._tables.orchestrators.records
        )

    async def submissions(
        self,
        *,
        entity_id: str | None = None,
        scenario_id: str | None = None,
        orchestrator_id: str | None = None,
        status: str | None = None,
        is_finished: bool | None = None,
        where: SubmissionFilter | None = None,
        page: Page | None = None,
    ) -> list[SubmissionRecord]:
        self._check()
        found = [
            run
            for run in self._tables.submissions.found(
                entity_id=entity_id,
                scenario_id=scenario_id,
                orchestrator_id=orchestrator_id,
                status=status,
            )
            if is_finished in (None, run.finished is not None)
        ]

        if where is not None:
            from asyncflow.stores._sought import sought

            found = sought(self._tables, found, where, page)

        return (page or Page()).of(found)

    async def inputs(self, *submission_ids: str) -> list[InputRecord]:
        self._check()
        inputs = self._tables.inputs
        return [
            record
            for run in submission_ids
            for record in inputs.found(submission_id=run)
        ]

    async def jobs(
        self,
        *,
        submission_id: str | None = None,
        submission_ids: Collection[str] | None = None,
        task_id: str | None = None,
        status: str | None = None,
        labels: Collection[str] | None = None,
        page: Page | None = None,
    ) -> list[JobRecord]:
        self._check()
        jobs = self._tables.jobs
        found = jobs.found(submission_id=submission_id, task_id=task_id, status=status)

        if submission_ids is not None:
            found = [job for job in found if job.submission_id in submission_ids]

        if labels is not None:
            runs = self._tables.submissions.records
            found = [
                job
                for job in found
                if (run := runs.get(job.submission_id)) is not None
                and has_label(self._tables, run.scenario_id, labels)
            ]

        return (page or Page()).of(found)

    async def log(self, job_id: str) -> LogRecord | None:
        self._check()
        return next(iter(self._tables.logs.found(job_id=job_id)), None)

    async def bases(self, scenario_id: str) -> list[BasisRecord]:
        self._check()
        return self._tables.bases.found(scenario_id=scenario_id)

    async def orchestrators(self) -> list[OrchestratorRecord]:
        self._check()
        return self._tables.orchestrators.found()

    def _is_refused(self) -> bool:
        """Tell whether nothing may be written (any more)."""
        records = self._tables.orchestrators.records

        if self._own_id is not None and self._own_id not in records:
            if self._failure is None and self._watcher is not None:
                loop = asyncio.get_running_loop()
                loop.call_soon(self._watcher.store_changed)

            self._failure = taken_over("memory")

        return self._failure is not None

    def _check(self) -> None:
        if self._failure is not None:
            raise taken_over("memory")

    def _written(self) -> Tables:
        """Return the tables, to be written to."""
        self._is_refused()
        self._check()
        return self._tables


def _can_lock(kept: DataNodeRecord, editor_id: str | None, now: float) -> bool:
    has_ended = kept.editor_expires is not None and kept.editor_expires < now
    return has_ended or editor_id is None or kept.editor_id in (None, editor_id)
