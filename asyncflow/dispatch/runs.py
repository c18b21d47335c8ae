"""The runs that have not ended, and what the store is told of them."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from anyio import Event

from asyncflow.abc import Store
from asyncflow.dispatch.call_spec import CallSpec
from asyncflow.entities.submission import Run
from asyncflow.log import logger as _logger
from asyncflow.plan.instructions import Ref
from asyncflow.records import Record
from asyncflow.runs.job import JobState
from asyncflow.runs.restoring import lose
from asyncflow.status import DONE, Status


@attrs.define(eq=False, repr=False)
class Runs:
    """The runs of an orchestrator; the plan knows them by their numbers."""

    store: Store
    is_broken: bool = attrs.field(init=False, default=False)
    """Whether nothing runs any more: after an error of ours."""
    _count: int = attrs.field(init=False, default=0)
    by_number: dict[int, Run] = attrs.field(init=False, factory=dict)
    """The runs; also for who looks one up for each job."""
    _numbers: dict[Run, int] = attrs.field(init=False, factory=dict)
    _specs: dict[int, Sequence[CallSpec]] = attrs.field(init=False, factory=dict)
    _interrupted: set[int] = attrs.field(init=False, factory=set)
    """Those that end here alone, to go on elsewhere."""
    _idle: Event = attrs.field(init=False, factory=Event)

    def add(self, run: Run, specs: Sequence[CallSpec]) -> int:
        """Take a run; return its number.

        :param spec: how the jobs of each kind of task are called
        """
        self._count += 1
        number = self._count
        self.by_number[number] = run
        self._numbers[run] = number
        self._specs[number] = specs
        return number

    def __getitem__(self, number: int) -> Run:
        return self.by_number[number]

    def __contains__(self, number: int) -> bool:
        return number in self.by_number

    def number(self, run: Run) -> int | None:
        """Return the number of a run; None for one that is not under way here."""
        return self._numbers.get(run)

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
        return self._specs[number][self.by_number[number].dag.kind_of[place]]

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

        try:
            self.store.save(run.record())
        except Exception as error:
            _logger.error("the end of %s was not kept", run.id, exc_info=error)
            run.ending.fail(error)

    def forget(self, number: int) -> Run:
        """Let a run go, and return it."""
        run = self.by_number.pop(number)
        del self._numbers[run], self._specs[number]

        if not self.by_number:
            self._idle.set()

        return run

    def lose(self, now: float, reason: str, error: Exception | None = None) -> None:
        """End the runs, of which nobody can tell what becomes of them.

        :param error: what who awaits one is told; None for the reason alone
        """
        lost = self.all()

        for known in (self.by_number, self._numbers, self._specs):
            known.clear()

        for run in lost:
            try:
                lose(run, now, reason, error)
            except Exception as another:
                _logger.error("%s was not told its end", run.id, exc_info=another)

    def broken(self) -> None:
        """Take note that nothing runs any more: an error of ours."""
        self.is_broken = True
        self._idle.set()

    async def drain(self) -> None:
        """Wait until no run is left."""
        while self.by_number and not self.is_broken:
            if self._idle.is_set():
                self._idle = Event()

            await self._idle.wait()
