"""The slots: who runs at a time.

Slots are the tokens of one limiter. While jobs are ready and tokens are free, a slot is
started in the task group: it holds one token and runs one batch after the other until
nothing is ready. So there are never more tasks than slots, however many jobs wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from anyio import CapacityLimiter, Lock
from anyio.lowlevel import checkpoint

from asyncflow.abc import Executor
from asyncflow.dispatch.attempt import Attempt, Tracer
from asyncflow.dispatch.echo import Echo
from asyncflow.dispatch.lent_slots import LentSlots
from asyncflow.dispatch.running_marks import RunningMarks
from asyncflow.dispatch.slot import BatchSource, Slot
from asyncflow.task_group import Tasks
from asyncflow.values.versions import Versions

if TYPE_CHECKING:
    from asyncflow.dispatch.live_echo import Live


class Slots:
    """The slots.

    :param executors: by name
    :param echo: shows what jobs print in other processes
    :param live: does so while they run; None where that is not wanted
    :param tracer: gives the trace that a job continues
    """

    def __init__(
        self,
        source: BatchSource,
        versions: Versions,
        marks: RunningMarks,
        executors: Mapping[str, Executor],
        limiter: CapacityLimiter,
        echo: Echo,
        live: Live | None,
        group: Tasks,
        tracer: Tracer,
    ) -> None:
        self.source = source
        self.versions = versions
        self.marks = marks
        self.executors = executors
        self.limiter = limiter
        self.echo = echo
        self.live = live
        self.group = group
        self.tracer = tracer
        self._slots: set[Slot] = set()
        """Those that run something."""
        self._turn = Lock(fast_acquire=True)
        self._is_due = False
        self._is_full = False
        """Whether no slot is known to be free."""
        self.lent: LentSlots = LentSlots(self)

    async def turn(self) -> None:
        """Return in a turn of the event loop in which no other slot gets a large batch."""
        async with self._turn:
            await checkpoint()

    def fill_soon(self) -> None:
        """Fill them at the end of the event loop's turn."""
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._fill_now)

    def fill(self) -> None:
        """Start slots while jobs are ready and tokens are free."""
        if self._is_full or self.group.is_failing:  # an error of ours ends all
            return

        try:
            while self.limiter.available_tokens >= 1:
                size = int(self.limiter.total_tokens)
                if not (attempts := self.source.batcher.next_batch(size)):
                    return

                self._start(attempts)
        except Exception as error:  # who has a slot then, nobody knows
            self.group.fail(error)
            raise

        self._is_full = True

    def end(self, attempt: Attempt) -> None:
        """End the batch of a job that its executor cannot kill."""
        for slot in self._slots:
            if slot.has(attempt):
                slot.end()

    def resize(self, count: int) -> None:
        """Change how many there are; no job that runs is ended."""
        self.set_total(count + len(self.lent.waiting))
        self.shrink_soon()

    def set_total(self, count: float) -> None:
        """Have so many, those of jobs that wait for other runs included."""
        self.limiter.total_tokens = count
        self._is_full = False
        self.fill()

    def shrink_soon(self) -> None:
        """Have the processes end that there are no slots for, in the background."""
        self.group.start_soon(self._shrink)

    async def _shrink(self) -> None:
        for executor in self.executors.values():
            await executor.shrink(int(self.limiter.total_tokens))

    def _fill_now(self) -> None:
        self._is_due = False
        self.fill()

    def _start(self, attempts: Sequence[Attempt]) -> None:
        slot = Slot(self)
        self.limiter.acquire_on_behalf_of_nowait(slot)
        self._slots.add(slot)
        self.group.start_unguarded(slot.work, attempts)

    def ended(self, slot: Slot) -> None:
        """Take note that a slot runs nothing any more."""
        self._slots.discard(slot)
        self.limiter.release_on_behalf_of(slot)
        self._is_full = False
