"""The view of a run of another orchestrator: what its owner tells of it, taken over."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol

import attrs
from anyio import Event

from asyncflow.abc import Progress
from asyncflow.entities.submission import Run
from asyncflow.records import AttemptRecord, JobRecord
from asyncflow.runs import restoring
from asyncflow.status import FINAL, AttemptKind, Status

_ERRORS = (ValueError, TypeError, LookupError, ArithmeticError, OSError, RecursionError)


class Unreadable(Exception):
    """What an orchestrator tells makes no sense here."""


class Driver(Protocol):
    """What drives runs here."""

    def drives(self, run: Run) -> bool:
        """Tell whether it drives a run."""


@attrs.define(eq=False, repr=False)
class RemoteView:
    """What is known here of a run that another orchestrator drives."""

    run: Run
    runs: Driver
    has_come: Event = attrs.field(init=False, factory=Event)
    """Tells that the handle is as the run is, as far as that can be known."""
    next: int = attrs.field(init=False, default=0)
    """The number of the first change that its owner has not told."""
    tells_end_only: bool = attrs.field(init=False, default=False)
    """Whether its owner can tell nothing but the end."""
    is_looked_up: bool = attrs.field(init=False, default=False)
    """Whether the store has something to tell."""
    is_told_its_end: bool = attrs.field(init=False, default=False)
    _owner_id: str = attrs.field(init=False, default="")

    @property
    def is_resolved(self) -> bool:
        """Whether the run is told of otherwise by now: it was adopted, or has ended."""
        return self.run.is_finished or self.runs.drives(self.run)

    def of(self, owner_id: str) -> None:
        """Take note of whose run it is: another owner begins anew what has not ended."""
        if self._owner_id == owner_id:
            return

        if self._owner_id:
            restoring.anew(self.run)

        self._owner_id = owner_id
        self.next = 0
        self.tells_end_only = False

    def take(self, line: bytes) -> None:
        """Take over a line that its owner has sent: all of it, or nothing.

        :raises Unreadable: where it makes no sense
        """
        try:
            message = json.loads(line)
            after, is_all, reason = (
                message["next"],
                message["is_all"],
                message["reason"],
            )
            steps = [self._step(*change) for change in message["news"]]

            if not isinstance(after, int) or not isinstance(reason, str | None):
                raise TypeError
        except _ERRORS as error:
            raise Unreadable(line[:100]) from error

        if self.is_resolved:
            return

        if reason:
            self.run.ending.cancel(reason)

        if self.run.is_paused is not (message.get("is_paused") is True):
            self.run.is_paused = not self.run.is_paused
            self.run.watchers.wake()

        for step in steps:
            step()

        self.next = after

        if is_all:
            self.has_come.set()

    def _step(
        self, place: int, status: str, at: float, reason: str, *more: Any
    ) -> Callable[[], None]:
        """Check one of the news; return what takes it over."""
        run = self.run

        if place not in range(len(run.tasks)):
            raise ValueError

        at, reason = _time(at), str(reason)

        if not status:
            number, (done, total, message) = more
            progress = Progress(_number(done), _number(total), str(message))
            return partial(restoring.came, run, place, int(number), progress, at)

        status = Status(status)

        if status in FINAL:
            record = _record(*more)

            if record.status is not status:
                raise ValueError

            return partial(restoring.ended_as, run, place, record)

        if more:
            number, kept = more
            attempt = None if kept is None else _attempt(*kept)
            return partial(
                restoring.tried, run, place, at, reason, int(number), attempt
            )

        return partial(restoring.went, run, place, status, at, reason)


def _record(facts: Any) -> JobRecord:
    record = JobRecord(*facts)
    return record._replace(
        status=Status(record.status),
        reason=str(record.reason),
        started=None if record.started is None else _time(record.started),
        finished=_time(record.finished),
        traceback=str(record.traceback),
        attempts=tuple(_attempt(*attempt) for attempt in record.attempts),
        cpu_seconds=_number(record.cpu_seconds),
        peak_rss=None if record.peak_rss is None else int(record.peak_rss),
        worker=None if record.worker is None else str(record.worker),
    )


def _attempt(*facts: Any) -> AttemptRecord:
    attempt = AttemptRecord(*facts)
    return AttemptRecord(
        int(attempt.number),
        None if attempt.started is None else _time(attempt.started),
        _time(attempt.ended),
        str(attempt.reason),
        str(attempt.traceback),
        AttemptKind(attempt.kind),
        int(attempt.crashes),
    )


def _time(value: Any) -> float:
    """Check seconds since the epoch: events have them as dates."""
    datetime.fromtimestamp(value, UTC)
    return float(value)


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
