"""A database that is open: who writes it, who reads it, and why it cannot be written."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from anyio import CapacityLimiter, move_on_after, sleep, to_thread

from asyncflow.errors import NotOpen, StoreFailed, StoreUnavailable
from asyncflow.stores._command import Change
from asyncflow.stores._outage import (
    LONGEST_PAUSE,
    PAUSE,
    StoreOutage,
    tell_of_opening,
)
from asyncflow.stores._writer import Writer

if TYPE_CHECKING:
    from asyncflow.stores._database import Database

T = TypeVar("T")


class OpenDatabase:
    """What an open store has.

    :param name: how errors name the store
    """

    def __init__(
        self, name: str, database: Database, writer: Writer[Change], outage: StoreOutage
    ) -> None:
        self.name = name
        self.database = database
        self.writer = writer
        self.outage = outage
        self.graphs: set[str] = set()
        """The unfinished submissions whose graphs the writer was given."""
        self.readers = CapacityLimiter(1)
        self.is_left = False
        """Whether it is being closed, or was."""

    def start(self) -> None:
        """Start to write. Blocks.

        :raises StoreFailed: where no thread can be started; the database is closed then
        """
        try:
            self.writer.start()
        except RuntimeError as error:
            self.database.close()
            raise StoreFailed(
                self.name,
                f"no thread can be started that writes it ({error})",
                "allow this user more processes and threads (ulimit -u), or end some",
            ) from error

    @property
    def failure(self) -> StoreFailed | None:
        """Why nothing is written any more, as a new error; None where all is."""
        failure = self.outage.failure

        if failure is None or isinstance(failure, StoreFailed):
            return failure and _copy(failure)

        problem = f"a change could not be written ({failure!r})"  # no error of SQLite's
        error = StoreFailed(self.database.file, problem, "report it")
        error.__cause__ = failure
        return error

    def raise_failure(self) -> None:
        """Raise why nothing is written any more: an error of its own for each who asks.

        :raises StoreFailed: where that is so
        """
        if (failure := self.failure) is not None:
            raise failure

    async def answer(self, patience: float, ask: Callable[[Database], T]) -> T:
        """Ask the database; again for a while, where it is unavailable.

        On cancel the answer is dropped.

        :param patience: for how many seconds
        :raises StoreFailed: where it cannot be read, or not be written before
        :raises NotOpen: where it was closed meanwhile
        """
        give_up = time.monotonic() + patience
        pause = PAUSE

        while True:
            if self.is_left:
                raise not_open(self.name)

            await self._settled_by(give_up, patience)

            try:
                return await to_thread.run_sync(
                    ask, self.database, limiter=self.readers
                )
            except StoreUnavailable:
                if time.monotonic() + pause > give_up:
                    raise

            await sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _settled_by(self, give_up: float, patience: float) -> None:
        """Wait until what was saved before is written; where that cannot be done for
        now, until a time as `time.monotonic` has it.
        """
        while not self.writer.is_settled:
            with move_on_after(max(0.0, give_up - time.monotonic())):
                await self.writer.settle()
                break

            if self.outage.problem is not None:
                raise _copy(self.outage.problem)

            give_up += patience  # a large transaction, on a slow disk

        self.raise_failure()

    async def close(self, patience: float) -> None:
        """Close it when nobody reads it any more.

        :param patience: after how many seconds who reads for long is stopped
        """
        readers = self.readers

        with move_on_after(patience) as scope:
            await readers.acquire_on_behalf_of(self)

        if scope.cancelled_caught:
            self.database.interrupt()
            await readers.acquire_on_behalf_of(self)

        try:
            await to_thread.run_sync(self.database.close)
        finally:
            readers.release_on_behalf_of(self)


async def opened_again(
    open_now: Callable[[], Awaitable[OpenDatabase]],
    patience: float,
    may_return: Callable[[StoreUnavailable], bool],
) -> OpenDatabase:
    """Open a database; again for a while, where its server cannot be reached for now.

    :param patience: for how many seconds
    :param may_return: tells whether what cannot be opened may be there in a moment
    :raises StoreUnavailable: where it could not be opened until then
    """
    give_up = time.monotonic() + patience
    pause = PAUSE

    while True:
        try:
            return await open_now()
        except StoreUnavailable as error:
            if time.monotonic() + pause > give_up or not may_return(error):
                raise

            if pause == PAUSE:
                tell_of_opening(error, patience)

        await sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def not_open(name: str) -> NotOpen:
    """Make the error of who uses a store that is not open."""
    return NotOpen(f"the store {name} is not open: use `async with` around it")


def _copy(failure: StoreFailed) -> StoreFailed:
    error = type(failure)(failure.file, failure.problem, failure.remedy)
    error.__cause__ = failure
    return error
