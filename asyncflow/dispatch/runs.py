"""The runs that have not ended, and what the store is told of them.

Some wait: it is not known yet whether they are ours. The jobs of those that begin are
taken in by turns with all else on the event loop.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Protocol

from anyio import Event, create_task_group
from anyio.lowlevel import checkpoint

from asyncflow.abc import Store
from asyncflow.dispatch.call_spec import CallSpec
from asyncflow.dispatch.store_retry import retry_until_available
from asyncflow.dispatch.timeouts import RunTimeouts
from asyncflow.dispatch.waiting_runs import First, WaitingRuns
from asyncflow.entities.submission import Run
from asyncflow.log import logger as _logger
from asyncflow.plan.guarded_plan import GuardedPlan
from asyncflow.plan.instructions import Ref
from asyncflow.records import Record
from asyncflow.runs.job import JobState
from asyncflow.runs.restoring import lose
from asyncflow.status import DONE, FINAL, Status
from asyncflow.task_group import Tasks

AT_ONCE = 100
"""How many jobs of new runs are taken in before others have their turn: half a ms."""


_GOES_ON = (Status.SUBMITTED, Status.PENDING, Status.RUNNING)
"""The statuses of jobs that go on by themselves. A run without any waits for another."""


class RestingRuns:
    """Those that rest, and who waits until all others have ended.

    :param runs: all runs, by number
    """

    def __init__(self, runs: Mapping[int, Run]) -> None:
        self.runs = runs
        self.numbers: set[int] = set()
        self.is_over: bool = False
        """Whether nothing runs any more: after an error of ours."""
        self.is_awaited: bool = False
        """Whether anybody waits for the others, or has."""
        self._idle = Event()

    def look_at(self, number: int) -> None:
        """Take note of whether a run waits for data, or is paused."""
        run = self.runs[number]
        rests = run.lacks_data or run.is_paused
        (self.numbers.add if rests else self.numbers.discard)(number)
        self.check()

    def check(self) -> None:
        """Tell who waits, where none is left that goes on by itself."""
        if len(self.runs) == len(self.numbers) or (self.numbers and self._are_behind()):
            self._idle.set()

    def end(self) -> None:
        """Take note that nothing runs any more: an error of ours."""
        self.is_over = True
        self._idle.set()

    async def until_idle(self) -> None:
        """Wait until no run is left but for those that rest, and those that wait for
        these. On cancel only the waiting ends.
        """
        self.is_awaited = True

        while not (
            len(self.runs) == len(self.numbers) or self._are_behind() or self.is_over
        ):
            if self._idle.is_set():
                self._idle = Event()

            await self._idle.wait()

    def _are_behind(self) -> bool:
        """Tell whether all that do not rest wait for those that do."""
        return bool(self.numbers) and all(
            number in self.numbers
            or not any(map(run.table.number.__getitem__, _GOES_ON))
            for number, run in self.runs.items()
        )


class Runs:
    """The runs of an orchestrator; the plan knows them by their numbers."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.is_broken: bool = False
        """Whether nothing runs any more: after an error of ours."""
        self._count = 0
        self.by_number: dict[int, Run] = {}
        """The runs; also for who looks one up for each job."""
        self._numbers: dict[Run, int] = {}
        self.specs: dict[int, Sequence[CallSpec]] = {}
        """How the jobs of each kind of task of a run are called."""
        self._interrupted: set[int] = set()
        """Those that end here alone, to go on elsewhere."""
        self.resting: RestingRuns = RestingRuns(self.by_number)

    def add(self, run: Run, specs: Sequence[CallSpec]) -> int:
        """Take a run; return its number.

        :param spec: how the jobs of each kind of task are called
        """
        self._count += 1
        number = self._count
        self.by_number[number] = run
        self._numbers[run] = number
        self.specs[number] = specs

        if run.is_paused:
            self.resting.numbers.add(number)

        return number

    def __getitem__(self, number: int) -> Run:
        return self.by_number[number]

    def __contains__(self, number: int) -> bool:
        return number in self.by_number

    def number(self, run: Run) -> int | None:
        """Return the number of a run; None for one that is not under way here."""
        return self._numbers.get(run)

    def drives(self, run: Run) -> bool:
        """Tell whether a run is under way here."""
        return run in self._numbers

    def numbered(self) -> list[tuple[Run, int]]:
        """Return the runs with their numbers."""
        return list(self._numbers.items())

    def all(self) -> list[Run]:
        """Return the runs."""
        return list(self.by_number.values())

    def job(self, ref: Ref) -> JobState:
        """Return a job."""
        return self.by_number[ref[0]].job(ref[1])

    def spec(self, ref: Ref) -> CallSpec:
        """Return how a job is called."""
        number, place = ref
        return self.specs[number][self.by_number[number].dag.kind_of[place]]

    def save(self, number: int, status: Status, *records: Record) -> None:
        """Save the end of a job; not that it was cancelled, where the run goes on."""
        if number not in self._interrupted or status in DONE or status is Status.FAILED:
            self.store.save(*records)

    @property
    def is_durable(self) -> bool:
        """Whether the store outlives us."""
        return self.store.values_folder is not None

    def interrupt(self, number: int, reason: str) -> None:
        """Have a run end here alone: to a store that outlives us it goes on."""
        if self.is_durable:
            self._interrupted.add(number)
            self.by_number[number].ending.interrupt(reason)
        else:
            self.by_number[number].ending.cancel(reason)

    def finish(self, number: int, now: float) -> None:
        """Take note that every job of a run has ended."""
        run = self.forget(number)
        run.finished(now)

        if number in self._interrupted:
            self._interrupted.remove(number)
            return

        run.is_paused = False

        try:
            self.store.save(run.record())
        except Exception as error:
            _logger.error("the end of %s was not kept", run.id, exc_info=error)
            run.ending.fail(error)

    def forget(self, number: int) -> Run:
        """Let a run go, and return it."""
        run = self.by_number.pop(number)
        del self._numbers[run], self.specs[number]

        self.resting.numbers.discard(number)

        if self.resting.is_awaited:
            self.resting.check()

        return run

    def lose(self, now: float, reason: str, error: Exception | None = None) -> None:
        """End the runs, of which nobody can tell what becomes of them.

        :param error: what who awaits one is told; None for the reason alone
        """
        lost = self.all()

        for known in (self.by_number, self._numbers, self.specs):
            known.clear()

        for run in lost:
            try:
                lose(run, now, reason, error)
            except Exception as another:
                _logger.error("%s was not told its end", run.id, exc_info=another)

    def broken(self) -> None:
        """Take note that nothing runs any more: an error of ours."""
        self.is_broken = True
        self.resting.end()

    async def drain(self) -> None:
        """Wait until no run is left, but for those that wait for data or are paused, and
        those that wait for these. On cancel only the waiting ends.
        """
        await self.resting.until_idle()


