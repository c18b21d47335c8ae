"""The bus: tells those who listen what happens in runs, once it is durable.

A change goes through as a submission and its place in that one's history. It is made an
event only for a listener that wants this kind. A run that nobody listens to does not know
the bus.

How far a job has come is in no history, and never on disk: a report waits only for what
has happened before. One that was not told yet gives its place to the next.

What happens to entities is told at once, by who has done it and knows that it is durable.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import (
    Callable,
    Coroutine,
    Hashable,
    Iterable,
    Iterator,
    Sequence,
)
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import attrs
from anyio import Event as Signal
from anyio import Lock
from anyio.lowlevel import checkpoint

from asyncflow.abc import Store
from asyncflow.entities.job import Job
from asyncflow.entities.submission import Run, Submission, handle_of, job_handle_of
from asyncflow.errors import NotOpen
from asyncflow.log import logger as _logger
from asyncflow.runs.run import Run as RunOf
from asyncflow.runs.watchers import Report
from asyncflow.task_group import Tasks

if TYPE_CHECKING:
    from asyncflow.events import EntityEvent, Event

Topic: TypeAlias = Run | str | None
"""What is listened to: one run, the runs of a scenario or of a part (its id), or all."""

Work: TypeAlias = Callable[[], Coroutine[Any, Any, None]]

TURN = 25
"""How many changes are told before others have their turn on the event loop."""


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
        """Tell whether it is told such an event; None is a change that is none."""

    @abstractmethod
    def take(self, notification: Notification) -> None:
        """Take something that has happened."""

    @abstractmethod
    def end(self, failure: Exception | None) -> None:
        """Take note that nothing more will be told.

        :param failure: why what has happened since cannot be durable; None for the end
            of the orchestrator
        """


class Elsewhere(Protocol):
    """Tells what others do to entities, until it is stopped."""

    async def run(self) -> None: ...

    async def ready(self) -> None:
        """Return when it listens, or cannot."""

    def stop(self) -> None: ...


class Others(Protocol):
    """Those who use the store, too."""

    def elsewhere(self, bus: Bus) -> Elsewhere | None:
        """Make what tells what they do to entities; None where there is nobody."""


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
                _tell(listener, error)


class Bus:
    """Between the runs of an orchestrator and those who listen to them."""

    def __init__(self, store: Store, group: Tasks) -> None:
        self.store = store
        self.group = group
        self._runs: set[Run] = set()
        self._listeners: dict[Topic, list[Listener]] = {}
        self._pending: OrderedDict[Hashable, Notification] = OrderedDict()
        """What was not told yet, in its order."""
        self._alarm = Signal()
        self._lock = Lock()
        self._of_entities: list[Listener] = []
        """Those who are told what happens to entities."""
        self.others: Others | None = None
        """Those who use the store, too."""
        self._elsewhere: Elsewhere | None = None
        self._is_running = False
        self._is_over = False

    def add(self, listener: Listener, topic: Topic = None) -> None:
        """Tell somebody what happens from now on.

        :raises NotOpen: where the orchestrator has been closed
        """
        if self._is_over:
            raise NotOpen("the orchestrator was closed: nothing happens there any more")

        if not self._is_running:
            self._is_running = True
            self.group.start_soon(self._run, on_error=self.fail)

        self._listeners.setdefault(topic, []).append(listener)
        self._update_publishers(topic)

        if listener.wants_entities:
            self._of_entities.append(listener)

    def remove(self, listener: Listener, topic: Topic = None) -> None:
        """Tell somebody nothing more."""
        listeners = self._listeners.get(topic, [])

        if listener in listeners:
            listeners.remove(listener)

            if not listeners:
                del self._listeners[topic]

            self._update_publishers(topic)

        if listener in self._of_entities:
            self._of_entities.remove(listener)

        if not self._of_entities and self._elsewhere is not None:
            self._elsewhere.stop()
            self._elsewhere = None

    async def hear_others(self, listener: Listener) -> None:
        """Return when what others do to entities is told, too, to who wants that.

        On cancel only the waiting ends.
        """
        if not listener.wants_entities:
            return

        if self._elsewhere is None and self.others is not None:
            self._elsewhere = self.others.elsewhere(self)

            if self._elsewhere is not None:
                self.group.start_soon(self._elsewhere.run)

        if self._elsewhere is not None:
            await self._elsewhere.ready()

    @property
    def is_full(self) -> bool:
        """Whether somebody should have his turn before he is told more of entities."""
        return any(listener.is_full for listener in self._of_entities)

    @property
    def hears_entities(self) -> bool:
        """Whether somebody is told what happens to entities."""
        return bool(self._of_entities)

    def tell(self, events: Iterable[EntityEvent]) -> None:
        """Tell what has happened to entities; see `asyncflow.notify.entities`."""
        for event in events:
            for listener in list(self._of_entities):
                try:
                    listener.entity_changed(event)
                except Exception as error:
                    _tell(listener, error)

    def forget(self, run: Run) -> None:
        """Forget those who listen to one run alone."""
        self._listeners.pop(run, None)

    def take(self, run: Run) -> None:
        """Take a run that begins here.

        What happened in an adopted run before is not told again.
        """
        self._runs.add(run)

        if not self._listeners:
            return

        self._update_publishers(run)

        for listener in list(self._listeners_to(run)):
            try:
                listener.run_started(handle_of(run))
            except Exception as error:
                _tell(listener, error)

        if run.publish is not None and not run.is_adopted:
            self._publish(run, 0)

    def leave(self, run: Run) -> None:
        """Let a run go that has ended, and those who listened to it alone."""
        self._runs.discard(run)
        self._listeners.pop(run, None)
        run.publish = run.publish_report = None

    def start(self, work: Work) -> bool:
        """Have something done for a listener; tell whether it will be."""
        is_open = not (self._is_over or self.group.is_failing)

        if is_open:
            self.group.start_soon(work)

        return is_open

    async def drain(self) -> None:
        """Return when all that has happened so far has been told.

        On cancel only the waiting ends: the rest is told later.
        """
        async with self._lock:
            while self._pending:
                await self._deliver(len(self._pending))

    def end(self) -> None:
        """Tell what is left, and that this was all."""
        self._is_over = True

        while self._pending:
            self._next().deliver()

        self._dismiss(None)

    def fail(self, error: Exception) -> None:
        """Tell that nothing more will be told, and why."""
        self._is_running = False
        self._pending.clear()
        self._dismiss(error)

    async def _run(self) -> None:
        while True:
            await self._alarm.wait()
            self._alarm = Signal()
            await self.drain()

    async def _deliver(self, count: int) -> None:
        """Tell what has gathered, after one flush.

        :param count: how much that is
        """
        try:
            if any(
                isinstance(change.subject, int) for change in self._pending.values()
            ):
                await self.store.flush()
        except Exception as error:
            self._pending.clear()
            self._dismiss(error)
            return

        for left in range(count, 0, -1):
            first = next(iter(self._pending.values()))

            if not left % TURN or any(listener.is_full for listener in first.listeners):
                await checkpoint()

            self._next().deliver()

    def _next(self) -> Notification:
        return self._pending.popitem(last=False)[1]

    def _dismiss(self, failure: Exception | None) -> None:
        listeners = list(chain.from_iterable(self._listeners.values()))
        self._listeners.clear()
        self._of_entities.clear()
        self._update_publishers(None)

        for listener in listeners:
            try:
                listener.end(failure)
            except Exception as error:
                _tell(listener, error)

    def _publish(self, run: Run, index: int) -> None:
        """Take a change in a run; told by the run itself."""
        from asyncflow.runs.run_events import kind_of

        kind = kind_of(index, run.history[index])
        listeners = [
            listener for listener in self._listeners_to(run) if _wants(listener, kind)
        ]

        if listeners:
            self._add(Notification(run, index, listeners))

    def _publish_report(self, run: Run, report: Report) -> None:
        """Take how far a job has come; told by its run itself."""
        topic = self._listeners_to(run)
        self._add(
            Notification(
                run,
                report,
                [listener for listener in topic if _wants_reports(listener)],
            )
        )

    def _add(self, notification: Notification) -> None:
        self._pending[notification.key] = notification
        self._alarm.set()

    def _listeners_to(self, run: Run) -> Iterator[Listener]:
        entity = run.entity
        whole: Topic = entity.scenario_id

        for topic in (None, whole, run):
            yield from self._listeners.get(topic, ())

        if entity.id != whole:
            yield from self._listeners.get(entity.id, ())

    def _update_publishers(self, topic: Topic) -> None:
        """See to it that runs tell what somebody listens to, and no more."""
        runs = {topic} & self._runs if isinstance(topic, RunOf) else self._runs

        for run in runs:
            listeners = list(self._listeners_to(run))
            reports = any(map(_wants_reports, listeners))
            run.publish = self._publish if listeners else None
            run.publish_report = self._publish_report if reports else None


def _wants_reports(listener: Listener) -> bool:
    from asyncflow.events import JobProgressed

    return _wants(listener, JobProgressed)


def _wants(listener: Listener, kind: type[Event] | None) -> bool:
    try:
        return listener.wants(kind)
    except Exception as error:
        _tell(listener, error)
        return False


def _tell(listener: Listener, error: Exception) -> None:
    """Log what a listener has raised: runs go on, and others are told."""
    _logger.error("the listener %r failed", listener, exc_info=error)
