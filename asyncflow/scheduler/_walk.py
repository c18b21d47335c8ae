"""The walk: carry out what the plan says.

Seats are the tokens of one limiter. While jobs are ready and seats are free, a lane is
started in the task group: it holds one seat and runs one job after the other until none
is ready. So there are never more tasks than seats, however many jobs wait.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
import time
from collections.abc import Iterable, Mapping, Sequence

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
    Driver,
    Executor,
    Kept,
    Killed,
    Log,
    Outcome,
    Raised,
    Returned,
    Store,
)
from asyncflow.entities.data_node import DataNode, Version
from asyncflow.entities.job import FINAL, Job, Status
from asyncflow.entities.submission import Submission
from asyncflow.scheduler._plan import (
    Block,
    End,
    Finish,
    Graph,
    Instruction,
    Kill,
    MakeReady,
    Plan,
    Ref,
)
from asyncflow.scheduler._skips import NOTHING_NEW, Basis, Skips, versions
from asyncflow.scheduler._travel import Travel
from asyncflow.scheduler._versions import Versions

_logger = logging.getLogger("asyncflow")

ADMITTED_AT_ONCE = 250
"""How many jobs of new runs are taken in before others have their turn: some 2 ms."""


@attrs.define(eq=False)
class Flight:
    """A job that has a seat."""

    ref: Ref
    job: Job
    scope: CancelScope
    reason: str
    """Why it runs, where it could have been skipped."""
    reading: list[Version] = attrs.field(init=False, factory=list)
    """The versions of its inputs: kept until it has ended."""
    basis: Basis | None = attrs.field(init=False, default=None)
    """What its outputs follow from, where the task is skippable."""
    killed_for: str = attrs.field(init=False, default="")
    outcome: Outcome | None = attrs.field(init=False, default=None)


@attrs.define(eq=False)
class Walk:
    """All runs of an orchestrator.

    :param executors: by name
    :param echo: whether to print what jobs printed in other processes
    """

    store: Store
    versions: Versions
    executors: Mapping[str, Executor]
    limiter: CapacityLimiter
    echo: bool
    group: TaskGroup
    skips: Skips = attrs.field(init=False, factory=Skips)
    _plan: Plan = attrs.field(init=False, factory=Plan)
    _runs: dict[int, Submission] = attrs.field(init=False, factory=dict)
    _numbers: dict[Submission, int] = attrs.field(init=False, factory=dict)
    _travel: dict[int, Mapping[str, Travel]] = attrs.field(init=False, factory=dict)
    _flights: dict[Ref, Flight] = attrs.field(init=False, factory=dict)
    _count: int = attrs.field(init=False, default=0)
    _idle: Event = attrs.field(init=False, factory=Event)
    _is_admitting: bool = attrs.field(init=False, default=False)
    _broken: bool = attrs.field(init=False, default=False)

    def submit(
        self,
        submission: Submission,
        graph: Graph,
        travel: Mapping[str, Travel],
        *,
        stop: bool,
    ) -> None:
        """Take a submission whose jobs are made, and start what can run.

        :raises NotPicklable: where a property of it cannot be kept; then it is not taken
        """
        self.store.save(submission.record())
        self._count += 1
        run = self._count
        self._runs[run] = submission
        self._numbers[submission] = run
        self._travel[run] = travel
        names = [job.task.config_id for job in submission.jobs]
        self._carry_out(self._plan.submitted(run, graph, names, stop=stop))

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

    def cancel_all(self, reason: str) -> None:
        """Ask for the end of every run."""
        for submission in list(self._numbers):
            self.cancel(submission, reason)

    def will_be_written(self, node: DataNode) -> bool:
        """Tell whether a job that has not ended writes a data node."""
        return self._plan.will_be_written(node.id)

    async def drain(self) -> None:
        """Wait until no run is left."""
        while self._runs and not self._broken:
            if self._idle.is_set():
                self._idle = Event()

            await self._idle.wait()

    def give_up(self, reason: str) -> None:
        """End the runs that nobody drives any more: after an error of ours."""
        now = time.time()

        for submission in self._runs.values():
            submission.canceled_for(reason)

            for job in submission.jobs:
                if job.status not in FINAL:
                    job.move(Status.CANCELED, now, reason)

            submission.finished(now)

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
                    self.store.save(job.record())
                case Kill(ref, reason):
                    flight = self._flights[ref]
                    flight.killed_for = reason
                    flight.scope.cancel(reason)
                case Finish(run):
                    self._finish(run, now)

    def _finish(self, run: int, now: float) -> None:
        submission = self._runs.pop(run)
        del self._numbers[submission], self._travel[run]
        submission.finished(now)
        self.store.save(submission.record())

        if not self._runs:
            self._idle.set()

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
            return flight

        return None

    def _reason_to_run(self, ref: Ref) -> str | None:
        """Say why a skippable job runs, ``""`` if it need not; None for any other."""
        travel = self._travel_of(ref)

        if travel.fingerprint is None:
            return None

        if travel.force:
            return "the run is forced"

        return self.skips.reason_to_run(self._job(ref).task, travel.fingerprint)

    def _skip(self, ref: Ref) -> None:
        job = self._job(ref)
        job.move(Status.SKIPPED, time.time(), NOTHING_NEW)
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
            call = self._call(flight)
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
                await executor.run(executor.load(board(first), more), report)

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

    def _call(self, flight: Flight) -> Call:
        """Describe a job to its executor, and keep the versions that it reads."""
        job = flight.job
        travel = self._travel_of(flight.ref)
        inputs: list[tuple[str, Driver, Kept]] = []

        if travel.fingerprint is not None:
            flight.basis = Basis(travel.fingerprint, versions(job.task.input))

        for name, node in job.task.input.items():
            if node.version is not None:
                self.versions.pin(node.version)
                flight.reading.append(node.version)

            kept = node.version.kept if node.version else None
            inputs.append((name, node.driver, kept))

        return Call(
            job_id=job.id,
            task=job.task.config_id,
            function=job.task.function,
            code=travel.code,
            inputs=tuple(inputs),
            outputs=tuple(
                (name, node.driver, self.versions.new_path())
                for name, node in job.task.output.items()
            ),
            is_async=travel.is_async,
            sources=travel.sources,
        )

    async def _land(self, flights: Iterable[Flight]) -> None:
        """Take the end of jobs: print what they printed, then end them."""
        for flight in flights:
            log = flight.outcome.log if flight.outcome else None

            if self.echo and isinstance(log, Log):
                with CancelScope(shield=True):
                    await to_thread.run_sync(_print, log)

            self._end(flight)

    def _end(self, flight: Flight) -> None:
        """End a job: its outputs and its status are saved together."""
        job, outcome = flight.job, flight.outcome
        del self._flights[flight.ref]

        for version in flight.reading:
            self.versions.unpin(version)

        status, reason, kept = _judge(outcome, flight.killed_for)
        written = list(job.task.output.values()) if kept else []

        for node, one in zip(written, kept, strict=True):
            self.versions.replace(node, one, job.id)

        if flight.basis is not None and status is Status.COMPLETED:
            self.skips.note(job.task, flight.basis)
            reason = flight.reason

        if outcome is not None:
            job.log = outcome.log

            if isinstance(outcome, Raised | Crashed):
                job.failure = outcome

        job.move(status, time.time(), reason)
        self.store.save(job.record(), *(node.record() for node in written))
        self._carry_out(self._plan.ended(flight.ref, status))

    def _job(self, ref: Ref) -> Job:
        return self._runs[ref[0]].jobs[ref[1]]

    def _travel_of(self, ref: Ref) -> Travel:
        return self._travel[ref[0]][self._job(ref).task.config_id]


def _judge(
    outcome: Outcome | None, killed_for: str
) -> tuple[Status, str, tuple[Kept, ...]]:
    """Turn an outcome into a status, a reason and what was kept."""
    match outcome:
        case Returned(kept):
            return Status.COMPLETED, "", kept
        case Raised(summary):
            return Status.FAILED, summary, ()
        case Crashed(returncode, detail):
            return Status.FAILED, detail or _crash(returncode), ()
        case Killed() | None:
            return Status.CANCELED, killed_for or "the orchestrator was stopped", ()


def _crash(returncode: int | None) -> str:
    """Say how a process ended."""
    if returncode is None:
        return "its worker process ended, nobody knows how"

    if returncode < 0:
        try:
            name = signal.Signals(-returncode).name
        except ValueError:
            name = "a signal"

        return f"its worker process was killed by {name} ({-returncode})"

    return f"its worker process ended with exit code {returncode}"


def _print(log: Log) -> None:
    try:
        sys.stdout.write(log.read())
        sys.stdout.flush()
    except (OSError, ValueError) as error:  # closed: nobody is there to read it
        _logger.warning("the output of a job could not be printed: %s", error)


def _is_canceled() -> bool:
    """Tell a real cancel of this task from a `CancelledError` that a function raised."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0
