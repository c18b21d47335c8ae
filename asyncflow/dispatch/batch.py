"""A batch: jobs that share a slot, and what their executor tells of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from operator import attrgetter, is_
from typing import TYPE_CHECKING, Protocol

import attrs
from anyio import Event

from asyncflow.abc import (
    Call,
    Killed,
    Log,
    Outcome,
    Printed,
    Progress,
    Returned,
    Store,
    StoredValue,
    Watch,
)
from asyncflow.dispatch.attempt import Attempt
from asyncflow.dispatch.echo import Echo, Piece, logged, printed
from asyncflow.log import logger as _logger
from asyncflow.task_group import Tasks
from asyncflow.worker.streams import parts

if TYPE_CHECKING:
    from asyncflow.dispatch.live_echo import Live

_is_over, _log_of = attrgetter("is_over"), attrgetter("log")


class BatchListener(Protocol):
    """Who is told what becomes of the jobs of a batch."""

    store: Store
    """Where that is kept."""

    def started(self, attempt: Attempt, log: Log | None) -> None: ...

    def loading(self, attempt: Attempt) -> None: ...

    def called(self, attempt: Attempt) -> None: ...

    def reported(self, attempt: Attempt, progress: Progress) -> None: ...

    def ended(self, attempt: Attempt, outcome: Outcome) -> None: ...

    def all_ended(
        self, attempts: Sequence[Attempt], outcomes: Sequence[Outcome]
    ) -> None: ...

    def returned(self, attempt: Attempt) -> None: ...

    def failed(self, attempts: Sequence[Attempt], error: Exception) -> None:
        """End jobs with an error of ours: what was told of them could not be taken."""


class BatchOwner(Protocol):
    """The slot that runs a batch."""

    prefetched: list[Attempt]
    """The batch after it, as far as that is got ready."""

    def may_defer(
        self, attempts: Sequence[Attempt], outcomes: Sequence[Outcome]
    ) -> bool:
        """Tell whether jobs that have ended are completed by `complete_deferred`, where
        something is got ready.
        """

    def late_end(self) -> None:
        """Take note that a job has ended whose executor may be done already."""


@attrs.define(eq=False, repr=False)
class Batch(Watch):
    """Jobs that share a slot.

    What they printed is shown before they end, in their order, unless that takes too
    long. Nothing is raised here into the executor: what makes no sense is remembered,
    and what the listener raises ends the jobs that it concerns.

    :param echo: shows what they print
    :param live: does so while they run; None where that is not wanted
    """

    listener: BatchListener
    attempts: Sequence[Attempt]
    echo: Echo
    live: Live | None
    group: Tasks
    slot: BatchOwner
    deferred: tuple[Sequence[Attempt], Sequence[Outcome]] | None = attrs.field(
        init=False, default=None
    )
    """Those that have ended, and are completed a little later; see `Slot`."""
    calls: Sequence[Call] = attrs.field(init=False, default=())
    """What their executor was given; none before."""
    violation: str = attrs.field(init=False, default="")
    """What the executor told that makes no sense; ``""`` where all did."""
    _by_id: dict[str, Attempt] | None = attrs.field(init=False, default=None)
    """None until one is told of on its own."""
    _waiting: list[tuple[Attempt, Outcome]] = attrs.field(init=False, factory=list)
    """Those that have ended, from the first on whose output is not shown yet."""
    _shown: Event | None = attrs.field(init=False, default=None)
    """Set when there are none of these; None where nobody waits for that."""

    def started(self, call: Call, log: Log | None) -> None:
        if attempt := self._attempt_of(call):
            if log is not None and self.live is not None:
                self.live.begin(attempt, log)

            try:
                self.listener.started(attempt, log)
            except Exception as error:
                self._log("the start of %s could not be taken", attempt, error)

    def loading(self, call: Call) -> None:
        if attempt := self._attempt_of(call):
            self.listener.loading(attempt)

    def called(self, call: Call) -> None:
        if attempt := self._attempt_of(call):
            self.listener.called(attempt)

    def reported(self, call: Call, progress: Progress) -> None:
        if attempt := self._attempt_of(call):
            try:
                self.listener.reported(attempt, progress)
            except Exception as error:
                self._log("a report of %s could not be taken", attempt, error)

    def logged(self, call: Call, records: Sequence[bytes]) -> None:
        if attempt := self._attempt_of(call):
            for record in records:
                self.echo.put(logged(record, attempt))

    def ended(self, call: Call, outcome: Outcome) -> None:
        received: object = outcome

        if not isinstance(received, Outcome):
            self._note_violation(f"an outcome that is none: {received!r:.200}")
        elif attempt := self._attempt_of(call):
            self._ended(attempt, outcome, shows=call.code is not None)

    def all_ended(self, calls: Sequence[Call], outcomes: Sequence[Outcome]) -> None:
        if len(calls) != len(outcomes):
            self._note_violation(f"{len(outcomes)} outcomes of {len(calls)} jobs")
            return

        try:
            if self._waiting or self.live is not None or self._shows_any(outcomes):
                super().all_ended(calls, outcomes)
                return

            deferred = self._attempts_of(calls), outcomes
            is_deferred = bool(self.slot.prefetched) and self.slot.may_defer(*deferred)
        except (LookupError, AttributeError, TypeError) as error:
            self._note_violation(repr(error))
            return

        self.deferred = deferred

        if not is_deferred:
            self.complete_deferred()

    async def kept(self) -> None:
        self.complete_deferred()

        while self._waiting:
            self._shown = self._shown or Event()
            await self._shown.wait()

        await self.listener.store.flush()

    def complete_deferred(self) -> None:
        """Tell of those that were deferred; do nothing where that is done."""
        deferred, self.deferred = self.deferred, None

        if deferred is not None:
            try:
                self.listener.all_ended(*deferred)
            except Exception as error:
                self.listener.failed(deferred[0], error)

    def deferred_values(self) -> dict[str, StoredValue]:
        """Return what the last of those that are deferred has made, by data node."""
        if self.deferred is None:
            return {}

        attempts, outcomes = self.deferred
        last = outcomes[-1]
        nodes = attempts[-1].task.output.values()
        assert isinstance(last, Returned)
        return {node.id: kept for node, kept in zip(nodes, last.kept, strict=True)}

    def returned(self, calls: Sequence[Call]) -> None:
        for call in reversed(calls):  # each goes before all others
            if attempt := self._attempt_of(call):
                self.give_back(attempt)

    def give_back(self, attempt: Attempt) -> None:
        """Give a job back that has not run."""
        try:
            self.listener.returned(attempt)
        except Exception as error:
            self.listener.failed([attempt], error)

    def end(self, attempt: Attempt, outcome: Outcome) -> None:
        """Tell of one that has ended."""
        try:
            self.listener.ended(attempt, outcome)
        except Exception as error:
            self.listener.failed([attempt], error)

    def unreported(self) -> list[Attempt]:
        """Return those of which no end was told."""
        if all(map(_is_over, self.attempts)):
            return []

        deferred, _ = self.deferred or ((), ())

        if len(deferred) == len(self.attempts):
            return []

        left = [attempt for attempt in self.attempts if not attempt.is_over]
        reported = {
            id(attempt)
            for attempt in (*deferred, *(waiting for waiting, _ in self._waiting))
        }
        return [attempt for attempt in left if id(attempt) not in reported]

    def _attempt_of(self, call: Call) -> Attempt | None:
        """Return the job of a call; None for one that was not given to it."""
        attempt = self._ids().get(call.job_id)

        if attempt is None:
            self._note_violation(f"something of {call.job_id}, which it was not given")

        return attempt

    def _attempts_of(self, calls: Sequence[Call]) -> Sequence[Attempt]:
        """Return the jobs of calls.

        :raises LookupError: for one that was not given to it
        """
        if len(calls) == len(self.calls) and all(map(is_, calls, self.calls)):
            return self.attempts  # as it mostly is

        ids = self._ids()
        return [ids[call.job_id] for call in calls]

    def _ids(self) -> dict[str, Attempt]:
        if self._by_id is None:
            self._by_id = {attempt.job_id: attempt for attempt in self.attempts}

        return self._by_id

    def _ended(self, attempt: Attempt, outcome: Outcome, *, shows: bool) -> None:
        if self.live is not None:
            self.live.ended(attempt, outcome)

        if not self._waiting and not (shows and self._is_shown(outcome)):
            if self.live is not None:
                self.live.drop(attempt)

            self.end(attempt, outcome)
            return

        self._waiting.append((attempt, outcome))

        if len(self._waiting) == 1:
            self.group.start_soon(self._show, on_error=self._not_shown)

    async def _show(self) -> None:
        while self._waiting:
            attempt, outcome = self._waiting[0]

            if self._is_shown(outcome):
                pieces = [*self._pieces(attempt, outcome)]

                if self.live is not None:
                    pieces = [*await self.live.finish(attempt, outcome), *pieces]

                await self.echo.show(pieces)

            self.end(attempt, outcome)
            del self._waiting[0]
            self._tell_shown()
            self.slot.late_end()

    def _shows_any(self, outcomes: Sequence[Outcome]) -> bool:
        """Tell whether anything of jobs is to be shown; also where one has no outcome,
        which is found where they are told one by one.
        """
        try:
            return any(map(_log_of, outcomes)) and any(map(self._is_shown, outcomes))
        except AttributeError:
            return True

    def _is_shown(self, outcome: Outcome) -> bool:
        """Tell whether anything of a job is to be shown at its end, or is not yet."""
        log = outcome.log
        return log is not None and (
            self.echo.mode is not False or bool(log.records) or self.echo.is_busy
        )

    def _pieces(self, attempt: Attempt, outcome: Outcome) -> Iterator[Piece]:
        """Give what is shown of a job: its last records have their places in its log."""
        if (log := outcome.log) is None:
            return

        found = parts(_shown(outcome, log))
        records = deque(log.records)
        handled = sum(stream == "log" for stream, _ in found) - len(records)

        for stream, text in found:
            if stream != "log":
                if self.echo.mode is True:
                    yield printed(stream, text)
            elif handled > 0:
                handled -= 1
            elif records:
                yield logged(records.popleft(), attempt)

        for record in records:
            yield logged(record, attempt)

    def _not_shown(self, error: Exception) -> None:
        attempts = [attempt for attempt, _ in self._waiting]
        self._waiting.clear()
        self.listener.failed(attempts, error)
        self._tell_shown()
        self.slot.late_end()

    def _tell_shown(self) -> None:
        if self._shown is not None and not self._waiting:
            self._shown.set()
            self._shown = None

    def _note_violation(self, what: str) -> None:
        """Take note of nonsense: `Slot` has a job end for it."""
        if not self.violation:
            _logger.error("the executor of %s told %s", self.attempts[0].job_id, what)

        self.violation = self.violation or what

    def _log(self, problem: str, attempt: Attempt, error: Exception) -> None:
        _logger.error(problem, attempt.job_id, exc_info=error)


def _shown(outcome: Outcome, printed: Printed) -> str:
    """Return what is shown: not the stack of a job that was killed, which is kept."""
    if isinstance(outcome, Killed) and outcome.stack:
        return printed.text.partition(outcome.stack)[0]

    return printed.text
