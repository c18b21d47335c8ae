"""The common half of the stores that keep records in a database."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from itertools import chain
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

import attrs
from anyio import CancelScope, to_thread

from asyncflow.abc import Store, StoreWatcher
from asyncflow.abc.store import Readers
from asyncflow.errors import (
    DeletingPrimaryScenario,
    NotFound,
    StoreFailed,
    UsageError,
)
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
from asyncflow.stores._command import (
    Command,
    Parameters,
    changed,
    changed_properties,
    claim,
    is_reported,
    keys,
    of_labels,
    unfinished,
    written,
)
from asyncflow.stores._open_database import OpenDatabase, not_open
from asyncflow.stores._outage import StoreOutage
from asyncflow.stores._rows import (
    KINDS,
    Cell,
    Row,
    WriteItem,
    given,
    load_label,
    load_name,
    load_pin,
    load_time,
)
from asyncflow.stores._writer import Writer

if TYPE_CHECKING:
    from asyncflow.stores._database import Database
    from asyncflow.stores._scenario_search import ScenarioSearch

T = TypeVar("T")

WITH_NAMES = ("names", "versions", "owned_versions", "cycle_versions", "inputs")
"""The parts of a deletion that return names of files."""

ALL = 2**63 - 1
"""The limit of a query without one."""
_ALL: Parameters = {"limit": ALL, "offset": 0}


@attrs.define(eq=False, repr=False)
class DatabaseStore(Store):
    """A store that opens a `Database`: one thread writes, another reads."""

    patience: float = attrs.field(default=10.0, kw_only=True)
    """How long to try again where it cannot be read for now, where it is left while it
    cannot be written, and where its server is not there as it is opened, in seconds."""
    variable: str = attrs.field(init=False, default="", repr=False)
    """The environment variable that named it, or ""."""
    _opened: OpenDatabase | None = attrs.field(init=False, default=None)
    _closing: OpenDatabase | None = attrs.field(init=False, default=None)
    _search: ScenarioSearch | None = attrs.field(init=False, default=None)

    @property
    def values_folder(self) -> str:
        """The folder for the files of large values. It is known as long as it is open."""
        return self._now_open().database.values_folder

    @property
    def commits(self) -> int:
        """How many transactions it has written. It is known as long as it is open."""
        return self._now_open().writer.commits

    @property
    def failure(self) -> StoreFailed | None:
        """Why it cannot be written; None where it can. It is known while it is open."""
        opened = self._now_open()
        return opened.failure or opened.outage.problem

    def watch(self, watcher: StoreWatcher | None) -> None:
        opened = self._now_open()
        opened.writer.watcher = watcher
        opened.outage.is_opening = False

    def close_soon(self, *, now: bool = False) -> None:
        if (opened := self._opened or self._closing) is not None:
            opened.writer.close_soon(0.0 if now else self.patience)

    @property
    @abstractmethod
    def _name(self) -> str:
        """How errors name the store."""

    @abstractmethod
    def _connect(self) -> Database:
        """Open the database. Blocks."""

    async def __aenter__(self) -> Self:
        if self._opened is not None:
            raise UsageError(f"the store {self._name} is open already: make another")

        self._opened = await self._open()
        self._search = None  # the file may be another one
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        opened = self._now_open()
        self.close_soon()
        self._opened, self._closing, opened.is_left = None, opened, True

        with CancelScope(shield=True):
            try:
                await to_thread.run_sync(opened.writer.stop)
            finally:
                self._closing = None
                opened.writer.closed()
                await opened.close(self.patience)

        if not is_reported(error):
            opened.raise_failure()

    async def listen(self, listener_id: str, *, listens: bool) -> OpenDatabase:
        """Have it known that an orchestrator listens to what others do, or does not."""
        given: Parameters = {"id": listener_id, "listens": int(listens)}
        return await self._put(Command("listen", [given]))

    def save(self, *records: Record) -> None:
        opened = self._opened or self._now_open()
        opened.writer.put(given(records, opened.graphs))

    async def flush(self) -> None:
        opened = self._opened or self._now_open()
        await opened.writer.settle()

        if opened.outage.failure is not None:
            opened.raise_failure()

    async def register(
        self, record: OrchestratorRecord, *, lease: float | None = None
    ) -> None:
        self._now_open().outage.is_opening = True
        await self._put(
            record, Command("register", [{"id": record.id, "lease": lease}])
        )

    async def now(self) -> float:
        (now,) = await self._ask("now", {}, load_time)
        return float(now)

    async def adopt(
        self,
        dead_id: str,
        heir_id: str,
        *,
        lease_until: float | None = None,
        run_ids: Collection[str] | None = None,
        is_crash: bool = True,
    ) -> dict[str, int]:
        facts = {"dead_id": dead_id, "heir_id": heir_id, "lease_until": lease_until}
        ids = [None] if run_ids is None else run_ids or [""]
        given = [{**facts, "is_crash": is_crash, "run_id": run_id} for run_id in ids]
        act = Command("adopt", given)
        await self._put(act)
        return {str(run_id): cast("int", n) for run_id, n in act.answers["found"]}

    async def create(self, record: ScenarioRecord, *records: Record) -> str:
        opened = self._now_open()
        named = {
            "config_id": record.config_id,
            "name": record.name,
            "version": record.version,
        }
        turn = f"{record.config_id} {record.name}"
        look = Command("named", [{**named, "turn": turn}])
        rows = given((record, *records), opened.graphs)
        act = Command("create", (), (look, ("scenario",)), rows)
        await self._put(look, act)
        return next((str(found) for (found,) in look.answers["scenario"]), record.id)

    def submit(
        self, record: SubmissionRecord, inputs: Sequence[InputRecord] = ()
    ) -> Callable[[], Awaitable[None]]:
        opened, act = self._now_open(), claim(record)
        opened.writer.put((act, *_give(record, inputs)))
        opened.graphs.add(record.id)

        async def answer() -> None:
            await self._settled()

            if not act.answers["found"]:
                raise NotFound(record.scenario_id)

        return answer

    async def claim(
        self, record: SubmissionRecord, inputs: Sequence[InputRecord] = ()
    ) -> SubmissionRecord:
        while True:
            act = claim(record)
            opened = await self._put(act, *_give(record, inputs))

            if act.answers["submission"]:
                return record

            for row in act.answers["found"]:  # none where it was just deleted
                found: SubmissionRecord = await to_thread.run_sync(
                    opened.database.load, KINDS[SubmissionRecord].load, row
                )
                return found

            if not act.answers["scenario"]:
                raise NotFound(record.scenario_id)

    async def lock(
        self, record: DataNodeRecord, *, now: float
    ) -> DataNodeRecord | None:
        act = Command("lock", [{**record._asdict(), "now": now}])
        await self._put(act)
        return next(map(DataNodeRecord._make, act.answers["found"]), None)

    async def update(self, record: Changeable, *, before: int) -> bool:
        act = changed(record, before)
        await self._put(act, *changed_properties(record))
        return bool(act.answers["found"])

    async def promote(self, scenario_id: str) -> CycleRecord | None:
        act = Command("promote", [{"id": scenario_id}])
        await self._put(act)
        return next(map(CycleRecord._make, act.answers["found"]), None)

    async def label(self, record: LabelRecord) -> LabelRecord:
        act = Command("label", [record._asdict()])
        await self._put(act)
        return next(map(load_label, act.answers["found"]))

    async def relabel(self, record: LabelRecord, *, before: str) -> bool:
        act = Command("relabel", [{**record._asdict(), "before": before}])
        await self._put(act)
        return bool(act.answers["row"])

    async def labels(self) -> list[LabelRecord]:
        return await self._ask("labels", _ALL, load_label)

    async def clean(
        self,
        label: str,
        scenario_ids: Collection[str],
        lost: Collection[SubmissionRecord] = (),
    ) -> list[str] | None:
        self._now_open().graphs.clear()
        look = unfinished(scenario_ids, lost)
        given = [[{"id": scenario_id}] for scenario_id in scenario_ids]
        acts = [Command("delete", rows, (look, ("runs",))) for rows in given]
        gone = Command("clean", [{"name": label}], (look, ("runs",)))
        await self._put(look, *acts, gone)

        if look.answers["runs"]:
            return None

        return [name for act in acts for name in _names(act)]

    async def time_zone(self, name: str) -> str:
        act = Command("time_zone", [{"name": name}])
        await self._put(act)
        return str(act.answers["found"][0][0])

    async def delete(self, *record_ids: str) -> list[str]:
        self._now_open().graphs.clear()  # they may go: with what is saved anew they come
        act = Command("delete", [{"id": record_id} for record_id in record_ids])
        await self._put(act)
        return _names(act)

    async def delete_ended(
        self, record_id: str, lost: Collection[SubmissionRecord] = ()
    ) -> list[str] | None:
        self._now_open().graphs.clear()
        look = unfinished([record_id], lost)
        act = Command("delete", [{"id": record_id}], (look, ("runs", "siblings")))
        await self._put(look, act)

        for (cycle_id,) in look.answers["siblings"]:
            raise DeletingPrimaryScenario(record_id, str(cycle_id))

        return None if look.answers["runs"] else _names(act)

    async def write(
        self, node_id: str, *records: VersionRecord, readers: Readers = None
    ) -> bool | None:
        look, *acts = written(node_id, records, readers)
        await self._put(look, *acts)
        return None if look.answers.get("runs") else not look.answers["node"]

    def pin(self, submission_id: str, versions: Mapping[str, int | None]) -> None:
        given = [
            {"id": submission_id, "node_id": node_id, "number": number}
            for node_id, number in versions.items()
        ]
        self._now_open().writer.put((Command("pin", given),))

    async def unpin(self, submission_id: str) -> list[str]:
        act = Command("unpin", [{"id": submission_id}])
        await self._put(act)
        return [str(name) for (name,) in act.answers["names"]]

    async def pinned_for_ended(self) -> list[str]:
        return await self._ask("pinned_for_ended", _ALL, load_name)

    async def pinned(self, submission_id: str) -> set[tuple[str, int]]:
        return set(await self._ask("pinned", {"id": submission_id, **_ALL}, load_pin))

    async def prunable(
        self,
        *,
        finished_before: float | None = None,
        keep: int | None = None,
        has_log: bool = False,
        limit: int | None = None,
    ) -> list[str]:
        filters = {"finished_before": finished_before, "keep": keep, "has_log": has_log}
        paged = {"limit": ALL if limit is None else limit, "offset": 0}
        return await self._ask("prunable", {**filters, **paged}, load_name)

    async def prune(self, *submission_ids: str, logs_only: bool = False) -> Pruned:
        verb = "prune_logs" if logs_only else "prune"
        act = Command(verb, [{"id": submission_id} for submission_id in submission_ids])
        await self._put(act)
        counts = {part: len(rows) for part, rows in act.answers.items()}
        kinds = (counts.get(part, 0) for part in ("submissions", "jobs", "logs"))
        return Pruned(*kinds)

    async def shrink(self) -> int:
        opened = await self._settled()
        return await to_thread.run_sync(opened.database.shrink)

    async def get(self, record_id: str) -> Record | None:
        opened = self._now_open()
        found: Record | None = await opened.answer(
            self.patience, lambda database: database.find(record_id)
        )
        return found

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
        from asyncflow.stores._scenario_search import Asked, ScenarioSearch

        if self._search is None:
            self._search = ScenarioSearch(self._now_open(), self.patience)

        version = next(iter(versions)) if versions and len(versions) == 1 else None
        columns = {"config_id": config_id, "name": name, "cycle_id": cycle_id}
        asked = Asked(
            columns={**columns, "version": version},
            tag=tag,
            is_primary=is_primary,
            properties=properties,
            value=value,
            sort_key=sort_key,
            after=after,
            page=page or Page(),
            others={
                "versions": _keys(versions) if version is None else None,
                "created_from": created_from,
                "created_to": created_to,
            },
        )
        return await self._search.found(asked)

    async def cycles(
        self, *, frequency: str | None = None, page: Page | None = None
    ) -> list[CycleRecord]:
        return await self._read("cycle", frequency=frequency, page=page)

    async def data_nodes(
        self,
        *,
        owner_id: str | None = None,
        node_ids: Collection[str] | None = None,
        labels: Collection[str] | None = None,
        page: Page | None = None,
    ) -> list[DataNodeRecord]:
        name = "data_node" if labels is None else "labelled_data_node"
        asked = {"owner_id": owner_id, "node_ids": _keys(node_ids), **of_labels(labels)}
        return await self._read(name, page=page, **asked)

    async def versions(
        self,
        *,
        node_id: str | None = None,
        node_ids: Collection[str] | None = None,
        owner_id: str | None = None,
        is_kept: bool | None = None,
        page: Page | None = None,
    ) -> list[VersionRecord]:
        return await self._read(
            "version",
            node_id=node_id,
            node_ids=_keys(node_ids),
            owner_id=owner_id,
            is_kept=is_kept is True,
            is_dropped=is_kept is False,
            page=page,
        )

    async def kept_names(self) -> set[str]:
        return set(await self._ask("kept_names", {}, load_name))

    async def makers(self) -> set[str]:
        return set(await self._ask("makers", {}, load_name))

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
        asked: Parameters = {
            "entity_id": entity_id,
            "scenario_id": scenario_id,
            "orchestrator_id": orchestrator_id,
            "status": status,
            "is_finished": is_finished is True,
            "is_unfinished": is_finished is False,
        }

        if where is None:
            return await self._read("submission", page=page, **asked)

        from asyncflow.stores._submission_search import searched

        return await searched(self._now_open(), self.patience, asked, where, page)

    async def inputs(self, *submission_ids: str) -> list[InputRecord]:
        return await self._read("input", submission_ids=_keys(submission_ids))

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
        return await self._read(
            "job",
            submission_id=submission_id,
            submission_ids=_keys(submission_ids),
            task_id=task_id,
            **{"status" if submission_ids is None else "status_within": status},
            labels=_keys(labels),
            page=page,
        )

    async def log(self, job_id: str) -> LogRecord | None:
        return next(iter(await self._read("log", job_id=job_id)), None)

    async def bases(self, scenario_id: str) -> list[BasisRecord]:
        return await self._read("basis", scenario_id=scenario_id)

    async def orchestrators(self) -> list[OrchestratorRecord]:
        return await self._read("orchestrator")

    def _now_open(self) -> OpenDatabase:
        if self._opened is None:
            raise not_open(self._name)

        return self._opened

    async def _open(self) -> OpenDatabase:
        with CancelScope(shield=True):  # what is open would be lost
            database = await to_thread.run_sync(self._connected)
            outage = StoreOutage(database.file, self.patience)
            writer = Writer(database, "asyncflow-store", outage)
            opened = OpenDatabase(self._name, database, writer, outage)
            await to_thread.run_sync(opened.start)

        return opened

    def _connected(self) -> Database:
        try:
            return self._connect()
        except StoreFailed as error:
            if not self.variable:
                raise

            file = f"{error.file} (named by the environment variable {self.variable})"
            raise type(error)(file, error.problem, error.remedy) from error

    async def _put(self, *change: WriteItem | Command) -> OpenDatabase:
        """Have something written, and wait until it is."""
        self._now_open().writer.put(change)
        return await self._settled()

    async def _settled(self) -> OpenDatabase:
        """Wait until what was saved before is written."""
        opened = self._now_open()
        await opened.writer.settle()
        opened.raise_failure()
        return opened

    async def _read(
        self, table: str, page: Page | None = None, **filters: Cell
    ) -> list[Any]:
        page = page or Page()
        paged = page._replace(limit=ALL if page.limit is None else page.limit)
        return await self._ask(
            table,
            {**filters, **paged._asdict()},
            _LOADS[table.removeprefix("labelled_")],
        )

    async def _ask(
        self, name: str, parameters: Parameters, load: Callable[[Row], Any]
    ) -> list[Any]:
        opened = self._now_open()
        return await opened.answer(
            self.patience, lambda database: database.read(name, parameters, load)
        )


def _keys(names: Collection[str] | None) -> str | None:
    """Write names as the keys of an object, which every database can list."""
    return None if names is None else keys(names)


def _give(
    record: SubmissionRecord, inputs: Sequence[InputRecord]
) -> tuple[Command, ...]:
    """Have inputs saved with a submission that is claimed, if it is."""
    if not inputs:
        return ()

    claim = record.orchestrator_id, record.submitted
    return (Command("give", [_given_to(claim, record) for record in inputs]),)


def _given_to(claim: tuple[str, float], record: InputRecord) -> Parameters:
    kept = record.kept
    return {
        "submission_id": record.submission_id,
        "orchestrator_id": claim[0],
        "submitted": claim[1],
        "node_id": record.node_id,
        "number": record.number,
        "path": kept if isinstance(kept, str) else None,
        "value": kept if isinstance(kept, bytes) else None,
    }


def _names(act: Command) -> list[str]:
    """Return the names of the files of what was deleted."""
    rows = chain(*(act.answers[part] for part in WITH_NAMES))
    return [str(name) for (name,) in rows if name is not None]


_LOADS = {kind.table: kind.load for kind in KINDS.values()}
