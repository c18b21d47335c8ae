"""Runs that wait until what they read was written: nobody waits for them."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias

import attrs
from anyio import create_task_group

from asyncflow.dispatch.runs import Runs, WaitingRuns
from asyncflow.dispatch.store_retry import retry_until_available
from asyncflow.dispatch.timeouts import RunTimeouts
from asyncflow.entities.submission import Run
from asyncflow.status import FINAL, Status

First: TypeAlias = Callable[[], Awaitable[bool]]


class Data(Protocol):
    """What a run reads that may never have been written."""

    async def is_missing(self) -> bool:
        """Tell whether a part of it was not."""

    async def arrived(self) -> None:
        """Return when all of it was."""


@attrs.define(eq=False, repr=False)
class DataWaits:
    """Has runs wait for data before they begin."""

    runs: Runs
    waiting: WaitingRuns
    timeouts: RunTimeouts

    def block(self, run: Run) -> None:
        """Have the jobs of a run told as blocked."""
        statuses = enumerate(run.table.status)
        left = [place for place, status in statuses if status not in FINAL]
        run.wait_for(Status.BLOCKED, left, time.time())

    async def until_there(self, run: Run, data: Data, first: First | None) -> bool:
        """Return when the data of a run is there, or the run is to end: tell whether it is
        to be ours.

        :param first: what is awaited before, and tells that; None for nothing
        """
        is_ours = first is None or await retry_until_available(first)
        number = self.runs.number(run)

        if is_ours and number is not None and number in self.waiting:
            await self._until_there(number, data)

        return is_ours

    async def _until_there(self, number: int, data: Data) -> None:
        waiting, run = self.waiting[number], self.runs[number]
        waiting.begun.set()  # it is ours

        if run.ending.reason is not None or not await data.is_missing():
            run.lacks_data = False
            return

        if waiting.ending.is_set():  # meanwhile
            return

        self.runs.lack(number, lacks=True)

        if (limit := run.options.run_timeout) is not None:
            self.timeouts.watch(number, run.submitted, limit)

        async with create_task_group() as both:

            async def ends() -> None:
                await waiting.ending.wait()
                both.cancel_scope.cancel()

            both.start_soon(ends)
            await data.arrived()
            both.cancel_scope.cancel()

        if number in self.runs:
            self.timeouts.stop(number)
            self.runs.lack(number, lacks=False)

    def end(self, number: int, killed: Status = Status.CANCELED) -> None:
        """Have a run wait no more, if it does: it is to end.

        :param killed: what becomes of its first job
        """
        if number in self.waiting and number in self.runs:
            self.waiting.end(number, killed)
            self.runs.lack(number, lacks=False)
