"""A slot: runs one batch after the other."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Protocol

import attrs
from anyio import CancelScope, to_thread

from asyncflow.abc import Call, Crashed, Executor, Made, Outcome, Returned, StoredValue
from asyncflow.dispatch.attempt import Attempt, call_of, read_by
from asyncflow.dispatch.batch import Batch, BatchListener
from asyncflow.dispatch.echo import Echo
from asyncflow.dispatch.running_marks import RunningMarks
from asyncflow.dispatch.store_retry import retry_until_available
from asyncflow.dispatch.suspects import waiting_file
from asyncflow.entities.job import Job
from asyncflow.entities.submission import job_handle_of
from asyncflow.log import logger as _logger
from asyncflow.task_group import Tasks, is_canceled
from asyncflow.values.garbage import remove
from asyncflow.values.versions import Versions

if TYPE_CHECKING:
    from asyncflow.dispatch.live_echo import Live


class BatchSource(BatchListener, Protocol):
    """Where jobs come from."""

    def next_batch(self, slots: int) -> list[Attempt]:
        """Give a slot to the jobs whose turn it is; there may be none.

        :param slots: how many slots there are in all
        """

    def links_after(self, last: Attempt, max_size: int) -> list[Attempt]:
        """Give the slot of a job that is under way to the next links of its chain,
        unless somebody else waits for one.
        """


@attrs.define(eq=False, repr=False)
class Tracer:
    """What goes with each job to where it runs, so that its trace goes on there."""

    carriers: list[Callable[[Job], str | None]] = attrs.field(factory=list)
    """Give the ``traceparent`` of a job, each; none where nobody traces."""

    def carrier(self, job: Job) -> str | None:
        """Return what continues the trace of a job: of those who have it, the first's.

        What one raises is logged: the job runs without.
        """
        for carrier in self.carriers:
            try:
                if found := carrier(job):
                    return found
            except Exception as error:
                _logger.error(
                    "the trace of %s is not continued", job.id, exc_info=error
                )

        return None


@attrs.define(eq=False, repr=False)
class Slot:
    """Runs batches.

    While a batch is under way that ends in the middle of a chain, the next one is got
    ready. It is sent before the jobs of the first one are completed, so that the worker
    hardly waits.

    :param executors: by name
    :param echo: shows what jobs print in other processes
    :param live: does so while they run; None where that is not wanted
    :param tracer: gives the trace that a job continues
    :param on_late_end: is called when a job has ended whose executor may be done
        already
    """

    source: BatchSource
    versions: Versions
    marks: RunningMarks
    executors: Mapping[str, Executor]
    echo: Echo
    live: Live | None
    group: Tasks
    tracer: Tracer
    on_late_end: Callable[[], None]
    _prefetched: list[Attempt] = attrs.field(init=False, factory=list)
    _prefetched_calls: list[Call] = attrs.field(init=False, factory=list)
    """The calls of those ahead but for the first, whose input was not there yet."""
    _batch: Batch | None = attrs.field(init=False, default=None)
    """The last batch: some of it may be deferred."""
    _scope: CancelScope | None = attrs.field(init=False, default=None)
    """What ends the executor's work on it; None while it does none."""

    def next_batch(self) -> list[Attempt]:
        """Return the batch that is got ready: those of it that were not given back
        since; none where what they need has not ended.
        """
        prefetched = self._still_prefetched()

        if (
            prefetched
            and not (self._batch and self._batch.deferred)
            and not self._is_completed()
        ):
            self.give_back()
            return []

        return prefetched

    def give_back(self) -> None:
        """Give the batch back that is got ready."""
        self._complete(self._batch)

        if self._batch is not None:
            for attempt in reversed(self._still_prefetched()):
                self._batch.give_back(attempt)

    def close(self) -> None:
        """Complete what is deferred, and forget the last batch.

        Slot and batch know each other: together they would keep the code and the values
        that were sent until the next garbage collection.
        """
        self._complete(self._batch)
        self._batch = None

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
            self.source,
            attempts,
            self.echo,
            self.live,
            self.group,
            self.on_late_end,
            self._may_defer,
        )

        try:
            await self._start(attempts, batch, before)
        except (Exception, SystemExit) as error:
            self._complete(before)
            self._crash(batch, f"its executor raised {error!r}", error)
        except asyncio.CancelledError as error:
            if is_canceled():
                raise

            self._complete(before)
            self._crash(batch, f"its executor raised {error!r}", error)
        finally:
            self._complete(before)

            for attempt in reversed(batch.unreported()):
                batch.give_back(attempt)

    async def _start(
        self, attempts: Sequence[Attempt], batch: Batch, before: Batch | None
    ) -> None:
        try:
            await self._prepare(attempts)
        except Exception as error:
            self._complete(before)
            self._crash(batch, f"it could not be started: {error!r}", error)
            return

        left = [attempt for attempt in attempts if not attempt.is_over]

        try:
            if left:
                with CancelScope() as self._scope:
                    await self._run(left, batch, before)

                self._check_reported(left, batch)
        finally:
            if (file := attempts[0].waiting_file) is not None:
                with CancelScope(shield=True):
                    await to_thread.run_sync(remove, [file])

    def _crash(
        self, batch: Batch, why: str, error: BaseException | None = None
    ) -> None:
        """Have the first job crash of which no end was told; the others run again."""
        for attempt in batch.unreported()[:1]:
            if error is not None:
                _logger.error("%s: %s", attempt.job_id, why, exc_info=error)

            batch.end(attempt, Crashed(None, why))

    async def _prepare(self, attempts: Sequence[Attempt]) -> None:
        if self.versions.is_shared:
            for attempt in attempts:
                nodes = attempt.task.input.values()
                await retry_until_available(
                    partial(self.versions.stored.refresh_shared, nodes)
                )

        first = attempts[0]

        if first.submission.crashes:  # it ran when we die soon: not if we wait for this
            await self.executors[first.spec.executor].warm(1)

            if self.executors[first.spec.executor].removes_files:
                await self._make_waiting_file(first)

        if first.must_be_marked and not first.is_over:
            self.source.started(first, None)
            await self.marks.mark_not_rerunnable(attempts)

        if self.versions.cache.has_evicted:  # last: it may be evicted again
            pairs = [pair for attempt in attempts for pair in read_by(attempt)]
            await retry_until_available(partial(self.versions.load, pairs))

    async def _make_waiting_file(self, attempt: Attempt) -> None:
        """Have it known of a suspect that its call has not begun."""
        owner_id, place = self.versions.holder_id, attempt.ref[1]
        name = waiting_file(owner_id, attempt.submission, place)
        path = os.path.join(self.versions.folder, name)

        with suppress(OSError):  # then it counts as begun
            await to_thread.run_sync(_touch, path)
            attempt.waiting_file = path

    async def _run(
        self, attempts: Sequence[Attempt], batch: Batch, before: Batch | None
    ) -> None:
        executor = self.executors[attempts[0].spec.executor]
        calls = self._calls(attempts, before)
        self._prefetched, self._prefetched_calls = [], []

        if (file := attempts[0].waiting_file) is not None:
            calls[0] = calls[0]._replace(waiting_file=file)

        for attempt, call in zip(attempts, calls, strict=True):
            attempt.call = call

        if executor.max_batch == 1 or not attempts[0].spec.duration.is_short:
            await executor.run(calls, batch)
            return

        loop = asyncio.get_running_loop()
        # Both are done as soon as the calls are sent.
        loop.call_soon(self._complete, before)
        look = loop.call_soon(self._prefetch, attempts[-1], executor.max_batch)

        try:
            await executor.run(calls, batch)
        finally:
            look.cancel()

    def _prefetch(self, last: Attempt, max_size: int) -> None:
        """Get the next batch ready: what follows the last job of this one."""
        if last.is_over or self.versions.cache.has_evicted:
            return

        prefetched = self.source.links_after(last, max_size)

        try:
            self._prefetched_calls = self._calls_from(1, prefetched)
        except Exception as error:
            self.source.failed(prefetched, error)
        else:
            self._prefetched = prefetched

    def _still_prefetched(self) -> list[Attempt]:
        return [attempt for attempt in self._prefetched if not attempt.is_over]

    def _is_completed(self) -> bool:
        """Tell whether the last job of the last batch is completed."""
        return self._batch is not None and self._batch.attempts[-1].is_over

    def _may_defer(
        self, attempts: Sequence[Attempt], outcomes: Sequence[Outcome]
    ) -> bool:
        """Tell whether jobs may be completed when the next batch is sent: that is
        ready.
        """
        last = outcomes[-1] if outcomes else None
        return (
            bool(self._prefetched)
            and not self._prefetched[0].is_over
            and attempts[-1].next_in_chain is self._prefetched[0]
            and isinstance(last, Returned)
            and {*map(type, last.kept)} == {bytes}
            and {*map(type, outcomes)} == {Returned}
        )

    def _complete(self, batch: Batch | None) -> None:
        """Complete jobs whose completion was deferred."""
        if batch is not None:
            batch.complete_deferred()

    def _calls(self, attempts: Sequence[Attempt], before: Batch | None) -> list[Call]:
        if self._prefetched and attempts[0] is self._prefetched[0]:
            first = self._calls_from(0, attempts[:1], _deferred_values(before))
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
        tracer = self.tracer
        made: dict[str, StoredValue | Made] = dict(values)
        calls = []

        for index, attempt in enumerate(attempts):
            if index >= start:
                carrier = self._carrier(attempt) if tracer.carriers else None
                calls.append(call_of(attempt, self.versions, made, carrier))

            if attempt.next_in_chain is not None:
                for place, node in enumerate(attempt.task.output.values()):
                    made[node.id] = index, place

        return calls

    def _carrier(self, attempt: Attempt) -> str | None:
        return self.tracer.carrier(job_handle_of(attempt.submission, attempt.job))

    def _check_reported(self, attempts: Sequence[Attempt], batch: Batch) -> None:
        """Have a job fail rather than run again and again where nothing was told."""
        if batch.violation:
            self._crash(batch, f"its executor told {batch.violation}")
        elif len(batch.unreported()) == len(attempts) and not any(
            attempt.verdict for attempt in attempts
        ):
            self._crash(batch, "its executor told no outcome")


def _deferred_values(batch: Batch | None) -> Mapping[str, StoredValue]:
    """Return what the last job of a batch has made, by data node, where it is
    deferred.
    """
    if batch is None or batch.deferred is None:
        return {}

    attempts, outcomes = batch.deferred
    last = outcomes[-1]
    nodes = attempts[-1].task.output.values()
    assert isinstance(last, Returned)
    return {node.id: kept for node, kept in zip(nodes, last.kept, strict=True)}


def _touch(path: str) -> None:
    """Make a file. Blocks."""
    os.close(os.open(path, os.O_CREAT | os.O_CLOEXEC, 0o600))
