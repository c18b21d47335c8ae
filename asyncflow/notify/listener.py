"""A listener: is told what happens in runs, by notifications."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

import attrs

from asyncflow.entities.job import Job
from asyncflow.entities.submission import Run, Submission, handle_of, job_handle_of
from asyncflow.log import logger as _logger
from asyncflow.runs.watchers import Report

if TYPE_CHECKING:
    from asyncflow.events import EntityEvent, Event


class Listener(ABC):
    """Somebody who is told what happens in runs.

    Its methods are called on the event loop. They are short, and never raise.
    """

    __slots__ = ()

    @property
    def is_full(self) -> bool:
        """Whether it should have its turn on the event loop before it is told more."""
        return False

    def run_started(self, submission: Submission) -> None:  # noqa: B027  # few care
        """Take note of a run that begins, in the context of who submits it.

        Nothing of it is durable yet.
        """

    @property
    def does_trace(self) -> bool:
        """Whether it has traces: it alone is asked about each job that runs."""
        return type(self).traceparent is not Listener.traceparent

    def traceparent(self, job: Job) -> str | None:  # noqa: ARG002
        """Return what continues the trace of a job where it runs; None for nothing."""
        return None

    @property
    def wants_entities(self) -> bool:
        """Whether it is told what happens to entities; see `entity_changed`."""
        return False

    def entity_changed(self, event: EntityEvent) -> None:  # noqa: B027  # few care
        """Take note of what has happened to an entity, and is durable.

        Not of what runs here do: their events tell that, see `notify.entities.told_by`.
        """

    @abstractmethod
    def wants(self, kind: type[Event] | None) -> bool:
        """Tell whether it is told such an event; None is a change that is none.

        It may be asked once for all events of that kind.
        """

    @abstractmethod
    def take(self, notification: Notification) -> None:
        """Take something that has happened."""

    @abstractmethod
    def end(self, failure: Exception | None) -> None:
        """Take note that nothing more will be told.

        :param failure: why what has happened since cannot be durable; None for the end
            of the orchestrator
        """


@attrs.define(eq=False, repr=False)
class Notification:
    """Something that has happened in a run, and who wanted to know it then."""

    run: Run
    subject: int | Report
    """Its place in the history, or what is in none."""
    listeners: Sequence[Listener]
    _event: Event | None = attrs.field(init=False, default=None)

    @property
    def event(self) -> Event | None:
        """The event, made once; None for a change that is none."""
        if self._event is None:
            from asyncflow.runs.run_events import event_of

            self._event = event_of(self.run, self.subject)

        return self._event

    @property
    def key(self) -> Hashable:
        """What it has in common with what makes it old news; itself for most."""
        return self if isinstance(self.subject, int) else self.subject.key

    @property
    def submission(self) -> Submission:
        """The submission."""
        return handle_of(self.run)

    @property
    def job(self) -> Job | None:
        """The job as it was then; None for something of the submission itself."""
        subject = self.subject

        if not isinstance(subject, int):
            return job_handle_of(self.run, subject.job)

        place, status, at, reason = self.run.history[subject]

        if place is None or status is None:
            return None

        job = self.run.job(place).as_of(status, at, reason)
        return job_handle_of(self.run, job)

    def deliver(self) -> None:
        """Tell those who wanted to know it."""
        for listener in self.listeners:
            try:
                listener.take(self)
            except Exception as error:
                log_failure(listener, error)


def log_failure(listener: Listener, error: Exception) -> None:
    """Log what a listener has raised: runs go on, and others are told."""
    _logger.error("the listener %r failed", listener, exc_info=error)
