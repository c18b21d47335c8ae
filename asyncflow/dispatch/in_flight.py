"""In flight: what becomes of the jobs that have a slot.

A job starts when a slot asks for one, and is over when it has ended or was given back.
Its executor tells what happens to it; the plan is told, the store, and the run.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Protocol, cast

from anyio import Event

from asyncflow.abc import (
    Crashed,
    Executor,
    Killed,
    Log,
    Outcome,
    Progress,
    Returned,
    Store,
    StoredValue,
)
from asyncflow.dispatch import skipping
from asyncflow.dispatch.attempt import Attempt, checked, judge
from asyncflow.dispatch.batching import Batcher, Dispatcher
from asyncflow.dispatch.completion import complete, is_simple_success
from asyncflow.dispatch.pins import Pins
from asyncflow.dispatch.retries import Retries
from asyncflow.dispatch.running_marks import RunningMarks
from asyncflow.dispatch.runs import Runs
from asyncflow.dispatch.timeouts import Timeouts
from asyncflow.log import logger as _logger
from asyncflow.plan.instructions import Kill, Ref
from asyncflow.plan.plan import Plan
from asyncflow.records import Record
from asyncflow.runs.job import JobState
from asyncflow.status import AttemptKind, Status
from asyncflow.values.versions import Versions
from asyncflow.worker.shortened import REASON, shortened

_ref = attrgetter("ref")


class SlotFiller(Protocol):
    """What gives jobs to slots."""

    def fill_soon(self) -> None:
        """Have the slots ask for jobs, once what goes on now is done."""

    def end(self, attempt: Attempt) -> None:
        """End the batch of a job that its executor cannot kill."""


class InFlight:
    """The jobs that have a slot.

    :param executors: by name
    """

    def __init__(
        self,
        plan: Plan,
        runs: Runs,
        store: Store,
        versions: Versions,
        pins: Pins,
        marks: RunningMarks,
        executors: Mapping[str, Executor],
        dispatcher: Dispatcher,
    ) -> None:
        self.plan = plan
        self.runs = runs
        self.store = store
        self.versions = versions
        self.pins = pins
        self.marks = marks
        self.executors = executors
        self.dispatcher = dispatcher
        self.slots: SlotFiller
        self._by_ref: dict[Ref, Attempt] = {}
        self._is_hurried = False
        """Whether jobs are killed without a grace."""
        self._idle = Event()

        self._timeouts = Timeouts(self)
        self._retries = Retries(self, self.plan, self.store, self.versions, self.pins)
        self.batcher: Batcher = Batcher(
            self.plan,
            self.runs,
            self.store,
            self._by_ref,
            self.executors,
            self.dispatcher,
            self,
        )

    def hold(self) -> None:
        """Start no job any more, and take those back that have not started yet.

        Those that are known to be short are let go: they are over in a moment.
        """
        self.batcher.is_held = True
        self.recall()

    def recall(self, run: int | None = None) -> None:
        """Take those jobs back that have not started yet, of one run alone or of all."""
        for ref, attempt in list(self._by_ref.items()):
            if (
                run in (None, ref[0])
                and attempt.status is not Status.RUNNING
                and not attempt.spec.duration.is_short
            ):
                attempt.is_recalled = True
                self._kill(attempt)

    def pause(self) -> None:
        """Start no job for now; take those back that no executor has yet."""
        self.batcher.is_paused = True

        for attempt in reversed(list(self._by_ref.values())):
            if attempt.call is None and attempt.status is not Status.RUNNING:
                self.returned(attempt)

    @property
    def running(self) -> int:
        """How many jobs run."""
        attempts = self._by_ref.values()
        return sum(attempt.status is Status.RUNNING for attempt in attempts)

    def has_job(self, job_id: str) -> bool:
        """Tell whether a job has a slot."""
        return any(attempt.job_id == job_id for attempt in self._by_ref.values())

    async def until_idle(self) -> None:
        """Wait until no job has a slot, or somebody is in a hurry."""
        while self._by_ref and not (self.runs.is_broken or self._is_hurried):
            if self._idle.is_set():
                self._idle = Event()

            await self._idle.wait()

    def hurry(self) -> None:
        """Have what is killed die at once, from here on."""
        self._is_hurried = True
        self._idle.set()

        for attempt in list(self._by_ref.values()):
            if attempt.verdict is not None:
                self._kill(attempt)

    def started(self, attempt: Attempt, log: Log | None) -> None:
        """Take note that a job has started."""
        if self.runs.is_broken:
            return

        job = attempt.job

        if log is not None:
            job.log, job.worker = log, log.worker

        if job.status is not Status.RUNNING:
            _move_to_running(job, time.time())
            self.marks.watch(self._by_ref.values())
            self._timeouts.started(attempt)
            self.slots.fill_soon()  # others may have waited for its end

    def loading(self, attempt: Attempt) -> None:
        """Take note that the function of a job is loaded before it is called."""
        self._timeouts.loading(attempt)

    def called(self, attempt: Attempt) -> None:
        """Take note that the function of a job is called now."""
        self._timeouts.reported(attempt)

    def reported(self, attempt: Attempt, progress: Progress) -> None:
        """Take note of how far a job has come."""
        if not attempt.is_over:
            self._timeouts.reported(attempt)
            attempt.job.reported(progress, time.time())

    def returned(self, attempt: Attempt) -> None:
        """Take a job back that was not started, and what follows it on its slot."""
        if attempt.is_over or self.runs.is_broken:
            return

        if attempt.verdict is not None and attempt.verdict[0] is Status.FAILED:
            self.ended(attempt, Killed())  # its time was up before it could start
            return

        self._return_followers(attempt)
        self._free(attempt)

        if attempt.verdict is None:
            self.plan.returned(attempt.ref, time.monotonic())
            self.slots.fill_soon()
        else:
            job = attempt.job
            why = attempt.verdict[1]
            self._finish_job(attempt, Status.CANCELED, why, job.records_of_output())

    def ended(self, attempt: Attempt, outcome: Outcome) -> None:
        """Take the outcome of a job: its outputs and its status are saved together."""
        if attempt.is_over or self.runs.is_broken:
            return

        if self._retries.may_be_replaced(attempt, outcome):
            self._return_followers(attempt)
            attempt.is_over = True  # to its executor; it keeps its slot until then
            self.versions.group.start_soon(
                self._look_again,
                attempt,
                outcome,
                on_error=lambda error: self._not_looked(attempt, error),
            )
            return

        self._ended(attempt, outcome)

    async def _look_again(self, attempt: Attempt, outcome: Outcome) -> None:
        """Give a job back whose input was replaced by others; end it where it was not."""
        is_there = await self._retries.is_there(attempt)
        attempt.is_over = False

        if self.runs.is_broken:
            return

        if is_there:
            if attempt.verdict is None and attempt.status is Status.RUNNING:
                why = "its input was replaced by others, or lost with a host"
                attempt.job.move_back(time.time(), why)  # its function was not called

            self.returned(attempt)
        else:
            self._ended(attempt, outcome)

    def _not_looked(self, attempt: Attempt, error: Exception) -> None:
        attempt.is_over = False
        self.failed([attempt], error)

    def _ended(self, attempt: Attempt, outcome: Outcome) -> None:
        is_killed = isinstance(outcome, Killed)

        if is_killed and attempt.is_recalled and attempt.verdict is None:
            if attempt.status is Status.RUNNING:
                attempt.job.move_back(time.time(), "it was asked back as it began")

            self.returned(attempt)
            return

        outcome = checked(outcome, attempt, is_stopping=self.dispatcher.is_stopping)
        job = attempt.job
        self._free(attempt)
        _move_to_running(job, outcome.usage.started if outcome.usage else time.time())

        if isinstance(outcome, Killed) and attempt.verdict is None:
            self.runs.interrupt(attempt.ref[0], "the event loop was stopped")

        status, reason, kept = judge(outcome, attempt.verdict)
        job.took(outcome)

        if status is Status.COMPLETED:
            self._complete(attempt, kept)
            return

        self._return_followers(attempt)

        if attempt.call and isinstance(outcome, Crashed | Killed):
            self.versions.files.clear_made(attempt.call, self.versions.group)

        if status is Status.FAILED and self._retries.try_again(
            attempt, outcome, reason
        ):
            return

        self._finish_job(attempt, status, reason, job.records_of_output())

    def all_ended(
        self, attempts: Sequence[Attempt], outcomes: Sequence[Outcome]
    ) -> None:
        """Take the outcomes of the jobs of one batch, in their order."""
        if self.runs.is_broken:
            return

        if len(attempts) == len(outcomes) and all(
            map(is_simple_success, outcomes, attempts)
        ):  # as it mostly is: fast
            self._complete_simple(attempts, cast("Sequence[Returned]", outcomes))
            return

        simple: list[Attempt] = []
        returned: list[Returned] = []

        for attempt, outcome in zip(attempts, outcomes, strict=True):
            if is_simple_success(outcome, attempt):
                simple.append(attempt)
                returned.append(outcome)
                continue

            self._complete_simple(simple, returned)
            simple, returned = [], []
            self.ended(attempt, outcome)

        self._complete_simple(simple, returned)

    def _complete_simple(
        self, attempts: Sequence[Attempt], outcomes: Sequence[Returned]
    ) -> None:
        """Take the ends of jobs that completed, all at once."""
        if not attempts:
            return

        self._free(*attempts)
        completion = complete(attempts, outcomes, self.versions)
        self.store.save(*completion.records)
        completion.notify()
        refs = [*map(_ref, attempts)]
        self.dispatcher.carry_out(self.plan.completed(refs, time.monotonic()))

    def failed(self, attempts: Sequence[Attempt], error: Exception) -> None:
        """End jobs with an error of ours: what became of them could not be taken."""
        if self.runs.is_broken:
            return

        ids = ", ".join([attempt.job_id for attempt in attempts[:10]])
        _logger.error("asyncflow could not handle %s", ids, exc_info=error)

        for attempt in attempts:
            if not attempt.is_over:
                self._return_followers(attempt)
                self._free(attempt)

            if self.plan.has_slot(attempt.ref):
                self._fail(attempt, error)

    def _fail(self, attempt: Attempt, error: Exception) -> None:
        """End a job that has failed here; its run, too, where it counts as completed."""
        run, job = attempt.ref[0], attempt.job

        if job.is_finished:
            attempt.run.ending.fail(error)
        else:
            now = time.time()
            _move_to_running(job, now)
            why = f"asyncflow could not handle it: {type(error).__name__}: {error}"
            job.move(Status.FAILED, now, shortened(why, REASON))

        try:
            self.runs.save(run, job.status, job.record(), *job.records_of_output())
        except Exception as another:  # what is not kept runs again elsewhere
            _logger.error("%s was not kept", job.id, exc_info=another)

        self.dispatcher.carry_out(
            self.plan.ended(attempt.ref, job.status, time.monotonic())
        )

        if attempt.run.ending.failure is not None:
            reason = f"{job.id} could not be handled: {error!r}"
            self.dispatcher.carry_out(self.plan.canceled(run, reason, time.monotonic()))

        self.slots.fill_soon()

    def fail(self) -> None:
        """Take note that nothing runs any more: an error of ours."""
        self.runs.broken()
        self._idle.set()

    def forget(self, run: int) -> None:
        """Let the attempts go that a run would still have made."""
        if self._retries.clocks or self._retries.given_back:
            self._retries.forget(run)

    def give_up(self) -> None:
        """Watch no job any more."""
        self.marks.stop()
        self._retries.stop_all()

        for attempt in self._by_ref.values():
            self._timeouts.ended(attempt)

    def kill(self, kills: Sequence[Kill]) -> None:
        """Kill jobs; all are known before the first, as that may give others back."""
        attempts = [self._by_ref[kill.ref] for kill in kills]

        for attempt, kill in zip(attempts, kills, strict=True):
            attempt.verdict = attempt.verdict or (kill.status, kill.reason)
            attempt.limit = None

        for attempt in attempts:
            self._kill(attempt)

    def timed_out(self, attempt: Attempt, limit: AttemptKind, reason: str) -> None:
        """End a job that has a slot, for what its task says."""
        if attempt.verdict is None and not attempt.is_over:
            attempt.verdict = Status.FAILED, reason
            attempt.limit = limit
            self._kill(attempt)

    def _kill(self, attempt: Attempt) -> None:
        if attempt.is_over:
            self._retries.kill(attempt.ref, now=self._is_hurried)
        elif attempt.call is None:  # its executor does not know of it yet
            self.returned(attempt)
        else:
            executor = self.executors[attempt.spec.executor]

            try:
                executor.kill(attempt.call, now=self._is_hurried)
            except Exception as error:
                problem = "the executor of %s could not kill it"
                _logger.error(problem, attempt.job_id, exc_info=error)
                self.slots.end(attempt)

    def _free(self, *attempts: Attempt) -> None:
        """Take jobs off their slot."""
        by_ref, is_timed = self._by_ref, bool(self._timeouts.running)

        for attempt in attempts:
            attempt.is_over = True
            del by_ref[attempt.ref]

            if is_timed:
                self._timeouts.ended(attempt)

            for version in attempt.read_versions:
                self.versions.retention.unpin(version)

        if not by_ref:
            self._idle.set()

            if self.runs.resting.numbers:  # once the plan knows what these have come to
                asyncio.get_running_loop().call_soon(self.runs.resting.check)

    def _return_followers(self, attempt: Attempt) -> None:
        """Give the next links of a chain back: they have not run."""
        if attempt.next_in_chain is not None:
            self._return_followers(attempt.next_in_chain)
            self.returned(attempt.next_in_chain)

    def _complete(self, attempt: Attempt, kept: Sequence[StoredValue]) -> None:
        """Make the outputs of a job visible, together with its status."""
        job = attempt.job
        records = job.records_of_output()

        for node, value in zip(attempt.task.output.values(), kept, strict=True):
            records += self.versions.replace(node, value, job_id=job.id)

        if attempt.snapshot is not None and attempt.spec.fingerprint is not None:
            function = attempt.spec.fingerprint
            records.append(skipping.note(attempt.task, function, attempt.snapshot))

        if job.usage is not None:
            attempt.spec.duration.add(job.usage.wall)

        self._finish_job(attempt, Status.COMPLETED, attempt.reason, records)

    def due(self, ref: Ref) -> None:
        """Have the next attempt at a job begin as soon as it can."""
        self.dispatcher.carry_out(self.plan.due(ref, time.monotonic()))
        self.slots.fill_soon()

    def _finish_job(
        self, attempt: Attempt, status: Status, reason: str, records: Sequence[Record]
    ) -> None:
        job, at = attempt.job, time.time()
        record = job.record()._replace(status=status, reason=reason, finished=at)
        self.runs.save(attempt.ref[0], status, record, *records)
        job.move(status, at, reason)  # what cannot be saved has not ended so
        self.dispatcher.carry_out(
            self.plan.ended(attempt.ref, status, time.monotonic())
        )


def _move_to_running(job: JobState, at: float) -> None:
    """Catch up with a job that has started, or has even ended: in a chain, it may not
    be known yet that what it needed has ended.
    """
    if job.status is Status.BLOCKED:
        job.move(Status.PENDING, at)

    if job.status is not Status.RUNNING:
        job.move(Status.RUNNING, at)
