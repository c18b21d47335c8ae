"""The walk: carry out what the plan says.

It knows the runs and what becomes of their jobs; `_seats` runs those, `_limits` watches
their time.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

import attrs
from anyio import CapacityLimiter, Event, to_thread
from anyio.lowlevel import checkpoint

from asyncflow.abc import Executor, Kept, Killed, Log, Outcome, Progress, Store
from asyncflow.entities.data_node import DataNode
from asyncflow.entities.graph import Graph
from asyncflow.entities.job import DONE, FINAL, Job, Status
from asyncflow.entities.submission import Submission
from asyncflow.errors import StoreFailed
from asyncflow.records import Record
from asyncflow.scheduler import _skips
from asyncflow.scheduler._flight import Flight, judge
from asyncflow.scheduler._group import Group
from asyncflow.scheduler._limits import Limits
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
from asyncflow.scheduler._retries import wait_before_next
from asyncflow.scheduler._seats import Seats, Tracer
from asyncflow.scheduler._travel import Travel
from asyncflow.scheduler._versions import Versions

_logger = logging.getLogger("asyncflow")

ADMITTED_AT_ONCE = 250
"""How many jobs of new runs are taken in before others have their turn: some 2 ms."""


@attrs.define(eq=False)
class _Waiting:
    """A run that the plan does not know yet."""

    graph: Graph
    begun: Event = attrs.field(init=False, factory=Event)
    """Tells that it is known whether the run is ours."""
    canceled: list[tuple[Job, str]] = attrs.field(init=False, factory=list)
    """Its jobs that are not to run, and why."""


@attrs.define(eq=False)
class Walk:
    """All runs of an orchestrator.

    :param executors: by name
    :param echo: whether to print what jobs printed in other processes
    :param resources: how much there is of each named resource
    :param watchers: who is told of each run that begins here
    :param tracer: gives the traces that jobs continue
    """

    store: Store
    versions: Versions
    executors: Mapping[str, Executor]
    limiter: CapacityLimiter
    echo: bool
    group: Group
    watchers: Sequence[Callable[[Submission], None]] = ()
    resources: Mapping[str, float] = attrs.field(factory=dict)
    tracer: Tracer = attrs.field(factory=Tracer)
    _plan: Plan = attrs.field(init=False)
    _runs: dict[int, Submission] = attrs.field(init=False, factory=dict)
    _numbers: dict[Submission, int] = attrs.field(init=False, factory=dict)
    _travel: dict[int, Mapping[str, Travel]] = attrs.field(init=False, factory=dict)
    _flights: dict[Ref, Flight] = attrs.field(init=False, factory=dict)
    _deadlines: dict[int, asyncio.TimerHandle] = attrs.field(init=False, factory=dict)
    """For each run that may not take longer, when that is."""
    _count: int = attrs.field(init=False, default=0)
    _waiting: dict[int, _Waiting] = attrs.field(init=False, factory=dict)
    """The runs that the plan does not know yet."""
    _interrupted: set[int] = attrs.field(init=False, factory=set)
    """The runs that end here alone, to go on elsewhere."""
    _notes: Notes = attrs.field(init=False)
    _limits: Limits = attrs.field(init=False)
    _seats: Seats = attrs.field(init=False)
    _idle: Event = attrs.field(init=False, factory=Event)
    _is_admitting: bool = attrs.field(init=False, default=False)
    _broken: bool = attrs.field(init=False, default=False)
    _is_held: bool = attrs.field(init=False, default=False)
    """Whether no job is started any more."""
    _is_hurried: bool = attrs.field(init=False, default=False)
    """Whether jobs are killed without a grace."""
    _landing: Event = attrs.field(init=False, factory=Event)

    def __attrs_post_init__(self) -> None:
        self._plan = Plan(self.resources)
        self._notes = Notes(self.store)
        self._limits = Limits(self._kill)
        self._seats = Seats(
            self,
            self.versions,
            self._notes,
            self.executors,
            self.limiter,
            self.echo,
            self.group,
            self.tracer,
        )

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
            self._waiting[run] = _Waiting(graph)
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

        waiting = self._waiting.pop(run)
        waiting.begun.set()

        if not is_ours:
            self._forget(run)
            return

        self._begin(run, waiting.graph)

        if (reason := submission.end_reason) is not None:
            self._carry_out(self._plan.canceled(run, reason, time.monotonic()))
            self._seats.fill()

        for job, reason in waiting.canceled:
            self.cancel_job(job, reason)

    def _begin(self, run: int, graph: Graph) -> None:
        submission = self._runs[run]

        for watch in self.watchers:
            watch(submission)

        jobs = submission.jobs
        needs = {
            index: job.task.config.needs
            for index, job in enumerate(jobs)
            if job.task.config.needs
        }
        ended = {
            index: job.status for index, job in enumerate(jobs) if job.status in FINAL
        }
        self._carry_out(
            self._plan.submitted(
                run,
                graph,
                [job.task.config_id for job in jobs],
                stop=submission.on_failure == "stop",
                ended=ended,
                priority=submission.priority,
                needs=needs,
            )
        )
        self._watch_time(run, submission)

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
            self._carry_out(self._plan.canceled(run, reason, time.monotonic()))
            self._seats.fill()

    def cancel_job(self, job: Job, reason: str) -> None:
        """Ask for the end of one job; one that has ended stays what it is."""
        run = self._numbers.get(job.submission)

        if run in self._waiting:
            self._waiting[run].canceled.append((job, reason))
        elif run is not None:
            ref = run, job.submission.jobs.index(job)
            self._carry_out(self._plan.canceled_job(ref, reason, time.monotonic()))
            self._seats.fill()

    def resize(self, seats: int) -> None:
        """Change how many jobs run at once."""
        self._seats.resize(seats)

    def hold(self) -> None:
        """Start no job any more, and take those back that have not started yet.

        Those that are known to be short are let go: they are over in a moment.
        """
        self._is_held = True

        for flight in list(self._flights.values()):
            if flight.job.status is not Status.RUNNING and not (
                flight.travel.pace.is_short
            ):
                self._end_flight(flight)

    @property
    def running(self) -> int:
        """How many jobs run."""
        flights = self._flights.values()
        return sum(one.job.status is Status.RUNNING for one in flights)

    async def landed(self) -> None:
        """Wait until no job has a seat, or somebody is in a hurry."""
        while self._flights and not (self._broken or self._is_hurried):
            if self._landing.is_set():
                self._landing = Event()

            await self._landing.wait()

    def hurry(self) -> None:
        """Have what is killed die at once, from here on."""
        self._is_hurried = True
        self._landing.set()

        for flight in list(self._flights.values()):
            if flight.verdict is not None:
                self._end_flight(flight)

    def stop(self, reason: str, *, leave: bool = False) -> None:
        """Ask for the end of every run.

        Those that were adopted end here alone: to the store they go on.

        :param leave: whether that holds for all, where the store outlives us
        """
        if self._broken:  # they are given up
            return

        self.hold()

        for submission, run in list(self._numbers.items()):
            is_left = submission.is_adopted or (leave and self._is_durable)

            if is_left and submission.cancel_reason is None:
                self._interrupt(run, reason)
                self._carry_out(self._plan.canceled(run, reason, time.monotonic()))
            else:
                self.cancel(submission, reason)

    @property
    def runs(self) -> list[Submission]:
        """The runs that have not ended."""
        return list(self._runs.values())

    async def begun(self, submission: Submission) -> None:
        """Wait until it is known whether a run is ours."""
        run = self._numbers.get(submission)

        if run in self._waiting:
            await self._waiting[run].begun.wait()

    def drives(self, submission: Submission) -> bool:
        """Tell whether a run is under way here."""
        return submission in self._numbers

    def will_be_written(self, node: DataNode) -> bool:
        """Tell whether a job that has not ended writes a data node."""
        return self._plan.will_be_written(node.id) or any(
            node.id in writes
            for waiting in self._waiting.values()
            for writes in waiting.graph.writes
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

        for flight in self._flights.values():
            self._limits.ended(flight)

        for run, submission in self._runs.items():
            self._stop_time(run)
            submission.lost(now, reason)

        self._runs.clear()

    # ------------------------------------------------- what the seats ask, and tell

    @property
    def ready(self) -> int:
        """How many jobs wait for a seat."""
        return self._plan.ready

    def next_flight(self, like: Flight | None) -> Flight | None:
        """Give a seat to the job whose turn it is; from here on it can be killed.

        Those that would do nothing new are skipped on the way.

        :param like: take it only if it may travel with this one; None takes any
        """
        if self._is_held:
            return None

        now = time.monotonic()
        accepts: Callable[[Ref], bool] | None = None

        if like is not None:
            other = like.travel

            def accepts(ref: Ref) -> bool:
                return _go_together(self._travel_of(ref), other)

        while (ref := self._plan.offered(now, accepts)) is not None:
            travel = self._travel_of(ref)
            reason = self._reason_to_run(ref, travel)

            if reason != "":
                return self._board(ref, travel, reason or "")

            self._skip(ref)

        return None

    def next_link(self, flight: Flight) -> Flight | None:
        """Give the same seat to the next link of a chain, if it may travel with it."""
        ref = self._plan.follower(flight.ref)

        if ref is None:
            return None

        travel = self._travel_of(ref)

        if not travel.may_follow or not _go_together(travel, flight.travel):
            return None

        self._plan.followed(ref)
        flight.follower = self._board(ref, travel, "")
        return flight.follower

    def started(self, flight: Flight, log: Log | None) -> None:
        """Take note that a job has started."""
        job = flight.job
        job.log = log or job.log

        if job.status is not Status.RUNNING:
            _move_to_running(job, time.time())
            self._notes.watch(self._flights.values())
            self._limits.started(flight)

    def reported(self, flight: Flight, progress: Progress) -> None:
        """Take note of how far a job has come."""
        if not flight.is_over:
            self.started(flight, None)  # of a short job nothing else tells it
            self._limits.reported(flight)
            flight.job.reported(progress, time.time())

    def returned(self, flight: Flight) -> None:
        """Take a job back that was not started."""
        if flight.is_over:
            return

        self._close(flight)

        if flight.verdict is None:
            self._plan.returned(flight.ref, time.monotonic())
            self._seats.fill_soon()
        else:
            job = flight.job
            why = flight.verdict[1]
            self._finish_job(flight, Status.CANCELED, why, job.records_of_output())

    def ended(self, flight: Flight, outcome: Outcome) -> None:
        """Take the outcome of a job: its outputs and its status are saved together."""
        if flight.is_over:
            return

        job = flight.job
        self._close(flight)
        _move_to_running(
            job, outcome.usage.started_at if outcome.usage else time.time()
        )

        if isinstance(outcome, Killed) and flight.verdict is None:
            self._interrupt(flight.ref[0], "the event loop was stopped")

        status, reason, kept = judge(outcome, flight.verdict)
        job.took(outcome)

        if status is Status.COMPLETED:
            self._complete(flight, kept)
            return

        self._return_followers(flight)

        if status is Status.FAILED and self._tries_again(flight, outcome, reason):
            return

        self._finish_job(flight, status, reason, job.records_of_output())

    def broken(self) -> None:
        """Take note that nothing runs any more: an error of ours."""
        self._broken = True
        self._idle.set()
        self._landing.set()

    # ---------------------------------------------------------------------- the rest

    def _admit_some(self) -> None:
        self._carry_out(self._plan.admitted(ADMITTED_AT_ONCE, time.monotonic()))
        self._seats.fill()

    async def _admit(self) -> None:
        """Admit the jobs of large runs, in turns with all else on the event loop."""
        while self._plan.has_arrivals:
            await checkpoint()
            self._admit_some()

        self._is_admitting = False

    def _carry_out(self, instructions: Sequence[Instruction]) -> None:
        if not instructions:
            return

        now = time.time()
        kills: list[Kill] = []

        for instruction in instructions:
            match instruction:
                case MakeReady(ref):
                    job = self._job(ref)

                    if job.status is not Status.PENDING:  # it is to be tried again
                        job.move(Status.PENDING, now)
                case Block(ref):
                    self._job(ref).move(Status.BLOCKED, now)
                case End(ref, status, reason):
                    job = self._job(ref)
                    job.move(status, now, reason)
                    self._save(ref[0], status, job.record())
                case Kill():
                    kills.append(instruction)
                case Finish(run):
                    self._finish(run, now)

        if kills:
            self._carry_out_kills(kills)

    def _carry_out_kills(self, kills: Sequence[Kill]) -> None:
        """Kill jobs; all are known before the first, as that may give others back."""
        flights = [self._flights[kill.ref] for kill in kills]

        for flight, kill in zip(flights, kills, strict=True):
            flight.verdict = flight.verdict or (kill.status, kill.reason)
            flight.may_retry = False

        for flight in flights:
            self._end_flight(flight)

    def _kill(self, flight: Flight, status: Status, reason: str) -> None:
        """End a job that has a seat, for what its task says."""
        if flight.verdict is None and not flight.is_over:
            flight.verdict = status, reason
            flight.may_retry = True
            self._end_flight(flight)

    def _end_flight(self, flight: Flight) -> None:
        if flight.is_over:
            return

        if flight.call is None:  # its executor does not know of it yet
            self.returned(flight)
        else:
            executor = self.executors[flight.travel.executor]
            executor.kill(flight.call, now=self._is_hurried)

    @property
    def _is_durable(self) -> bool:
        """Whether the store outlives us."""
        return self.store.values_folder is not None

    def _interrupt(self, run: int, reason: str) -> None:
        """Have a run end here alone: to a store that outlives us it goes on."""
        if self._is_durable:
            self._interrupted.add(run)
            self._runs[run].interrupted_for(reason)
        else:
            self._runs[run].canceled_for(reason)

    def _watch_time(self, run: int, submission: Submission) -> None:
        limit = submission.run_timeout

        if limit is not None and run in self._runs:
            loop = asyncio.get_running_loop()
            left = submission.submitted_at.timestamp() + limit - time.time()
            self._deadlines[run] = loop.call_later(max(0.0, left), self._time_out, run)

    def _stop_time(self, run: int) -> None:
        if clock := self._deadlines.pop(run, None):
            clock.cancel()

    def _time_out(self, run: int) -> None:
        """End a run that has taken too long: what runs has failed."""
        limit = self._runs[run].run_timeout
        why = f"TIMED_OUT: the run took longer than its run_timeout of {limit:g} s"
        self._runs[run].canceled_for(why)
        now = time.monotonic()
        self._carry_out(self._plan.canceled(run, why, now, killed=Status.FAILED))
        self._seats.fill()

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
        self._stop_time(run)

        if not self._runs:
            self._idle.set()

        return submission

    def _save(self, run: int, status: Status, *records: Record) -> None:
        """Save the end of a job; not that it was cancelled, where the run goes on."""
        if run not in self._interrupted or status in DONE or status is Status.FAILED:
            self.store.save(*records)

    def _board(self, ref: Ref, travel: Travel, reason: str) -> Flight:
        flight = self._flights[ref] = Flight(ref, self._job(ref), travel, reason)
        return flight

    def _reason_to_run(self, ref: Ref, travel: Travel) -> str | None:
        """Say why a skippable job runs, ``""`` if it need not; None for any other."""
        if travel.fingerprint is None:
            return None

        if travel.force:
            return "the run is forced"

        return _skips.reason_to_run(self._job(ref).task, travel.fingerprint)

    def _skip(self, ref: Ref) -> None:
        job = self._job(ref)
        job.move(Status.SKIPPED, time.time(), _skips.NOTHING_NEW)
        self.store.save(job.record())
        self._carry_out(self._plan.ended(ref, Status.SKIPPED, time.monotonic()))

    def _close(self, flight: Flight) -> None:
        """Take a job off its seat."""
        flight.is_over = True
        del self._flights[flight.ref]
        self._limits.ended(flight)

        for version in flight.reading:
            self.versions.unpin(version)

        if not self._flights:
            self._landing.set()

    def _return_followers(self, flight: Flight) -> None:
        """Give the next links of a chain back: they have not run."""
        if flight.follower is not None:
            self._return_followers(flight.follower)
            self.returned(flight.follower)

    def _complete(self, flight: Flight, kept: Sequence[Kept]) -> None:
        """Make the outputs of a job visible, together with its status."""
        job = flight.job
        records = job.records_of_output()

        for node, one in zip(job.task.output.values(), kept, strict=True):
            records += self.versions.replace(node, one, job_id=job.id)

        if flight.basis is not None:
            fingerprint = flight.travel.fingerprint or ""
            records.append(_skips.note(job.task, fingerprint, flight.basis))

        if job.usage is not None:
            flight.travel.pace.took(job.usage.wall)

        self._finish_job(flight, Status.COMPLETED, flight.reason, records)

    def _tries_again(self, flight: Flight, outcome: Outcome, reason: str) -> bool:
        """Have a job that failed run again, if its task wants that."""
        if flight.verdict is not None and not flight.may_retry:
            return False

        job = flight.job
        wait = wait_before_next(job, outcome, random.random())  # noqa: S311

        if wait is None:
            return False

        job.try_again(time.time(), reason)
        self.store.save(job.record(), *job.records_of_output())
        self._plan.postponed(flight.ref)

        if wait:
            asyncio.get_running_loop().call_later(wait, self._due, flight.ref)
        else:
            self._due(flight.ref)

        return True

    def _due(self, ref: Ref) -> None:
        self._carry_out(self._plan.due(ref, time.monotonic()))
        self._seats.fill_soon()

    def _finish_job(
        self, flight: Flight, status: Status, reason: str, records: Sequence[Record]
    ) -> None:
        job = flight.job
        job.move(status, time.time(), reason)
        self._save(flight.ref[0], status, job.record(), *records)
        self._carry_out(self._plan.ended(flight.ref, status, time.monotonic()))

    def _job(self, ref: Ref) -> Job:
        return self._runs[ref[0]].jobs[ref[1]]

    def _travel_of(self, ref: Ref) -> Travel:
        return self._travel[ref[0]][self._job(ref).task.config.id]


def _move_to_running(job: Job, at: float) -> None:
    """Catch up with a job that has started, or has even ended: in a chain, it may not
    be known yet that what it needed has ended.
    """
    if job.status is Status.BLOCKED:
        job.move(Status.PENDING, at)

    if job.status is not Status.RUNNING:
        job.move(Status.RUNNING, at)


def _go_together(one: Travel, other: Travel) -> bool:
    return one.may_share and one.executor == other.executor and one.pace.is_short