class Admitter(Protocol):
    """What lets jobs of new runs in."""

    def admit(self, count: int) -> None:
        """Have the plan admit so many jobs, and start what can run."""


class Admission:
    """Takes in what arrives."""

    def __init__(self, plan: GuardedPlan, group: Tasks, admitter: Admitter) -> None:
        self.plan = plan
        self.group = group
        self.admitter = admitter
        self._is_running = False
        """Whether a task takes in the rest of large runs."""
        self._this_turn = 0
        """How many jobs were taken in since others had their turn on the event loop."""

    @property
    def share(self) -> int:
        """How many jobs of the next run are taken in with it; 0 for none."""
        return 0 if self._is_running or self._this_turn >= AT_ONCE else AT_ONCE

    def took(self, count: int) -> None:
        """Take note of a run that the plan knows, and take in the rest in turns.

        :param count: how many jobs it has
        """
        if self._is_running:
            return

        if not self._this_turn:
            asyncio.get_running_loop().call_soon(self._end_turn)

        self._this_turn += count

        if self.plan.has_arrivals:  # also of earlier runs, whose jobs get places late
            self._is_running = True
            self.group.start_soon(self._go_on, on_error=self.group.fail)

    def _end_turn(self) -> None:
        self._this_turn = 0

    async def _go_on(self) -> None:
        while self.plan.has_arrivals:
            await checkpoint()
            self.admitter.admit(AT_ONCE)

        self._is_running = False


class Data(Protocol):
    """What a run reads that may never have been written."""

    async def is_missing(self) -> bool:
        """Tell whether a part of it was not."""

    async def arrived(self) -> None:
        """Return when all of it was."""


class DataWaits:
    """Has runs wait for data before they begin."""

    def __init__(self, runs: Runs, waiting: WaitingRuns, timeouts: RunTimeouts) -> None:
        self.runs = runs
        self.waiting = waiting
        self.timeouts = timeouts

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

        run.lacks_data = True
        self.runs.resting.look_at(number)
        self.waiting.let_pass(number)  # whose data it waits for may come after it

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
            run.lacks_data = False
            self.runs.resting.look_at(number)

    def end(self, number: int, killed: Status = Status.CANCELED) -> None:
        """Have a run wait no more, if it does: it is to end.

        :param killed: what becomes of its first job
        """
        if number in self.waiting and number in self.runs:
            self.waiting.end(number, killed)
            self.runs[number].lacks_data = False
            self.runs.resting.look_at(number)
