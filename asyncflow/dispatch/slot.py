"""A slot: runs one batch after the other."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Protocol

import attrs
from anyio import CancelScope, CapacityLimiter, to_thread

from asyncflow.abc import Call, Crashed, Executor, Made, Outcome, Returned, StoredValue
from asyncflow.dispatch.attempt import Attempt, Tracer, call_of, read_by
from asyncflow.dispatch.batch import Batch, BatchListener
from asyncflow.dispatch.echo import Echo
from asyncflow.dispatch.running_marks import RunningMarks
from asyncflow.dispatch.store_retry import retry_until_available
from asyncflow.dispatch.suspects import waiting_file
from asyncflow.entities.submission import job_handle_of
from asyncflow.gc_pause import full_collections
from asyncflow.log import logger as _logger
from asyncflow.task_group import Tasks, is_canceled
from asyncflow.values.files import remove
from asyncflow.values.versions import Versions

if TYPE_CHECKING:
    from asyncflow.dispatch.batching import Batcher
    from asyncflow.dispatch.live_echo import Live

_is_over = attrgetter("is_over")

LARGE = 16
"""How many jobs a batch has after which the next waits for a turn of the event loop."""


class BatchSource(BatchListener, Protocol):
    """Where jobs come from."""

    batcher: Batcher
    """Says which jobs get a slot, and what follows on it."""


class AllSlots(Protocol):
    """All slots, and what each works with.

    :param executors: by name
    :param echo: shows what jobs print in other processes
    :param live: does so while they run; None where that is not wanted
    :param tracer: gives the trace that a job continues
    """

    source: BatchSource
    versions: Versions
    marks: RunningMarks
    executors: Mapping[str, Executor]
    limiter: CapacityLimiter
    echo: Echo
    live: Live | None
    group: Tasks
    tracer: Tracer

    def fill(self) -> None:
        """Start slots while jobs are ready and tokens are free."""

    async def turn(self) -> None:
        """Return in a turn of the event loop in which no other slot gets a large batch."""

    def fill_soon(self) -> None:
        """Fill them at the end of the event loop's turn."""

    def shrink_soon(self) -> None:
        """Have the processes end that there are no slots for, in the background."""

    def ended(self, slot: Slot) -> None:
        """Take note that a slot runs nothing any more."""


