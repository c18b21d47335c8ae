"""The flights: what becomes of the jobs that have a seat.

A job takes off when a seat asks for one, and is over when it has ended or was given back.
Its executor tells what happens to it; the plan is told, the store, and the run.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Sequence

import attrs
from anyio import Event

from asyncflow.abc import (
    Crashed,
    Executor,
    Kept,
    Killed,
    Log,
    Outcome,
    Progress,
    Returned,
    Store,
)
from asyncflow.entities.job import Job, Status
from asyncflow.log import logger as _logger
from asyncflow.records import Record
from asyncflow.scheduler import _skips
from asyncflow.scheduler._boarding import Boarding, CarryOut
from asyncflow.scheduler._flight import Flight, judge, kind_of
from asyncflow.scheduler._instructions import Kill, Ref
from asyncflow.scheduler._landing import is_plain, land
from asyncflow.scheduler._limits import Limits
from asyncflow.scheduler._notes import Notes
from asyncflow.scheduler._plan import Plan
from asyncflow.scheduler._replaced import Replaced
from asyncflow.scheduler._retries import wait_before_next
from asyncflow.scheduler._runs import Runs
from asyncflow.scheduler._versions import Versions
from asyncflow.status import AttemptKind
from asyncflow.worker.shortened import REASON, shortened


@attrs.define(eq=False, repr=False)
class Flights:
    """The jobs that have a seat.

    :param executors: by name
    :param carry_out: does what the plan says
    :param fill_soon: has the seats ask for jobs, once what goes on now is done
    :param end: ends the load of a job whose executor cannot kill it
    :param is_stopping: tells whether what runs is being cancelled
    """

    plan: Plan
    runs: Runs
    store: Store
    versions: Versions
    notes: Notes
    executors: Mapping[str, Executor]
    carry_out: CarryOut
    fill_soon: Callable[[], None]
    end: Callable[[Flight], None]
    is_stopping: Callable[[], bool]
    _by_ref: dict[Ref, Flight] = attrs.field(init=False, factory=dict)
    _boarding: Boarding = attrs.field(init=False)
    _limits: Limits = attrs.field(init=False)
    _replaced: Replaced = attrs.field(init=False)
    _is_hurried: bool = attrs.field(init=False, default=False)
    """Whether jobs are killed without a grace."""
    _landing: Event = attrs.field(init=False, factory=Event)
    _retries: dict[Ref, asyncio.TimerHandle] = attrs.field(init=False, factory=dict)
    """For each job that waits for its next attempt, when that is due."""

    def __attrs_post_init__(self) -> None:
        self._limits = Limits(self._over_limit)
        self._replaced = Replaced(self.versions)
        self._boarding = Boarding(
            self.plan,
            self.runs,
            self.store,
            self._by_ref,
            self.executors,
            self.carry_out,
            self.failed,
        )

    def hold(self) -> None:
        """Start no job any more, and take those back that have not started yet.

        Those that are known to be short are let go: they are over in a moment.
        """
        self._boarding.is_held = True

        for flight in list(self._by_ref.values()):
            if flight.status is not Status.RUNNING and not (
                flight.travel.pace.is_short
            ):
                self._kill(flight)

    def pause(self) -> None:
        """Start no job until `resume`; take those back that no executor has yet."""
        self._boarding.is_paused = True

        for flight in reversed(list(self._by_ref.values())):
            if flight.call is None and flight.status is not Status.RUNNING:
                self.returned(flight)

    def resume(self) -> None:
        """Start jobs again; the seats have to ask for them."""
        self._boarding.is_paused = False

    @property
    def running(self) -> int:
        """How many jobs run."""
        flights = self._by_ref.values()
        return sum(one.status is Status.RUNNING for one in flights)

    async def landed(self) -> None:
        """Wait until no job has a seat, or somebody is in a hurry."""
        while self._by_ref and not (self.runs.is_broken or self._is_hurried):
            if self._landing.is_set():
                self._landing = Event()

            await self._landing.wait()

    def hurry(self) -> None:
        """Have what is killed die at once, from here on."""
        self._is_hurried = True
        self._landing.set()

        for flight in list(self._by_ref.values()):
            if flight.verdict is not None:
                self._kill(flight)

    def next_load(self, seats: int) -> list[Flight]:
        """Give a seat to the jobs whose turn it is; see `Boarding`."""
        return self._boarding.next_load(seats)

    def links_after(self, last: Flight, most: int) -> list[Flight]:
        """Give the same seat to what follows a job; see `Boarding`."""
        return self._boarding.links_after(last, most)

    def started(self, flight: Flight, log: Log | None) -> None:
        """Take note that a job has started."""
        if self.runs.is_broken:
            return

        job = flight.job
        job.log = log or job.log

        if job.status is not Status.RUNNING:
            _move_to_running(job, time.time())
            self.notes.watch(self._by_ref.values())
            self._limits.started(flight)
            self.fill_soon()  # others may have waited for its end

    def loading(self, flight: Flight) -> None:
        """Take note that the function of a job is loaded before it is called."""
        self._limits.loading(flight)

    def called(self, flight: Flight) -> None:
        """Take note that the function of a job is called now."""
        self._limits.reported(flight)

    def reported(self, flight: Flight, progress: Progress) -> None:
        """Take note of how far a job has come."""
        if not flight.is_over:
            self._limits.reported(flight)
            flight.job.reported(progress, time.time())

    def returned(self, flight: Flight) -> None:
        """Take a job back that was not started, and what follows it on its seat."""
        if flight.is_over or self.runs.is_broken:
            return

        if flight.verdict is not None and flight.verdict[0] is Status.FAILED:
            self.ended(flight, Killed())  # its time was up before it could start
            return

        self._return_followers(flight)
        self._close(flight)

        if flight.verdict is None:
            self.plan.returned(flight.ref, time.monotonic())
            self.fill_soon()
        else:
            job = flight.job
            why = flight.verdict[1]
            self._finish_job(flight, Status.CANCELED, why, job.records_of_output())

    def ended(self, flight: Flight, outcome: Outcome) -> None:
        """Take the outcome of a job: its outputs and its status are saved together."""
        if flight.is_over or self.runs.is_broken:
            return

        if self._replaced.may_concern(flight, outcome):
            self._return_followers(flight)
            flight.is_over = (
                True  # to its executor; it keeps its seat until this is known
            )
            self.versions.group.start_soon(
                self._look_again,
                flight,
                outcome,
                on_error=lambda error: self._not_looked(flight, error),
            )
            return

        self._ended(flight, outcome)

    async def _look_again(self, flight: Flight, outcome: Outcome) -> None:
        """Give a job back whose input was replaced by others; end it where it was not."""
        is_replaced = await self._replaced.concerns(flight)
        flight.is_over = False

        if self.runs.is_broken:
            return

        if is_replaced:
            _move_back(flight)
            self.returned(flight)
        else:
            self._ended(flight, outcome)

    def _not_looked(self, flight: Flight, error: Exception) -> None:
        flight.is_over = False
        self.failed([flight], error)

    def _ended(self, flight: Flight, outcome: Outcome) -> None:
        outcome = self._checked(flight, outcome)
        job = flight.job
        self._close(flight)
        _move_to_running(job, outcome.usage.started if outcome.usage else time.time())

        if isinstance(outcome, Killed) and flight.verdict is None:
            self.runs.interrupt(flight.ref[0], "the event loop was stopped")

        status, reason, kept = judge(outcome, flight.verdict)
        job.took(outcome)

        if status is Status.COMPLETED:
            self._complete(flight, kept)
            return

        self._return_followers(flight)

        if status is Status.FAILED and self._tries_again(flight, outcome, reason):
            return

        self._finish_job(flight, status, reason, job.records_of_output())

    def all_ended(self, flights: Sequence[Flight], outcomes: Sequence[Outcome]) -> None:
        """Take the outcomes of jobs that travelled together, in their order."""
        if self.runs.is_broken:
            return

        landed: list[Flight] = []
        returned: list[Returned] = []

        for flight, outcome in zip(flights, outcomes, strict=True):
            if is_plain(outcome, flight):
                landed.append(flight)
                returned.append(outcome)
                continue

            self._land(landed, returned)
            landed, returned = [], []
            self.ended(flight, outcome)

        self._land(landed, returned)

    def _land(self, flights: Sequence[Flight], outcomes: Sequence[Returned]) -> None:
        """Take the ends of jobs that completed, all at once."""
        if not flights:
            return

        for flight in flights:
            self._close(flight)

        landing = land(flights, outcomes, self.versions)
        self.store.save(*landing.records)
        landing.tell()
        refs = [flight.ref for flight in flights]
        self.carry_out(self.plan.completed(refs, time.monotonic()))

    def failed(self, flights: Sequence[Flight], error: Exception) -> None:
        """End jobs with an error of ours: what became of them could not be taken."""
        if self.runs.is_broken:
            return

        ids = ", ".join([flight.job_id for flight in flights[:10]])
        _logger.error("asyncflow could not handle %s", ids, exc_info=error)

        for flight in flights:
            if not flight.is_over:
                self._return_followers(flight)
                self._close(flight)

            if self.plan.has_seat(flight.ref):
                self._fail(flight, error)

    def _fail(self, flight: Flight, error: Exception) -> None:
        """End a job that has failed here; its run, too, where it counts as completed."""
        run, job = flight.ref[0], flight.job

        if job.is_finished:
            flight.submission.failed_for(error)
        else:
            now = time.time()
            _move_to_running(job, now)
            job.move(Status.FAILED, now, shortened(_why(error), REASON))

        try:
            self.runs.save(run, job.status, job.record(), *job.records_of_output())
        except Exception as another:  # what is not kept runs again elsewhere
            _logger.error("%s was not kept", job.id, exc_info=another)

        self.carry_out(self.plan.ended(flight.ref, job.status, time.monotonic()))

        if flight.submission.failure is not None:
            reason = f"{job.id} could not be handled: {error!r}"
            self.carry_out(self.plan.canceled(run, reason, time.monotonic()))

        self.fill_soon()

    def _checked(self, flight: Flight, outcome: Outcome) -> Outcome:
        """Return an outcome, or a crash where it makes no sense."""
        any_: object = outcome

        if not isinstance(any_, Outcome):
            return Crashed(
                None, f"its executor told an outcome that is none: {any_!r:.200}"
            )

        if isinstance(outcome, Returned):
            told, wanted = len(outcome.kept), len(flight.task.output)

            if told != wanted:
                return Crashed(None, f"its executor told {told} of {wanted} outputs")

        if (
            isinstance(outcome, Killed)
            and flight.verdict is None
            and not self.is_stopping()
        ):
            why = "its executor ended it, which nobody had asked for"
            return Crashed(None, why, outcome.log, outcome.usage)

        return outcome

    def broken(self) -> None:
        """Take note that nothing runs any more: an error of ours."""
        self.runs.broken()
        self._landing.set()

    def forget(self, run: int) -> None:
        """Let the attempts go that a run would still have made."""
        self._replaced.forget(run)

        for ref in [ref for ref in self._retries if ref[0] == run]:
            self._retries.pop(ref).cancel()

    def give_up(self) -> None:
        """Watch no job any more."""
        self.notes.stop()

        while self._retries:
            self._retries.popitem()[1].cancel()

        for flight in self._by_ref.values():
            self._limits.ended(flight)

    def kill(self, kills: Sequence[Kill]) -> None:
        """Kill jobs; all are known before the first, as that may give others back."""
        flights = [self._by_ref[kill.ref] for kill in kills]

        for flight, kill in zip(flights, kills, strict=True):
            flight.verdict = flight.verdict or (kill.status, kill.reason)
            flight.limit = None

        for flight in flights:
            self._kill(flight)

    def _over_limit(self, flight: Flight, limit: AttemptKind, reason: str) -> None:
        """End a job that has a seat, for what its task says."""
        if flight.verdict is None and not flight.is_over:
            flight.verdict = Status.FAILED, reason
            flight.limit = limit
            self._kill(flight)

    def _kill(self, flight: Flight) -> None:
        if flight.is_over:
            return

        if flight.call is None:  # its executor does not know of it yet
            self.returned(flight)
        else:
            executor = self.executors[flight.travel.executor]

            try:
                executor.kill(flight.call, now=self._is_hurried)
            except Exception as error:
                problem = "the executor of %s could not kill it"
                _logger.error(problem, flight.job_id, exc_info=error)
                self.end(flight)

    def _close(self, flight: Flight) -> None:
        """Take a job off its seat."""
        flight.is_over = True
        del self._by_ref[flight.ref]

        if self._limits.are_set:
            self._limits.ended(flight)

        for version in flight.reading:
            self.versions.unpin(version)

        if not self._by_ref:
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

        if flight.basis is not None and flight.travel.fingerprint is not None:
            function = flight.travel.fingerprint
            records.append(_skips.note(job.task, function, flight.basis))

        if job.usage is not None:
            flight.travel.pace.took(job.usage.wall)

        self._finish_job(flight, Status.COMPLETED, flight.reason, records)

    def _tries_again(self, flight: Flight, outcome: Outcome, reason: str) -> bool:
        """Have a job that failed run again, if its task wants that."""
        if flight.verdict is not None and flight.limit is None:
            return False

        job = flight.job
        kind = kind_of(outcome, flight.limit)
        wait = wait_before_next(job, kind, outcome, random.random())  # noqa: S311

        if wait is None:
            return False

        job.try_again(time.time(), kind, reason)
        self.store.save(job.record(), *job.records_of_output())
        self.plan.postponed(flight.ref)
        _logger.warning(
            "attempt %d at %s failed, and is followed by another%s: %s",
            *(job.attempts[-1].number, job.id),
            *(f" in {wait:.3g} s" if wait else "", reason),
        )

        if wait:
            loop = asyncio.get_running_loop()
            self._retries[flight.ref] = loop.call_later(wait, self._due, flight.ref)
        else:
            self._due(flight.ref)

        return True

    def _due(self, ref: Ref) -> None:
        self._retries.pop(ref, None)
        self.carry_out(self.plan.due(ref, time.monotonic()))
        self.fill_soon()

    def _finish_job(
        self, flight: Flight, status: Status, reason: str, records: Sequence[Record]
    ) -> None:
        job, at = flight.job, time.time()
        record = job.record()._replace(status=status, reason=reason, finished=at)
        self.runs.save(flight.ref[0], status, record, *records)
        job.move(status, at, reason)  # what cannot be saved has not ended so
        self.carry_out(self.plan.ended(flight.ref, status, time.monotonic()))


def _why(error: Exception) -> str:
    return f"asyncflow could not handle it: {type(error).__name__}: {error}"


def _move_to_running(job: Job, at: float) -> None:
    """Catch up with a job that has started, or has even ended: in a chain, it may not
    be known yet that what it needed has ended.
    """
    if job.status is Status.BLOCKED:
        job.move(Status.PENDING, at)

    if job.status is not Status.RUNNING:
        job.move(Status.RUNNING, at)


def _move_back(flight: Flight) -> None:
    """Have a job wait again whose function was not called."""
    if flight.verdict is None and flight.status is Status.RUNNING:
        flight.job.move_back(time.time(), "another process has replaced its input")
