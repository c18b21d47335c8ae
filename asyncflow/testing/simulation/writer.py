"""The writer of a simulated store: what is put is committed late, in groups, or not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias

import attrs
from anyio import sleep

from asyncflow.abc import StoreWatcher
from asyncflow.errors import StoreFailed, StoreUnavailable
from asyncflow.records import Record
from asyncflow.stores.memory import MemoryStore
from asyncflow.testing.simulation.disk import Disk
from asyncflow.testing.simulation.process import Process

FILE, REMEDY = "simulated", "wait until the fault is over"

PATIENCE = 10.0
"""How long a store is tried that is left or read, in seconds."""


Doing: TypeAlias = Callable[[], Any]
"""Changes what is kept, in one step."""


class Auditor(Protocol):
    """Sees what is committed."""

    def saves(self, process: Process, records: Sequence[Record]) -> None:
        """Look at records just before they are kept."""

    def committed(self, process: Process) -> None:
        """Look at what is kept after a transaction."""


@attrs.define(eq=False)
class _Write:
    """What is to be written: an act, and who waits for it."""

    act: Doing
    answer: asyncio.Future[Any] | None = None


@attrs.define(eq=False)
class StoreWriter:
    """Writes what is put, in its order; it ends with its process.

    :param kept: what answers: its records are those of the disk
    """

    disk: Disk
    process: Process
    auditor: Auditor
    kept: MemoryStore
    watcher: StoreWatcher | None = None
    problem: StoreUnavailable | None = None
    """Why it cannot write for now."""
    failure: StoreFailed | None = None
    """Why it never will."""
    commits: int = 0
    is_opening: bool = False
    """Whether the first failure is the last."""
    ends: bool = False
    """Whether nothing will be put any more."""
    closes: float | None = None
    """Until when it tries, by the clock of the loop."""
    lease: float | None = None
    """How long the lease of its orchestrator is, in seconds."""
    renewed: float = 0.0
    """When that was renewed, by the clock of the loop."""
    waiting: list[_Write] = attrs.field(init=False, factory=list)
    news: asyncio.Event = attrs.field(init=False, factory=asyncio.Event)

    def put(
        self, act: Callable[[], Any], answer: asyncio.Future[Any] | None = None
    ) -> None:
        """Have an act done in a transaction; its answer is told once that is durable."""
        if self.failure is None:
            self.waiting.append(_Write(act, answer))
            self.news.set()

    async def settled(self, until: float | None = None) -> None:
        """Wait until what was put is written, or never will be."""
        if not self.waiting or self.failure is not None:
            return

        waits = asyncio.get_running_loop().create_future()
        self.waiting.append(_Write(_settle, waits))
        self.news.set()

        if until is None:
            await waits
            return

        await asyncio.wait({waits}, timeout=max(0.0, until - self.time()))

        if not waits.done():
            raise self.unavailable("what was saved before cannot be written")

    async def write_on(self) -> None:
        """Write until the end."""
        while self.waiting or not self.ends:
            if not self.waiting:
                await self._until_news()

            if self.waiting or self._is_lease_due():
                world = self.disk.world
                await world.pause("write", 0.004)
                count = len(self.waiting)

                if count > 1 and world.chance.next("group").random() < 0.3:
                    count = world.chance.next("group").randint(1, count)

                await self._commit(self.waiting[:count])

    async def _until_news(self) -> None:
        self.news.clear()
        left = None

        if self.lease is not None and self.kept._own_id is not None:
            left = max(0.0, self.renewed + self.lease / 3 - self.time())

        waits = asyncio.ensure_future(self.news.wait())
        await asyncio.wait({waits}, timeout=left)
        waits.cancel()

    def _is_lease_due(self) -> bool:
        if self.lease is None or self.kept._own_id is None:
            return False

        return self.time() >= self.renewed + self.lease / 3 - 1e-6

    async def _commit(self, writes: list[_Write]) -> None:
        """Write some changes in one transaction, however often it takes."""
        pause, answers = 0.1, None

        while True:
            mishap = self.disk.try_write(self.process)

            if mishap == "broken":
                self._fail("its disk is broken", writes)
                return

            if mishap != "refused" and answers is None:
                answers = self._apply(writes)

            if mishap is None:
                break

            self._note(self.unavailable("it cannot be written for now"))

            if self._is_over_time():
                self._fail(
                    "changes could not be written in time, and so are lost", writes
                )
                return

            await sleep(min(pause, self._time_left()))
            pause = min(2 * pause, 2.0)

        self._note(None)
        del self.waiting[: len(writes)]
        await self.disk.world.pause("written", 0.002)

        for write, (result, error) in zip(writes, answers or (), strict=True):
            if write.answer is None or write.answer.done():
                continue

            if error is not None:
                write.answer.set_exception(error)
            else:
                write.answer.set_result(result)

    def _apply(self, writes: list[_Write]) -> list[tuple[Any, Exception | None]]:
        """Make changes: all of them at one moment."""
        answers: list[tuple[Any, Exception | None]] = []
        was_refused = self.kept.failure is not None

        for write in writes:
            try:
                answers.append((write.act(), None))
            except Exception as error:  # told to who asked
                answers.append((None, error))

        if self.kept._is_refused():
            if not was_refused:
                self._tell()
        elif self.lease is not None and self._is_lease_due():
            self._renew(self.lease)

        self.commits += 1
        self.disk.world.note("commit", self.process.name, len(writes))
        self.auditor.committed(self.process)
        return answers

    def _renew(self, lease: float) -> None:
        records = self.disk.kept._tables.orchestrators
        own = records.records[self.kept._own_id or ""]
        records.replace(own._replace(lease=self.disk.world.true_time() + lease))
        self.renewed = self.time()

    def _is_over_time(self) -> bool:
        return self.is_opening or (
            self.closes is not None and self.time() >= self.closes
        )

    def _time_left(self) -> float:
        return 2.0 if self.closes is None else max(0.0, self.closes - self.time())

    def _fail(self, why: str, writes: list[_Write]) -> None:
        """Take note that nothing is written any more."""
        self.failure, self.problem = StoreFailed(FILE, why, REMEDY), None
        left, self.waiting = self.waiting, []
        self._tell()

        for write in left or writes:
            if write.answer is None or write.answer.done():
                continue

            if write.act is _settle:
                write.answer.set_result(None)
            else:
                write.answer.set_exception(copied(self.failure))

    def _note(self, problem: StoreUnavailable | None) -> None:
        is_news = (problem is None) != (self.problem is None)
        self.problem = problem

        if is_news:
            self._tell()

    def _tell(self) -> None:
        self.disk.world.note(
            "store",
            self.process.name,
            repr(self.failure or self.kept.failure or self.problem),
        )

        if self.watcher is not None:
            asyncio.get_running_loop().call_soon(self.watcher.store_changed)

    def unavailable(self, why: str) -> StoreUnavailable:
        """Make the error of what may pass."""
        return StoreUnavailable(FILE, why, REMEDY)

    def time(self) -> float:
        """Return the time by the clock of the loop."""
        return self.disk.world.loop.time()


def _settle() -> None:
    """Write nothing: whoever waits for it waits for what was put before."""


def copied(failure: StoreFailed) -> StoreFailed:
    """Make an error anew, for another one who asks."""
    return type(failure)(failure.file, failure.problem, failure.remedy)