@attrs.define(eq=False, repr=False)
class Slot:
    """Runs batches, with a token of the limiter.

    While a batch is under way that ends in the middle of a chain, the next one is got
    ready. It is sent before the jobs of the first one are completed, so that the worker
    hardly waits.
    """

    slots: AllSlots
    prefetched: list[Attempt] = attrs.field(init=False, factory=list)
    """The batch that is got ready; some of it may have been given back since."""
    _prefetched_calls: list[Call] = attrs.field(init=False, factory=list)
    """The calls of those ahead but for the first, whose input was not there yet."""
    _batch: Batch | None = attrs.field(init=False, default=None)
    """The last batch: some of it may be deferred."""
    _scope: CancelScope | None = attrs.field(init=False, default=None)
    """What ends the executor's work on it; None while it does none."""
    _look: asyncio.Handle | None = attrs.field(init=False, default=None)
    """Looks for the next batch."""
    _puts_off: bool = attrs.field(init=False, default=False)
    """Whether full garbage collections wait, as its batches have several jobs."""

    async def work(self, attempts: Sequence[Attempt]) -> None:
        """Run one batch after the other, until none is ready."""
        limiter, batcher = self.slots.limiter, self.slots.source.batcher

        try:
            while attempts:
                if self._puts_off is not (len(attempts) > 1):
                    self._puts_off = full_collections.switch(wait=not self._puts_off)

                await self.run(attempts)

                if limiter.borrowed_tokens > limiter.total_tokens:
                    self.give_back()
                    self.slots.shrink_soon()
                    break  # there are fewer slots now

                if len(attempts) >= LARGE and not self.prefetched:
                    await self.slots.turn()

                prefetched = self.next_batch() if self.prefetched else None
                attempts = prefetched or batcher.next_batch(int(limiter.total_tokens))
                self.slots.fill()
        except Exception as error:  # who has a slot then, nobody knows
            self.slots.group.fail(error)
        finally:
            if self._puts_off:
                full_collections.let_go()

            self.close()
            self.slots.ended(self)

    def late_end(self) -> None:
        """Have slots look for jobs: the executor of one that has ended may be done."""
        self.slots.fill_soon()

    def next_batch(self) -> list[Attempt]:
        """Return the batch that is got ready: those of it that were not given back
        since; none where what they need has not ended.
        """
        prefetched, last = self._still_prefetched(), self._batch

        if prefetched and not (
            last is not None and (last.deferred or last.attempts[-1].is_over)
        ):
            self.give_back()
            return []

        return prefetched

    def give_back(self) -> None:
        """Give the batch back that is got ready."""
        if self._batch is not None:
            self._batch.complete_deferred()

            for attempt in reversed(self._still_prefetched()):
                self._batch.give_back(attempt)

    def close(self) -> None:
        """Complete what is deferred, and forget the last batch.

        Slot and batch know each other: together they would keep the code and the values
        that were sent until the next garbage collection.
        """
        batch, self._batch = self._batch, None

        if batch is not None and batch.deferred is not None:
            batch.complete_deferred()

    def has(self, attempt: Attempt) -> bool:
        """Tell whether a job is in the batch that is under way."""
        return self._batch is not None and attempt in self._batch.attempts

    def end(self) -> None:
        """End the batch that is under way: its executor is cancelled."""
        if self._scope is not None:
            self._scope.cancel()

    async def run(self, attempts: Sequence[Attempt]) -> None:
        """Run the jobs of one batch."""
        before = self._batch
        batch = self._batch = Batch(
            self.slots.source,
            attempts,
            self.slots.echo,
            self.slots.live,
            self.slots.group,
            self,
        )

        left = attempts

        try:
            with CancelScope() as self._scope:
                if self._must_prepare(attempts[0]):
                    await self._run_prepared(batch, before)
                elif any(map(_is_over, attempts)):
                    await self._run_some(batch, before)
                else:
                    await self._send(attempts, batch, before)

            if (left := batch.unreported()) or batch.violation:
                self._check_reported(left, batch)
        except (Exception, SystemExit) as error:
            _complete(before)
            self._crash(batch, f"its executor raised {error!r}", error)
        except asyncio.CancelledError as error:
            if is_canceled():
                raise

            _complete(before)
            self._crash(batch, f"its executor raised {error!r}", error)
        finally:
            if self._look is not None:
                self._look.cancel()

            if before is not None and before.deferred is not None:
                before.complete_deferred()

            if left:
                for attempt in reversed(batch.unreported()):
                    batch.give_back(attempt)

    def _crash(
        self, batch: Batch, why: str, error: BaseException | None = None
    ) -> None:
        """Have the first job crash of which no end was told; the others run again."""
        for attempt in batch.unreported()[:1]:
            if error is not None:
                _logger.error("%s: %s", attempt.job_id, why, exc_info=error)

            batch.end(attempt, Crashed(None, why))

    def _must_prepare(self, first: Attempt) -> bool:
        """Tell whether there is something to wait for before jobs are sent."""
        versions = self.slots.versions
        return (
            versions.sharing.is_shared
            or versions.cache.has_evicted
            or first.run.crashes > 0
            # Of the others, those that may share a batch need no mark.
            or (not first.spec.can_share_batch and first.must_be_marked)
        )

    async def _run_prepared(self, batch: Batch, before: Batch | None) -> None:
        """Run the jobs of a batch once all is there that they need."""
        first = batch.attempts[0]

        try:
            try:
                await self._prepare(batch.attempts)
            except Exception as error:
                _complete(before)
                self._crash(batch, f"it could not be started: {error!r}", error)
                return

            await self._run_some(batch, before)
        finally:
            if (file := first.waiting_file) is not None:
                with CancelScope(shield=True):
                    await to_thread.run_sync(remove, [file])

    async def _run_some(self, batch: Batch, before: Batch | None) -> None:
        """Run those jobs of a batch that were not given back meanwhile."""
        if left := [attempt for attempt in batch.attempts if not attempt.is_over]:
            await self._send(left, batch, before)

    async def _prepare(self, attempts: Sequence[Attempt]) -> None:
        slots, versions = self.slots, self.slots.versions

        if versions.is_shared:
            for attempt in attempts:
                nodes = attempt.task.input.values()
                await retry_until_available(
                    partial(versions.stored.refresh_shared, nodes)
                )

        first = attempts[0]
        executor = slots.executors[first.spec.executor]

        if first.run.crashes:  # it ran when we die soon: not if we wait for this
            await executor.warm(1)

        if executor.removes_files and (
            first.run.crashes or (first.must_be_marked and executor.may_wait)
        ):
            await self._make_waiting_file(first)

        if first.must_be_marked and not first.is_over:
            slots.source.started(first, None)
            await slots.marks.mark_not_rerunnable(attempts)

        if versions.cache.has_evicted:  # last: it may be evicted again
            pairs = [pair for attempt in attempts for pair in read_by(attempt)]
            await retry_until_available(partial(versions.load, pairs))

    async def _make_waiting_file(self, attempt: Attempt) -> None:
        """Have it known that its call has not begun."""
        owner_id, place = self.slots.versions.holder_id, attempt.ref[1]
        name = waiting_file(owner_id, attempt.run, place)
        path = os.path.join(self.slots.versions.folder, name)

        with suppress(OSError):  # then it counts as begun
            await to_thread.run_sync(_touch, path)
            attempt.waiting_file = path

    def _send(
        self, attempts: Sequence[Attempt], batch: Batch, before: Batch | None
    ) -> Awaitable[None]:
        """Give jobs to their executor; it runs them as long as this is awaited."""
        first = attempts[0]
        executor = self.slots.executors[first.spec.executor]
        calls = (
            self._calls(attempts, before)
            if self.prefetched
            else self._calls_from(0, attempts)
        )
        self.prefetched, self._prefetched_calls = [], []

        if first.waiting_file is not None:
            calls[0] = calls[0]._replace(waiting_file=first.waiting_file)

        for attempt, call in zip(attempts, calls, strict=True):
            attempt.call = call

        batch.attempts, batch.calls = attempts, calls

        if executor.max_batch > 1 and calls[0].is_short:
            loop = asyncio.get_running_loop()
            # Both are done as soon as the calls are sent.

            if before is not None and before.deferred is not None:
                loop.call_soon(before.complete_deferred)

            last = attempts[-1]

            if last.run.dag.successors[last.ref[1]]:
                self._look = loop.call_soon(self._prefetch, last, executor)

        return executor.run(calls, batch)

    def _prefetch(self, last: Attempt, executor: Executor) -> None:
        """Get the next batch ready: what follows the last job of this one."""
        if last.is_over or self.slots.versions.cache.has_evicted:
            return

        if not (prefetched := self.slots.source.batcher.links_after(last, executor)):
            return

        try:
            self._prefetched_calls = self._calls_from(1, prefetched)
        except Exception as error:
            self.slots.source.failed(prefetched, error)
        else:
            self.prefetched = prefetched

    def _still_prefetched(self) -> list[Attempt]:
        return [attempt for attempt in self.prefetched if not attempt.is_over]

    def may_defer(
        self, attempts: Sequence[Attempt], outcomes: Sequence[Outcome]
    ) -> bool:
        """Tell whether jobs may be completed when the next batch is sent: that is
        ready.
        """
        last = outcomes[-1] if outcomes else None
        return (
            not self.prefetched[0].is_over
            and attempts[-1].next_in_chain is self.prefetched[0]
            and isinstance(last, Returned)
            and {*map(type, last.kept)} == {bytes}
            and {*map(type, outcomes)} == {Returned}
        )

    def _calls(self, attempts: Sequence[Attempt], before: Batch | None) -> list[Call]:
        """Describe the jobs of a batch: most are known that were got ready."""
        if attempts[0] is self.prefetched[0]:
            first = self._calls_from(
                0, attempts[:1], before.deferred_values() if before is not None else {}
            )
            return [*first, *self._prefetched_calls[: len(attempts) - 1]]

        return self._calls_from(0, attempts)

    def _calls_from(
        self,
        start: int,
        attempts: Sequence[Attempt],
        values: Mapping[str, StoredValue] = {},
    ) -> list[Call]:
        """Describe the jobs of a batch, from one on.

        :param values: of data nodes whose jobs are not completed yet
        """
        tracer = self.slots.tracer
        made: dict[str, StoredValue | Made] = dict(values)
        calls = []

        for index, attempt in enumerate(attempts):
            if index >= start:
                carrier = None

                if tracer.carriers:
                    handle = job_handle_of(attempt.run, attempt.job)
                    carrier = tracer.carrier(handle)

                calls.append(call_of(attempt, self.slots.versions, made, carrier))

            if attempt.next_in_chain is not None:
                for place, node in enumerate(attempt.task.output.values()):
                    made[node.id] = index, place

        return calls

    def _check_reported(self, left: Sequence[Attempt], batch: Batch) -> None:
        """Have a job fail rather than run again and again where nothing was told.

        :param left: those of which no end was told
        """
        if batch.violation:
            self._crash(batch, f"its executor told {batch.violation}")
        elif len(left) == len(batch.calls) and not any(
            attempt.verdict or attempt.is_recalled for attempt in left
        ):
            self._crash(batch, "its executor told no outcome")


def _complete(batch: Batch | None) -> None:
    """Complete the jobs of a batch where that was deferred."""
    if batch is not None:
        batch.complete_deferred()


def _touch(path: str) -> None:
    """Make a file. Blocks."""
    os.close(os.open(path, os.O_CREAT | os.O_CLOEXEC, 0o600))
