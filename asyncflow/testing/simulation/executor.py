"""The executor of a simulation: workers that take their time, die, and tell it late."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from contextvars import copy_context
from typing import Any, ClassVar, Protocol, Self

import attrs
from anyio import CancelScope, sleep, sleep_forever
from anyio.lowlevel import checkpoint

from asyncflow.abc import (
    Call,
    Crashed,
    Executor,
    Killed,
    Outcome,
    Raised,
    Returned,
    StoredValue,
    Usage,
    Watch,
)
from asyncflow.testing.simulation.process import Process, current
from asyncflow.testing.simulation.world import World
from asyncflow.worker.current import job_of, running
from asyncflow.worker.digests import remove_named
from asyncflow.worker.failure import raised
from asyncflow.worker.intent import settled_here
from asyncflow.worker.outputs import keep_result
from asyncflow.worker.trip import read_input
from asyncflow.worker.values import temporary_name


class Job(Protocol):
    """What a trial has a job do."""

    @property
    def duration(self) -> float:
        """How long its function takes, in seconds."""

    @property
    def dies(self) -> bool:
        """Whether its worker dies meanwhile."""


class Jobs(Protocol):
    """What jobs do, and who is told of them."""

    def of(self, call: Call) -> Job: ...

    def begins(self, call: Call, worker: Process) -> None: ...

    def ends(self, call: Call, worker: Process) -> None: ...


@attrs.define(eq=False)
class SimulatedExecutor(Executor):
    """Run calls in simulated workers: each batch in one, as the executor of processes."""

    removes_files: ClassVar[bool] = True
    runs_all: ClassVar[bool] = True
    in_processes: ClassVar[bool] = True
    max_batch: ClassVar[int] = 16
    world: ClassVar[World]
    jobs: ClassVar[Jobs]

    grace: float = 0.5
    _trips: dict[str, _Trip] = attrs.field(init=False, factory=dict)

    @classmethod
    def of(cls, jobs: Any) -> Self:
        return cls(jobs.kill_grace)

    async def warm(self, count: int) -> None:  # noqa: ARG002
        await self.world.pause("warm", 0.01)

    async def run(self, calls: Sequence[Call], watch: Watch) -> None:
        trip = _Trip(self.world, self.jobs, calls, watch, self.grace)

        for call in calls:
            self._trips[call.job_id] = trip

        try:
            await trip.run()
        finally:
            for call in calls:
                if self._trips.get(call.job_id) is trip:
                    del self._trips[call.job_id]

    def kill(self, call: Call, *, now: bool = False) -> None:
        if trip := self._trips.get(call.job_id):
            trip.kill(call, now=now)


@attrs.define(eq=False)
class _Trip:
    """Some calls, on their way through one worker."""

    world: World
    jobs: Jobs
    calls: Sequence[Call]
    watch: Watch
    grace: float
    worker: Process | None = attrs.field(init=False, default=None)
    _begun: int = attrs.field(init=False, default=0)
    """How many calls the worker has taken."""
    _end: int = attrs.field(init=False)
    """How many it may take."""
    _outcomes: list[Outcome | None] = attrs.field(init=False, factory=list)
    _told: int = attrs.field(init=False, default=0)
    _kills: set[int] = attrs.field(init=False, factory=set)
    _died: asyncio.Event = attrs.field(init=False, factory=asyncio.Event)
    _is_dead: bool = attrs.field(init=False, default=False)
    _clock: asyncio.TimerHandle | None = attrs.field(init=False, default=None)
    _returned: bool = attrs.field(init=False, default=False)

    async def run(self) -> None:
        process = current.get()
        assert process is not None
        self._end = len(self.calls)
        await self.world.pause("send", 0.002)

        if not self._end:  # all was taken back
            return

        self.worker = self.world.worker_of(process)
        context = copy_context()
        context.run(current.set, self.worker)
        work = asyncio.get_running_loop().create_task(self._work(), context=context)
        dies = asyncio.ensure_future(self._died.wait())

        try:
            await asyncio.wait({work, dies}, return_when="FIRST_COMPLETED")
            await self.world.pause("answer of a worker", 0.002)
        except asyncio.CancelledError:
            self._kills.update(range(len(self.calls)))
            self._die()

            with CancelScope(shield=True):
                await sleep(0.001)
                self._tell_all(is_over=True)

            raise
        finally:
            dies.cancel()

            if self._clock is not None:
                self._clock.cancel()

        if work.done() and not self._is_dead:
            work.result()

        self._die()
        self._tell_all(is_over=True)

    def kill(self, call: Call, *, now: bool) -> None:
        """Have a call end."""
        place = next(
            i for i, other in enumerate(self.calls) if other.job_id == call.job_id
        )
        self._kills.add(place)
        self._take_back()

        if place >= self._begun:
            return  # it is taken back

        wait = 0.0 if now else self.grace * self.world.chance.next("grace").random()

        if self._clock is not None:
            if not now:
                return

            self._clock.cancel()

        loop = asyncio.get_running_loop()
        self._clock = loop.call_later(wait, self._die)

    def _take_back(self) -> None:
        if self._returned:
            return

        self._returned = True
        self._end = self._begun
        left = self.calls[self._begun :]

        if left:
            self.watch.returned(left)

        self._tell_all(is_over=False)

    def _die(self) -> None:
        if not self._is_dead and self.worker is not None:
            self._is_dead = True
            self.world.graves += self.world.loop.tasks_of(self.worker)
            self.worker.is_alive = False
            self._died.set()

    async def _work(self) -> None:
        """Run the calls: in the worker."""
        loop = asyncio.get_running_loop()

        for place, call in enumerate(self.calls):
            if place >= self._end:
                break

            self._begun += 1

            if self._lacks(call):
                self._outcomes.append(None)
                continue

            job = self.jobs.of(call)
            assert self.worker is not None

            if not call.is_short or job.duration > 0.02:
                home = copy_context()
                home.run(current.set, self.worker.parent)
                late = self.world.chance.next("started").random() * 0.004
                loop.call_later(late, self._tell_started, place, context=home)

            outcome = await self._execute(call, job)
            self._outcomes.append(outcome)

            if not call.is_short and place + 1 < len(self.calls):
                await checkpoint()

    def _tell_started(self, place: int) -> None:
        if self._told <= place == len(self._outcomes) and not self._is_dead:
            self.watch.started(self.calls[place], None)

    def _lacks(self, call: Call) -> bool:
        return any(
            isinstance(kept, tuple)
            and not isinstance(self._outcomes[kept[0]], Returned)
            for _, _, kept in call.inputs
        )

    async def _execute(self, call: Call, job: Job) -> Outcome:
        if call.waiting_file is not None:
            with suppress(OSError):
                os.unlink(call.waiting_file)

        at, begun = self.world.time(), self.world.loop.time()
        assert self.worker is not None
        self.jobs.begins(call, self.worker)
        held = job_of(call.job_id, call.task, call.attempt, call.carrier)

        with running(held, lambda _progress: None):
            try:
                values = [
                    read_input(call.task, name, driver, self._made(kept))
                    for name, driver, kept in call.inputs
                ]

                result, failure = _called(call, values)

                if job.dies:
                    await sleep(min(job.duration, 60.0) / 2)
                    self._die_soon(call)
                    await sleep_forever()

                if job.duration:
                    await sleep(job.duration)

                if failure is not None:
                    raise failure

                kept = keep_result(call.task, call.outputs, result)
            except Exception as error:
                self.jobs.ends(call, self.worker)
                outcome: Outcome = raised(error, None)._replace(error=error)
            else:
                self.jobs.ends(call, self.worker)
                outcome = Returned(kept)

        wall = self.world.loop.time() - begun
        return outcome._replace(usage=Usage(at, wall, None, None))

    def _die_soon(self, call: Call) -> None:
        """Have the worker die of a call."""
        self.world.note("worker dies", call.job_id)
        context = copy_context()
        context.run(current.set, None)
        self.world.loop.call_soon(self._die, context=context)

    def _made(self, kept: StoredValue | tuple[int, int]) -> StoredValue:
        if not isinstance(kept, tuple):
            return kept

        made = self._outcomes[kept[0]]
        assert isinstance(made, Returned)
        return made.kept[kept[1]]

    def _tell_all(self, *, is_over: bool) -> None:
        """Tell what was not told yet.

        :param is_over: whether the worker runs nothing any more
        """
        news = self._outcomes[self._told :]
        calls = self.calls[self._told : self._told + len(news)]
        self._told += len(news)
        pairs = [
            (call, outcome)
            for call, outcome in zip(calls, news, strict=True)
            if outcome is not None
        ]

        if pairs:
            if self.world.chance.next("told together").random() < 0.5:
                accepted, outcomes = zip(*pairs, strict=True)
                self.watch.all_ended(accepted, outcomes)
            else:
                for call, outcome in pairs:
                    self.watch.ended(call, outcome)

        if is_over and self._told < self._begun:
            call = self.calls[self._told]
            place, self._told = self._told, self._told + 1
            assert self.worker is not None
            self.jobs.ends(call, self.worker)
            self.watch.ended(call, self._end_of(call, place))

        if is_over and not self._returned and self._begun < len(self.calls):
            self._returned = True
            self.watch.returned(self.calls[self._begun :])

    def _end_of(self, call: Call, place: int) -> Outcome:
        """Clean up after a call that died; say what became of it."""
        if (kept := settled_here(call.job_id, call.outputs)) is not None:
            return Returned(tuple(kept))

        for _name, driver, path in call.outputs:
            staged = driver.staging_path(path)

            for name in {path, staged, temporary_name(path), temporary_name(staged)}:
                with suppress(OSError):
                    os.unlink(name)

            remove_named(path)

        return Killed() if place in self._kills else Crashed(-9, "it died as simulated")


def _called(call: Call, values: list[Any]) -> tuple[Any, Exception | None]:
    """Call a function, at the beginning of the time that it takes."""
    try:
        return call.function(*values), None
    except Exception as error:
        return None, error


__all__ = ["Job", "Jobs", "Raised", "SimulatedExecutor"]
