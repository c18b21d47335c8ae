"""The walk: carry out what the plan says.

Seats are the tokens of one limiter. While jobs are ready and seats are free, a lane is
started in the task group: it holds one seat and runs one job after the other until none
is ready. So there are never more tasks than seats, however many jobs wait.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

import attrs
from anyio import (
    CancelScope,
    CapacityLimiter,
    Event,
    get_cancelled_exc_class,
    to_thread,
)
from anyio.abc import TaskGroup
from anyio.lowlevel import checkpoint

from asyncflow.abc import (
    Call,
    Crashed,
    Executor,
    Log,
    Outcome,
    Raised,
    Store,
)
from asyncflow.entities.data_node import DataNode
from asyncflow.entities.graph import Graph
from asyncflow.entities.job import DONE, FINAL, Job, Status
from asyncflow.entities.submission import Submission
from asyncflow.errors import StoreFailed
from asyncflow.records import Record
from asyncflow.scheduler import _skips
from asyncflow.scheduler._flight import Flight, call_of, judge, show
from asyncflow.scheduler._notes import Notes
from asyncflow.scheduler._plan import (
    Block,
    End,
    Finish,
    Instruction,
    Kill,
    MakeReady,
    Plan,
    Ref,
)
from asyncflow.scheduler._travel import Travel
from asyncflow.scheduler._versions import Versions

_logger = logging.getLogger("asyncflow")

ADMITTED_AT_ONCE = 250
"""How many jobs of new runs are taken in before others have their turn: some 2 ms."""


@attrs.define(eq=False)
class Walk:
    """All runs of an orchestrator.

    :param executors: by name
    :param echo: whether to print what jobs printed in other processes
    :param watchers: who is told of each run that begins here
    """

    store: Store
    versions: Versions
    executors: Mapping[str, Executor]
    limiter: CapacityLimiter
    echo: bool
    group: TaskGroup
    watchers: Sequence[Callable[[Submission], None]]
    _plan: Plan = attrs.field(init=False, factory=Plan)
    _runs: dict[int, Submission] = attrs.field(init=False, factory=dict)
    _numbers: dict[Submission, int] = attrs.field(init=False, factory=dict)
    _travel: dict[int, Mapping[str, Travel]] = attrs.field(init=False, factory=dict)
    _flights: dict[Ref, Flight] = attrs.field(init=False, factory=dict)
    _count: int = attrs.field(init=False, default=0)
    _waiting: dict[int, tuple[Graph, Event]] = attrs.field(init=False, factory=dict)
    """The runs that the plan does not know yet, with what tells that it does."""
    _interrupted: set[int] = attrs.field(init=False, factory=set)
    """The runs that end here alone, to go on elsewhere."""
    _notes: Notes = attrs.field(init=False)
    _idle: Event = attrs.field(init=False, factory=Event)
    _is_admitting: bool = attrs.field(init=False, default=False)
    _broken: bool = attrs.field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        self._notes = Notes(self.store)

    def submit(
        self,
        submission: Submission,
        graph: Graph,
        travel: Mapping[str, Travel],
        *,
        first: Callable[[], Awaitable[bool]] | None = None,
    ) -> None:
        """Take a submission whose jobs are made, and start what can run.

        Jobs that have ended stay what they are.

        :param first: what is awaited before: it tells whether the run is to be ours
        """
        self._count += 1
        run = self._count
        self._runs[run] = submission
        self._numbers[submission] = run
        self._travel[run] = travel

        if first is None:
            self._begin(run, graph)
        else:
            self._waiting[run] = graph, Event()
            self.group.start_soon(self._begin_after, first, run)

    async def _begin_after(
        self, first: Callable[[], Awaitable[bool]], run: int
    ) -> None:
        submission = self._runs[run]

        try:
            is_ours = await first()
        except StoreFailed as error:
            problem = "%s was not started: %s"
            await to_thread.run_sync(_logger.error, problem, submission.id, error)
            submission.canceled_for(f"it was not started: {error}")
            is_ours = True

        graph, begun = self._waiting.pop(run)
        begun.set()

        if not is_ours:
            self._forget(run)
            return

        self._begin(run, graph)

        if submission.cancel_reason is not None:
            self.cancel(submission, submission.cancel_reason)

    def _begin(self, run: int, graph: Graph) -> None:
        for watch in self.watchers:
            watch(self._runs[run])

        jobs = self._runs[run].jobs
        ended = {
            index: job.status for index, job in enumerate(jobs) if job.status in FINAL
        }
        names = [job.task.config_id for job in jobs]
        stop = self._runs[run].on_failure == "stop"
        self._carry_out(self._plan.submitted(run, graph, names, stop=stop, ended=ended))

        if self._is_admitting:
            return

        self._admit_some()

        if self._plan.has_arrivals:
            self._is_admitting = True
            self.group.start_soon(self._admit)

    def cancel(self, submission: Submission, reason: str) -> None:
        """Ask for the end of a run; a run that has ended stays what it is."""
        run = self._numbers.get(submission)

        if run is not None:
            submission.canceled_for(reason)
            self._carry_out(self._plan.canceled(run, reason))
            self._fill_seats()

    def stop(self, reason: str) -> bool:
        """Ask for the end of every run.

        Those that were adopted end here alone: to the store they go on.

        :return: whether there are any
        """
        for submission, run in list(self._numbers.items()):
            if submission.is_adopted:
                self._interrupted.add(run)

            self.cancel(submission, reason)

        return bool(self._interrupted)

    @property
    def runs(self) -> list[Submission]:
        """The runs that have not ended."""
        return list(self._runs.values())

    async def begun(self, submission: Submission) -> None:
        """Wait until it is known whether a run is ours."""
        run = self._numbers.get(submission)

        if run in self._waiting:
            await self._waiting[run][1].wait()

    def drives(self, submission: Submission) -> bool:
        """Tell whether a run is under way here."""
        return submission in self._numbers

    def will_be_written(self, node: DataNode) -> bool:
        """Tell whether a job that has not ended writes a data node."""
        return self._plan.will_be_written(node.id) or any(
            node.id in writes
            for graph, _ in self._waiting.values()
            for writes in graph.writes
        )

    async def drain(self) -> None:
        """Wait until no run is left."""
        while self._runs and not self._broken:
            if self._idle.is_set():
                self._idle = Event()

            await self._idle.wait()

    def give_up(self, reason: str) -> None:
        """End the runs that nobody drives any more: after an error of ours."""
        self._notes.stop()
        now = time.time()

        for submission in self._runs.values():
            submission.lost(now, reason)

        self._runs.clear()

    def _admit_some(self) -> None:
        self._carry_out(self._plan.admitted(ADMITTED_AT_ONCE))
        self._fill_seats()

    async def _admit(self) -> None:
        """Admit the jobs of large runs, in turns with all else on the event loop."""
        while self._plan.has_arrivals:
            await checkpoint()
            self._admit_some()

        self._is_admitting = False

    def _carry_out(self, instructions: Sequence[Instruction]) -> None:
        now = time.time()

        for instruction in instructions:
            match instruction:
                case Block(ref):
                    self._job(ref).move(Status.BLOCKED, now)
                case MakeReady(ref):
                    self._job(ref).move(Status.PENDING, now)
                case End(ref, status, reason):
                    job = self._job(ref)
                    job.move(status, now, reason)
                    self._save(ref[0], status, job.record())
                case Kill(ref, reason):
                    flight = self._flights[ref]
                    flight.killed_for = reason
                    flight.scope.cancel(reason)
                case Finish(run):
                    self._finish(run, now)

    def _finish(self, run: int, now: float) -> None:
        submission = self._forget(run)
        submission.finished(now)

        if run in self._interrupted:
            self._interrupted.remove(run)
        else:
            self.store.save(submission.record())

    def _forget(self, run: int) -> Submission:
        submission = self._runs.pop(run)
        del self._numbers[submission], self._travel[run]

        if not self._runs:
            self._idle.set()

        return submission

    def _save(self, run: int, status: Status, *records: Record) -> None:
        """Save the end of a job; not that it was cancelled, where the run goes on."""
        if run not in self._interrupted or status in DONE:
            self.store.save(*records)

    def _fill_seats(self) -> None:
        """Start lanes while jobs are ready and seats are free."""
        while self.limiter.available_tokens >= 1:
            flight = self._next_flight()

            if flight is None:
                return

            seat = object()
            self.limiter.acquire_on_behalf_of_nowait(seat)
            self.group.start_soon(self._lane, seat, flight)

    def _next_flight(self, executor: str | None = None) -> Flight | None:
        """Give a seat to the job whose turn it is; from here on it can be killed.

        :param executor: take it only if it runs there; None takes any
        """
        while (ref := self._plan.next()) is not None:
            if executor and self._travel_of(ref).executor != executor:
                return None

            self._plan.offered()

            reason = self._reason_to_run(ref)

            if reason == "":
                self._skip(ref)
                continue

            flight = Flight(ref, self._job(ref), CancelScope(), reason or "")
            self._flights[ref] = flight
            flight.job.move(Status.RUNNING, time.time())

            self._notes.watch(self._flights.values())
            return flight

        return None

    def _reason_to_run(self, ref: Ref) -> str | None:
        """Say why a skippable job runs, ``""`` if it need not; None for any other."""
        travel = self._travel_of(ref)

        if travel.fingerprint is None:
            return None

        if travel.force:
            return "the run is forced"

        return _skips.reason_to_run(self._job(ref).task, travel.fingerprint)

    def _skip(self, ref: Ref) -> None:
        job = self._job(ref)
        job.move(Status.SKIPPED, time.time(), _skips.NOTHING_NEW)
        self.store.save(job.record())
        self._carry_out(self._plan.ended(ref, Status.SKIPPED))

    async def _lane(self, seat: object, first: Flight) -> None:
        """Run one job after the other on one seat, until none is ready."""
        flight: Flight | None = first

        try:
            while flight is not None:
                await self._fly(flight)
                flight = self._next_flight()
                self._fill_seats()
        except Exception:
            self._broken = True
            self._idle.set()
            raise
        finally:
            self.limiter.release_on_behalf_of(seat)

    async def _fly(self, first: Flight) -> None:
        """Run a job, and those that its executor lets travel with it."""
        name = self._travel_of(first.ref).executor
        flights: dict[str, Flight] = {}

        def board(flight: Flight) -> Call:
            call = call_of(flight, self._travel_of(flight.ref), self.versions)
            flights[call.job_id] = flight
            return call

        def more() -> Call | None:
            flight = self._next_flight(name)
            return None if flight is None else board(flight)

        def report(call: Call, outcome: Outcome) -> None:
            flights[call.job_id].outcome = outcome

        try:
            with first.scope:
                executor = self.executors[name]
                await self.versions.refresh_shared(first.job.task.input.values())
                calls = executor.load(board(first), more)
                await self._notes.note_fragile(flights.values())
                await executor.run(calls, report)

            if first.outcome is None and not first.killed_for:
                first.outcome = Crashed(None, "its executor told no outcome")
        except Exception as error:
            _logger.exception("the executor of %s failed", first.job.id)
            first.outcome = Crashed(None, f"its executor raised {error!r}")
        except get_cancelled_exc_class():
            if _is_canceled():
                raise

            first.outcome = Raised("CancelledError: raised by the function", "", None)
        finally:
            await self._land(flights.values())

    async def _land(self, flights: Iterable[Flight]) -> None:
        """Take the end of jobs: print what they printed, then end them."""
        for flight in flights:
            log = flight.outcome.log if flight.outcome else None

            if self.echo and isinstance(log, Log):
                with CancelScope(shield=True):
                    await to_thread.run_sync(show, log)

            self._end(flight)

    def _end(self, flight: Flight) -> None:
        """End a job: its outputs and its status are saved together."""
        job, outcome = flight.job, flight.outcome
        del self._flights[flight.ref]

        for version in flight.reading:
            self.versions.unpin(version)

        status, reason, kept = judge(outcome, flight.killed_for)
        written = list(job.task.output.values()) if kept else []
        records: list[Record] = []

        for node, one in zip(written, kept, strict=True):
            records += self.versions.replace(node, one, job_id=job.id)

        if flight.basis is not None and status is Status.COMPLETED:
            fingerprint = self._travel_of(flight.ref).fingerprint or ""
            records.append(_skips.note(job.task, fingerprint, flight.basis))
            reason = flight.reason

        if outcome is not None:
            job.log = outcome.log

            if isinstance(outcome, Raised | Crashed):
                job.failure = outcome

        job.move(status, time.time(), reason)
        self._save(flight.ref[0], status, job.record(), *records)
        self._carry_out(self._plan.ended(flight.ref, status))

    def _job(self, ref: Ref) -> Job:
        return self._runs[ref[0]].jobs[ref[1]]

    def _travel_of(self, ref: Ref) -> Travel:
        return self._travel[ref[0]][self._job(ref).task.config_id]


def _is_canceled() -> bool:
    """Tell a real cancel of this task from a `CancelledError` that a function raised."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0
