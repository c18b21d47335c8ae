"""The bus: tells those who listen what happens in runs, once it is durable.

A change goes through as a submission and its place in that one's history. It is made an
event only for a listener that wants this kind. A run that nobody listens to does not know
the bus.

How far a job has come is in no history, and never on disk: a report waits only for what
has happened before. One that was not told yet gives its place to the next.

What happens to entities is told at once, by who has done it and knows that it is durable.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import (
    Callable,
    Coroutine,
    Hashable,
    Iterable,
    Iterator,
)
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import attrs
from anyio import Event as Signal
from anyio import Lock
from anyio.lowlevel import checkpoint

from asyncflow.abc import Store
from asyncflow.entities.submission import Run, handle_of
from asyncflow.errors import NotOpen
from asyncflow.notify.listener import Listener, Notification, log_failure
from asyncflow.runs.run import Run as RunOf
from asyncflow.runs.watchers import Report
from asyncflow.task_group import Tasks

if TYPE_CHECKING:
    from asyncflow.events import EntityEvent, Event

Topic: TypeAlias = Run | str | None
"""What is listened to: one run, the runs of a scenario or of a part (its id), or all."""

Work: TypeAlias = Callable[[], Coroutine[Any, Any, None]]

TURN = 5
"""How many events are told before others have their turn on the event loop."""

UNWANTED = 0.1
"""What a change costs that nobody wants to know, in events."""


class Wanting(dict["type[Event] | None", list[Listener]]):
    """Who of those that listen at a time wants which events, as far as that was asked."""

    def __init__(self, listeners: Iterable[Listener]) -> None:
        self.listeners: list[Listener] = list(listeners)

    def __missing__(self, kind: type[Event] | None) -> list[Listener]:
        found = [listener for listener in self.listeners if _wants(listener, kind)]
        self[kind] = found
        return found


@attrs.define(eq=False)
class Changes:
    """Changes that follow each other in the history of a run, and were not told yet."""

    run: Run
    first: int
    end: int
    wanting: Wanting

    def take(self) -> Notification | None:
        """Take the first; None where nobody wants to know it."""
        from asyncflow.runs.run_events import kind_of

        index = self.first
        self.first += 1
        listeners = self.wanting[kind_of(index, self.run.history[index])]
        return Notification(self.run, index, listeners) if listeners else None


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


class Bus:
    """Between the runs of an orchestrator and those who listen to them."""

    def __init__(self, store: Store, group: Tasks) -> None:
        self.store = store
        self.group = group
        self._runs: set[Run] = set()
        self._listeners: dict[Topic, list[Listener]] = {}
        self._wanting: dict[Run, Wanting] = {}
        self._pending: OrderedDict[Hashable, deque[Changes] | Notification]
        self._pending = OrderedDict()
        """What was not told yet, in its order: changes, and between them reports."""
        self._last: deque[Changes] | None = None
        """Where the next change goes; None where it does not follow others."""
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
        :raises TypeError: where it is no listener
        """
        if not isinstance(listener, Listener):
            raise TypeError(
                f"a listener is an asyncflow.Listener; got {listener!r:.100}: to have a "
                "function called, use `orchestrator.on(function)`"
            )

        if self._is_over:
            raise NotOpen("the orchestrator was closed: nothing happens there any more")

        if not self._is_running:
            self._is_running = True
            self.group.start_soon(self._run, on_error=self.fail)

        self._listeners.setdefault(topic, []).append(listener)
        self._wanting.clear()
        self._update_publishers(topic)

        if listener.wants_entities:
            self._of_entities.append(listener)

    def remove(self, listener: Listener, topic: Topic = None) -> None:
        """Tell somebody nothing more."""
        listeners = self._listeners.get(topic, [])

        if listener in listeners:
            listeners.remove(listener)
            self._wanting.clear()

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
                    log_failure(listener, error)

    def forget(self, run: Run) -> None:
        """Forget those who listen to one run alone."""
        self._listeners.pop(run, None)
        self._wanting.pop(run, None)

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
                log_failure(listener, error)

        if run.publish is not None and not run.is_adopted:
            self._publish(run, 0, 1)

    def leave(self, run: Run) -> None:
        """Let a run go that has ended, and those who listened to it alone."""
        self._runs.discard(run)
        self._listeners.pop(run, None)
        self._wanting.pop(run, None)
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
                await self._deliver()

    def end(self) -> None:
        """Tell what is left, and that this was all."""
        self._is_over = True
        self._last = None

        while self._pending:
            _, notification = self._take_next()

            if notification is not None:
                notification.deliver()

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

    async def _deliver(self) -> None:
        """Tell what has gathered, after one flush."""
        self._last = None  # what happens from now on may not be durable after that
        left, count = len(self._pending), 0.0

        try:
            if any(isinstance(changes, deque) for changes in self._pending.values()):
                await self.store.flush()
        except Exception as error:
            self._pending.clear()
            self._dismiss(error)
            return

        while left and self._pending:
            key, notification = self._take_next()
            left -= key not in self._pending

            if notification is None:
                count += UNWANTED
                is_full = False
            else:
                count += 1
                notification.deliver()
                listeners = notification.listeners
                is_full = any(listener.is_full for listener in listeners)

            if is_full or count >= TURN:
                count = 0.0
                await checkpoint()

    def _take_next(self) -> tuple[Hashable, Notification | None]:
        """Take the first change; None where nobody wants to know it.

        :returns: under which key it was, too: it is there no more once all under it are
            taken
        """
        key, changes = next(iter(self._pending.items()))

        if isinstance(changes, Notification):
            del self._pending[key]
            return key, changes

        first = changes[0]
        notification = first.take()

        if first.first == first.end:
            changes.popleft()

        if not changes:
            del self._pending[key]

        return key, notification

    def _dismiss(self, failure: Exception | None) -> None:
        listeners = list(chain.from_iterable(self._listeners.values()))
        self._last = None
        self._listeners.clear()
        self._of_entities.clear()
        self._update_publishers(None)

        for listener in listeners:
            try:
                listener.end(failure)
            except Exception as error:
                log_failure(listener, error)

    def _publish(self, run: Run, first: int, end: int) -> None:
        """Take changes in a run; told by the run itself."""
        if (wanting := self._wanting.get(run)) is None:
            wanting = self._wanting[run] = Wanting(self._listeners_to(run))

        if self._last is None:
            self._last = self._pending[object()] = deque()
            self._alarm.set()

        last = self._last[-1] if self._last else None

        if last is not None and last.wanting is wanting and last.end == first:
            last.end = end
        else:
            self._last.append(Changes(run, first, end, wanting))

    def _publish_report(self, run: Run, report: Report) -> None:
        """Take how far a job has come; told by its run itself."""
        topic = self._listeners_to(run)
        listeners = [listener for listener in topic if _wants_reports(listener)]
        self._pending[report.key] = Notification(run, report, listeners)
        self._last = None
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
        log_failure(listener, error)
        return False
