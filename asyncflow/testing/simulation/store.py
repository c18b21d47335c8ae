"""The store of a simulation: it commits late, fails to order, and dies with its process."""

from __future__ import annotations

import asyncio
from abc import ABCMeta
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Self, cast

import attrs
from anyio import CancelScope, sleep

from asyncflow.abc import Store, StoreWatcher
from asyncflow.errors import NotOpen, StoreFailed
from asyncflow.records import InputRecord, OrchestratorRecord, Record, SubmissionRecord
from asyncflow.stores.memory import MemoryStore
from asyncflow.testing.simulation.disk import Disk
from asyncflow.testing.simulation.process import Process
from asyncflow.testing.simulation.writer import (
    PATIENCE,
    Auditor,
    StoreWriter,
    copied,
)

READS = frozenset(
    {
        *(
            "get",
            "scenarios",
            "cycles",
            "data_nodes",
            "versions",
            "kept_names",
            "makers",
        ),
        *("submissions", "inputs", "jobs", "log", "bases", "orchestrators", "labels"),
        *("pinned", "pinned_for_ended", "prunable"),
    }
)

WRITES = frozenset(
    {
        *("adopt", "create", "claim", "lock", "update", "promote", "label", "relabel"),
        *("clean", "time_zone", "delete", "delete_ended", "write", "unpin", "prune"),
    }
)


