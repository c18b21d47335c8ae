"""Readers: threads of this process, and workers for what takes long to parse."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import attrs
from anyio import CapacityLimiter, to_thread

from asyncflow.abc import Driver, Executor, StoredValue
from asyncflow.errors import NotPicklable
from asyncflow.runs.node import UNREAD, NodeState, Place
from asyncflow.task_group import Tasks
from asyncflow.values.files import Garbage, remove
from asyncflow.values.stored import load, named
from asyncflow.worker.values import temporary_name

if TYPE_CHECKING:
    from asyncflow.entities.parts import Ask, Parsing
    from asyncflow.values.large_reads import LargeReads

THREADS = 8
"""How many threads read values at once: their own, not those of others."""

_LARGE = object()
"""Stands for a value that a worker is to read."""

T = TypeVar("T")


class Versions(Protocol):
    """What is asked of the values that are kept."""

    group: Tasks
    garbage: Garbage

    def named_path(self, end: str) -> str: ...


@attrs.define(eq=False, repr=False)
class Readers:
    """Reads values that are not in memory.

    :param executor: whose workers read what is large; None for none
    :param limiter: that of jobs
    """

    versions: Versions
    executor: Executor | None
    limiter: CapacityLimiter | None
    _threads: CapacityLimiter = attrs.field(
        init=False, factory=lambda: CapacityLimiter(THREADS)
    )
    _large_reads: LargeReads | None = attrs.field(init=False, default=None)

    async def read(
        self,
        node: NodeState,
        driver: Driver,
        kept: StoredValue,
        ask: Ask | None,
        in_process: bool | None,
    ) -> tuple[Place | None, Any]:
        """Read a value. On cancel it returns at once.

        :param ask: what its driver is asked for; None for the value
        :param in_process: see `DataNode.read`
        :return: what was seen in a place of the user's, before, and the value
        """
        limit = self._limit(driver, ask, in_process)
        place, value = await self._in_thread(_look, limit, node, driver, kept, ask)

        if value is not _LARGE:
            return place, value

        try:
            return place, await self._read_large(node, driver, kept, ask)
        except NotPicklable:
            if in_process is False:
                raise

        return place, await self._in_thread(load, node, driver, kept, ask)

    async def _in_thread(self, read: Callable[..., T], *arguments: Any) -> T:
        """Read in a thread; who is cancelled leaves it to itself."""
        return await to_thread.run_sync(
            read, *arguments, abandon_on_cancel=True, limiter=self._threads
        )

    def _limit(self, driver: Driver, ask: Ask | None, in_process: bool | None) -> float:
        """Return up to how many bytes a thread reads; -1 for nothing at all."""
        if (
            in_process
            or driver.is_held
            or self.executor is None
            or not self.executor.in_processes
            or not (ask is None or ask.is_parsed)
        ):
            return inf

        return driver.parses_in_process if in_process is None else -1

    async def _read_large(
        self, node: NodeState, driver: Driver, kept: StoredValue, ask: Ask | None
    ) -> Any:
        """Have a worker read a value; a thread does where there is no worker for it."""
        from asyncflow.values import large_reads

        name, path = node.config_id, self.versions.named_path(".value")
        taken = await self._workers().read(name, driver, kept, ask, path)
        value = await self._in_thread(named, node, taken)

        if value is not large_reads.UNREAD:
            return value

        return await self._in_thread(load, node, driver, kept, ask)

    def _workers(self) -> LargeReads:
        from asyncflow.values.large_reads import LargeReads

        if self._large_reads is None:
            assert self.executor is not None
            assert self.limiter is not None
            self._large_reads = LargeReads(
                self.executor,
                self.limiter,
                self.versions.group,
                self.versions.garbage,
            )

        return self._large_reads

    async def make(
        self, node: NodeState, kept: StoredValue, make: Parsing, path: str
    ) -> Any:
        """Have a worker make a value of one that it has to parse, if that is large.

        :param path: the file that it may make
        :return: what `make` does; `UNREAD` where it is to be made here
        """
        from asyncflow.entities.parts import Made
        from asyncflow.values import large_reads

        driver, limit = node.driver, self._limit(node.driver, None, None)

        if limit == inf or driver.is_of_process:
            return UNREAD

        if await to_thread.run_sync(make.parsed_size, driver, kept) <= limit:
            return UNREAD

        given, taken = (self.versions.named_path(".value") for _ in range(2))

        try:
            sent = await to_thread.run_sync(make.to_send, given)
            asked = Made(sent, path, node.config_id)
            made = await self._workers().read(
                node.config_id, driver, kept, asked, taken
            )
            value = await to_thread.run_sync(named, node, made)
        except NotPicklable:
            return UNREAD
        except BaseException:  # its worker may have been killed in between
            await to_thread.run_sync(_discard, driver, path)
            raise
        else:
            return UNREAD if value is large_reads.UNREAD else value
        finally:
            await to_thread.run_sync(remove, [given])


def _discard(driver: Driver, path: str) -> None:
    """Remove what a worker may have written."""
    staged = driver.staging_path(path)
    driver.discard(staged, path)
    driver.discard(temporary_name(staged), path)


def _look(
    limit: float, node: NodeState, driver: Driver, kept: StoredValue, ask: Ask | None
) -> tuple[Place | None, Any]:
    """Load a value, if it has no more than so many bytes to parse.

    What changes in a place of the user's after the look at it is seen the next time.
    """
    place = Place.of(driver) if kept is None else None

    if limit < 0 or (limit < inf and (driver.parsed_size(kept) or 0) > limit):
        return place, _LARGE

    return place, load(node, driver, kept, ask)
