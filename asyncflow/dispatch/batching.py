"""Batching: which jobs get the next slot.

One job, or several that are known to be short: those whose turn it is, and the next
links of their chains. No slot takes more than its share of what is ready.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from asyncflow.abc import Executor, Store
from asyncflow.dispatch import skipping
from asyncflow.dispatch.attempt import Attempt
from asyncflow.dispatch.call_spec import CallSpec
from asyncflow.dispatch.runs import Runs
from asyncflow.plan.instructions import Instruction, Ref
from asyncflow.plan.plan import Plan
from asyncflow.status import Status

if TYPE_CHECKING:
    from asyncflow.fingerprint.fingerprint import Fingerprint


class Dispatcher(Protocol):
    """What does as the plan says."""

    def carry_out(self, instructions: Sequence[Instruction]) -> None:
        """Do what the plan says; an error in one run ends that run alone."""

    def is_stopping(self) -> bool:
        """Tell whether what runs is being cancelled."""


class FailedAttempts(Protocol):
    """What ends jobs with an error of ours."""

    def failed(self, attempts: Sequence[Attempt], error: Exception) -> None:
        """End jobs of one slot."""


class Batcher:
    """Gives slots to jobs; from then on these can be killed.

    :param attempts: the jobs that have a slot
    :param executors: by name
    """

    def __init__(
        self,
        plan: Plan,
        runs: Runs,
        store: Store,
        attempts: dict[Ref, Attempt],
        executors: Mapping[str, Executor],
        dispatcher: Dispatcher,
        in_flight: FailedAttempts,
    ) -> None:
        self.plan = plan
        self.runs = runs
        self.store = store
        self.attempts = attempts
        self.executors = executors
        self.dispatcher = dispatcher
        self.in_flight = in_flight
        self.is_held = False
        """Whether no job is started any more."""
        self.is_paused = False
        """Whether none is for now."""

    def next_batch(self, slots: int) -> list[Attempt]:
        """Give a slot to the jobs whose turn it is; there may be none.

        Those that would do nothing new are skipped on the way.

        :param slots: how many slots there are in all
        """
        ready = self.plan.ready
        batch: list[Attempt] = []

        if self.is_held or self.is_paused or not ready:
            return batch

        now = time.monotonic()

        if self.attempts and self._waits_for_more(ready, now):
            return batch

        while not batch:
            refs = self.plan.offered_together(1, now)

            if not refs:
                return batch

            self._assign_all(refs, batch)

        first = batch[0].spec
        executor = self.executors[first.executor]

        if executor.max_batch > 1 and first.can_share_batch and first.duration.is_short:
            share = 1

            if ready > 1:
                worth = _worthwhile_size(first, executor.batch_cost)
                share = max(worth, -(-ready // slots))

            self._fill(batch, executor, share, now)

        return batch

    def links_after(self, last: Attempt, executor: Executor) -> list[Attempt]:
        """Give the slot of a job that is under way to the next links of its chain,
        unless somebody else waits for one.

        :param executor: says how many share the batch at most
        """
        batch = [last]
        left, max_size = executor.max_batch_time, executor.max_batch

        if last.run.publish is not None:
            max_size = _listened(max_size)

        if self.is_held or self.is_paused or self.plan.ready:
            return []

        while (
            left > 0
            and len(batch) <= max_size
            and (link := self._next_in_chain(batch[-1]))
        ):
            batch.append(link)
            left -= link.spec.duration.seconds or 0.0

        return batch[1:]

    def _waits_for_more(self, ready: int, now: float) -> bool:
        """Tell whether what is ready waits for more.

        To send it would take longer than to run it, and jobs are under way that are over
        in a moment: others may become ready then.
        """
        ref = self.plan.next(now)

        if ref is None or self.plan.follower(ref) is not None:
            return False

        spec = self.runs.spec(ref)
        return (
            spec.can_share_batch
            and spec.duration.is_short
            and ready < _worthwhile_size(spec, Executor.batch_cost)
            and any(
                _is_over_soon(attempt.spec) and attempt.status is not Status.RUNNING
                for attempt in self.attempts.values()
            )
        )

    def _fill(
        self, batch: list[Attempt], executor: Executor, share: int, now: float
    ) -> None:
        """Add what may share the batch of a first job.

        :param executor: says how many share the batch at most
        :param share: how many of them may have been ready
        """
        like, max_size = batch[0].spec, executor.max_batch

        if batch[0].run.publish is not None:
            max_size = _listened(max_size)

        left = executor.max_batch_time - (like.duration.seconds or 0.0)
        share -= 1

        while left > 0 and (known := len(batch)) < max_size:
            if link := self._next_in_chain(batch[-1]):
                batch.append(link)
                left -= link.spec.duration.seconds or 0.0
                continue

            if share < 1 or not self.plan.ready:
                return

            count = min(
                share, max_size - known, _how_many_fit(left, like.duration.seconds)
            )
            is_chain = known > 1 and batch[-2].next_in_chain is batch[-1]
            # Of chains one at a time: the links of each come right after it.
            refs = self._offered_for_batch(
                like, min(1, count) if is_chain else count, now
            )
            share -= len(refs)

            if not refs:
                return

            self._assign_all(refs, batch)
            left -= sum(
                [attempt.spec.duration.seconds or 0.0 for attempt in batch[known:]]
            )

    def _offered_for_batch(self, like: CallSpec, count: int, now: float) -> list[Ref]:
        """Give slots to those that may share a batch, as long as it is their turn."""
        runs, specs = self.runs.by_number, self.runs.specs

        def accepts(ref: Ref) -> bool:
            number, place = ref
            spec = specs[number][runs[number].dag.kind_of[place]]
            return spec is like or _can_join(spec, like)

        return self.plan.offered_together(count, now, accepts)

    def _next_in_chain(self, last: Attempt) -> Attempt | None:
        """Give the same slot to the next link of a chain, if it may share its batch."""
        ref = self.plan.follower(last.ref)

        if ref is None:
            return None

        number, place = ref
        spec = self.runs.specs[number][last.run.dag.kind_of[place]]

        if not (spec.can_chain and _can_join(spec, last.spec)):
            return None

        self.plan.followed(ref)
        self.attempts[ref] = last.next_in_chain = link = Attempt(
            ref, last.run, spec, ""
        )
        return link

    def _assign_all(self, refs: Sequence[Ref], batch: list[Attempt]) -> None:
        number, attempts = 0, self.attempts

        for ref in refs:
            if ref[0] != number:  # mostly all are of one run
                number = ref[0]
                run, specs = self.runs.by_number[number], self.runs.specs[number]
                kinds = run.dag.kind_of

            spec = specs[kinds[ref[1]]]

            if spec.fingerprint is None:  # as it mostly is: fast
                attempts[ref] = attempt = Attempt(ref, run, spec, "")
                batch.append(attempt)
                continue

            try:
                reason = self._reason_to_run(ref, spec, spec.fingerprint)

                if not reason:
                    self._skip(ref)
            except Exception as error:
                self.in_flight.failed([self._assign(ref, spec, "")], error)
                continue

            if reason:
                batch.append(self._assign(ref, spec, reason))

    def _assign(self, ref: Ref, spec: CallSpec, reason: str) -> Attempt:
        attempt = Attempt(ref, self.runs.by_number[ref[0]], spec, reason)
        self.attempts[ref] = attempt
        return attempt

    def _reason_to_run(self, ref: Ref, spec: CallSpec, function: Fingerprint) -> str:
        """Say why a skippable job runs; ``""`` if it need not."""
        if spec.force:
            return "the run is forced"

        run = self.runs[ref[0]]
        return skipping.reason_to_run(run.tasks[ref[1]], function, run.pins)

    def _skip(self, ref: Ref) -> None:
        run = self.runs[ref[0]]
        job = run.job(ref[1])
        job.move(Status.SKIPPED, time.time(), skipping.NOTHING_NEW)
        task = run.tasks[ref[1]]
        skipping.reuse(task, run)
        basis = skipping.confirmed(task, run.pins)
        self.store.save(job.record(), *([basis] if basis else ()))
        self.dispatcher.carry_out(
            self.plan.ended(ref, Status.SKIPPED, time.monotonic())
        )


def _can_join(spec: CallSpec, like: CallSpec) -> bool:
    """Tell whether a job may share a batch."""
    return (
        spec.can_share_batch
        and spec.executor == like.executor
        and spec.duration.is_short
        and spec.pinned is like.pinned
    )


def _listened(max_size: int) -> int:
    """Tell how many jobs may share a batch where somebody listens to their run.

    The ends of a batch are taken in one turn of the event loop, and who listens has turns
    of his own in between.
    """
    return max(1, max_size // LISTENED)


def _is_over_soon(spec: CallSpec) -> bool:
    """Tell whether who waits for the end of a job waits for a moment."""
    duration = spec.duration
    return duration.is_short and (duration.seconds or 0.0) <= MOMENT


def _worthwhile_size(spec: CallSpec, cost: float) -> int:
    """Tell how many jobs are worth a batch of their own.

    :param cost: how much work is
    """
    return int(cost / (CALL_COST + (spec.duration.seconds or 0.0)))


def _how_many_fit(left: float, each: float | None) -> int:
    """Tell how many jobs fit into a time, all in seconds."""
    return 1 + int(left / each) if each else UNBOUNDED


CALL_COST = 0.00001
"""What a worker needs for a job beside its function, in seconds."""

LISTENED = 4
"""By what the largest batch is divided where somebody listens to a run."""

MOMENT = 0.0025
"""How long a job takes at most that others wait for, in seconds, rather than be sent alone."""

UNBOUNDED = 1_000_000
"""More than ever share a batch."""