@attrs.define(eq=False)
class SimulatedStore:
    """A store on a simulated disk, for one process.

    What is saved waits, and is committed in groups. It answers as `MemoryStore` does.
    """

    disk: Disk
    process: Process
    auditor: Auditor
    is_far: bool = False
    variable: str = attrs.field(init=False, default="")
    _kept: MemoryStore = attrs.field(init=False, factory=MemoryStore)
    _writer: StoreWriter = attrs.field(init=False)
    _task: asyncio.Task[None] | None = attrs.field(init=False, default=None)

    @classmethod
    def on(
        cls, disk: Disk, process: Process, auditor: Auditor, *, is_far: bool
    ) -> Store:
        """Make one, not open yet."""
        return cast(Store, cls(disk, process, auditor, is_far))

    @property
    def values_folder(self) -> str:
        """The folder for the files of large values."""
        return self.disk.values_folder

    @property
    def failure(self) -> StoreFailed | None:
        """Why it cannot be written; None where it can."""
        self._check_open()
        writer = self._writer
        return writer.failure or self._kept.failure or writer.problem

    @property
    def commits(self) -> int:
        """How many transactions it has written."""
        return self._writer.commits

    def changes(self, listener_id: str) -> None:  # noqa: ARG002
        """There are none."""
        return None

    def watch(self, watcher: StoreWatcher | None) -> None:
        """Tell somebody whenever `failure` has changed."""
        self._writer.watcher = watcher
        self._writer.is_opening = False

    def close_soon(self, *, now: bool = False) -> None:
        """Take note that it is about to be closed."""
        writer = self._writer
        until = writer.time() + (0.0 if now else PATIENCE)
        writer.closes = until if writer.closes is None else min(until, writer.closes)

    async def __aenter__(self) -> Self:
        await self.disk.world.pause("open", 0.01)
        self._kept = MemoryStore()
        self._kept._tables = self.disk.kept._tables
        self._writer = StoreWriter(self.disk, self.process, self.auditor, self._kept)
        self._task = asyncio.create_task(self._writer.write_on())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._check_open()
        assert self._task is not None
        self._writer.ends = True
        self.close_soon()
        self._writer.news.set()

        with CancelScope(shield=True):
            await asyncio.wait({self._task})

        self._task.result()
        self._task = self._writer.watcher = None
        failure = self._writer.failure or self._kept.failure

        if failure is not None and not _is_reported(error):
            raise failure

    def save(self, *records: Record) -> None:
        """Take records to be written."""
        self._check_open()
        MemoryStore().save(*records)  # which refuses what cannot be kept
        self._writer.put(partial(self._save, records))

    async def flush(self) -> None:
        """Return when all that was saved before is durable."""
        self._check_open()
        await self._writer.settled()

        if (failure := self._writer.failure or self._kept.failure) is not None:
            raise copied(failure)

    async def register(
        self, record: OrchestratorRecord, *, lease: float | None = None
    ) -> None:
        """Save the orchestrator that uses this store."""
        self._writer.is_opening = True

        def act() -> None:
            until = record.lease if lease is None else self._now() + lease
            made = record._replace(lease=until)
            self._look((made,))
            _step(self._kept.register(made))
            self._writer.lease, self._writer.renewed = lease, self._writer.time()

        await self._written(act)

    async def now(self) -> float:
        """Return the time by the clock of the leases."""
        now: float = await self._read(self._now_later)
        return now

    def submit(
        self, record: SubmissionRecord, inputs: Sequence[InputRecord] = ()
    ) -> Callable[[], Awaitable[None]]:
        """Save a new submission, unless its scenario is not there any more."""
        self._check_open()
        answers: list[Callable[[], Awaitable[None]]] = []

        def act() -> None:
            self._look((record, *inputs))
            answers.append(self._kept.submit(record, inputs))
            answers.append(_answered(answers[0]))

        self._writer.put(act)

        async def answer() -> None:
            await self.flush()
            await answers[-1]()

        return answer

    def pin(self, submission_id: str, versions: Any) -> None:
        """Have the values of data nodes stay until a submission is unpinned."""
        self._writer.put(partial(self._kept.pin, submission_id, dict(versions)))

    async def shrink(self) -> int:
        """Give nothing back."""
        return 0

    def __getattr__(self, name: str) -> Any:
        if name in READS:
            return partial(self._read, getattr(self._kept, name))

        if name in WRITES:
            return partial(self._change, name)

        raise AttributeError(name)

    # ---------------------------------------------------------------------- its reading

    async def _read(self, ask: Callable[..., Any], *args: Any, **how: Any) -> Any:
        self._check_open()
        until, world = self._writer.time() + PATIENCE, self.disk.world

        while True:
            await self._writer.settled(until)

            if self._writer.failure is not None:
                raise copied(self._writer.failure)

            await world.pause("read", 0.002)
            self._check_open()

            if not self.disk.is_away(self.process):
                answer = await ask(*args, **how)
                await world.pause("answer", 0.001)
                return answer

            if self._writer.time() > until:
                raise self._writer.unavailable("it cannot be read")

            await sleep(0.3)

    async def _now_later(self) -> float:
        return self._now()

    def _now(self) -> float:
        return self.disk.world.true_time()

    # ---------------------------------------------------------------------- its writing

    async def _change(self, name: str, *args: Any, **how: Any) -> Any:
        def act() -> Any:
            kept = self._kept

            if name in ("create", "write", "claim"):
                records = args[1:] if name == "write" else args
                self._look([record for record in records if isinstance(record, tuple)])

            return _step(getattr(kept, name)(*args, **how))

        return await self._written(act)

    async def _written(self, act: Callable[[], Any]) -> Any:
        self._check_open()

        if (failure := self._writer.failure or self._kept.failure) is not None:
            raise copied(failure)

        answer = asyncio.get_running_loop().create_future()
        self._writer.put(act, answer)
        return await answer

    def _save(self, records: Sequence[Record]) -> None:
        self._look(records)
        self._kept.save(*records)

    def _look(self, records: Sequence[Any]) -> None:
        """Have records looked at that are about to be kept."""
        if not self._kept._is_refused():
            self.auditor.saves(self.process, records)

    def _check_open(self) -> None:
        if self._task is None:
            raise NotOpen("the simulated store is not open")


# Not a subclass: most of its methods are those of another store, asked later.
ABCMeta.register(Store, SimulatedStore)


def _step(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that awaits nothing."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value

    raise AssertionError("a store in memory awaits nothing")


def _answered(answer: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
    """Have something answered now, to be told whenever it is asked for."""
    error: Exception | None = None

    try:
        _step(answer())  # type: ignore[arg-type]  # it is a coroutine
    except Exception as raised:
        error = raised

    async def told() -> None:
        if error is not None:
            raise error

    return told


def _is_reported(error: BaseException | None) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return error.subgroup(StoreFailed) is not None

    return isinstance(error, StoreFailed)
