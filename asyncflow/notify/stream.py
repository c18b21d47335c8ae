"""Streams: the events of all runs, for one reader."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Hashable, Sequence
from functools import cache
from types import TracebackType
from typing import Any, Generic, Self, TypeVar, cast

import attrs
from anyio import Event as Signal

from asyncflow.errors import EventsLost, UsageError
from asyncflow.events import EntityEvent, Event, JobProgressed
from asyncflow.notify.bus import Bus
from asyncflow.notify.listener import Listener, Notification

E = TypeVar("E", bound=Event | EntityEvent)
F = TypeVar("F", bound=Event | EntityEvent)
G = TypeVar("G", bound=Event | EntityEvent)
E_co = TypeVar("E_co", bound=Event | EntityEvent, covariant=True)


@attrs.define(eq=False, repr=False)
class EventBuffer(Listener, Generic[E_co]):
    """Holds events for a reader, and counts those that there was no room for."""

    kinds: tuple[type[Any], ...]
    size: int
    events: OrderedDict[Hashable, E_co] = attrs.field(init=False, factory=OrderedDict)
    lost: int = attrs.field(init=False, default=0)
    failure: Exception | None = attrs.field(init=False, default=None)
    is_open: bool = attrs.field(init=False, default=True)
    signal: Signal = attrs.field(init=False, factory=Signal)
    """Is set by the next event, and by the end."""

    @property
    def is_full(self) -> bool:
        """Whether the next event would be lost, and would be the first."""
        return len(self.events) >= self.size and not self.lost

    @property
    def wants_entities(self) -> bool:
        """Whether it holds events of entities."""
        return of_entities(self.kinds)

    def entity_changed(self, event: EntityEvent) -> None:
        """Hold an event of an entity, or count it as lost."""
        if isinstance(event, self.kinds):
            self._hold([(event, event)])

    def wants(self, kind: type[Event] | None) -> bool:
        """Tell whether it holds such events, or what they tell of entities."""
        return wanted(kind, self.kinds)

    def take(self, notification: Notification) -> None:
        """Hold an event and what it tells of entities, or count them as lost."""
        if not self.is_open:
            return

        self._hold(told(notification, self.kinds))

    def _hold(self, events: Sequence[tuple[Hashable, object]]) -> None:
        """Hold what is told at once: all of it where there is room for the first."""
        if not events:
            return

        has_room = len(self.events) < self.size or events[0][0] in self.events

        if self.lost or not has_room:
            self.lost += len(events)
            return

        for key, event in events:
            self.events[key] = cast(E_co, event)

        self.signal.set()

    def end(self, failure: Exception | None) -> None:
        """End after what it holds."""
        self.failure = failure
        self.is_open = False
        self.signal.set()


@attrs.define(eq=False, repr=False)
class EventStream(AsyncIterator[E_co], Generic[E_co]):
    """The events of every run of an orchestrator, from the moment it is entered.

    ``async with orchestrator.events(...) as events: async for event in events:``. It
    ends when the orchestrator is closed, after the last event.

    It holds some events for a reader that takes longer than they come. Where they become
    too many, the reader gets those it holds, then `EventsLost`, and nothing more. Of a
    job's progress it holds the newest alone.

    :raises EventsLost: while iterating, where the reader was too slow
    :raises StoreFailed: while iterating, where what happened could not be kept
    """

    _bus: Bus
    _buffer: EventBuffer[E_co]
    _was_entered: bool = attrs.field(init=False, default=False)

    async def __aenter__(self) -> Self:
        if self._was_entered:
            raise UsageError("these events were read already: call events() again")

        self._bus.add(self._buffer)
        self._was_entered = True

        try:
            await self._bus.hear_others(self._buffer)
        except BaseException:
            self._close()
            raise

        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close()

    async def __anext__(self) -> E_co:
        if not self._was_entered:
            raise UsageError(
                "events are told to who has entered: use `async with "
                "orchestrator.events() as events:` around `async for`"
            )

        buffer = self._buffer

        while not buffer.events:
            self._check()
            buffer.signal = Signal()
            await buffer.signal.wait()

        return buffer.events.popitem(last=False)[1]

    def _check(self) -> None:
        """Say why there is no event; nothing is said where one may come."""
        buffer = self._buffer

        if lost := buffer.lost:
            self._close()
            raise EventsLost(lost, buffer.size)

        if (failure := buffer.failure) is not None:
            buffer.failure = None
            raise failure

        if not buffer.is_open:
            raise StopAsyncIteration

    def _close(self) -> None:
        self._bus.remove(self._buffer)
        self._buffer.events.clear()
        self._buffer.lost = 0
        self._buffer.end(None)


def stream(bus: Bus, kinds: tuple[type[Any], ...], buffer: int) -> EventStream[Any]:
    """Make a stream of events; see `Orchestrator.events`."""
    if isinstance(buffer, bool) or not isinstance(buffer, int):
        raise TypeError(f"buffer is how many events are held, an int; got {buffer!r}")

    if buffer < 1:
        raise ValueError(f"a buffer holds at least one event; got {buffer!r}")

    return EventStream(bus, EventBuffer(checked(kinds), buffer))


def checked(kinds: tuple[Any, ...]) -> tuple[type[Any], ...]:
    """Return the classes of events; all of runs where there are none.

    :raises TypeError: where one is no class of events
    """
    for kind in kinds:
        if not (isinstance(kind, type) and issubclass(kind, Event | EntityEvent)):
            name = getattr(kind, "__name__", repr(kind))
            raise TypeError(
                f"{name} is no class of events: give some of those that asyncflow has, "
                "such as asyncflow.JobFinished"
            )

    return kinds or (Event,)


@cache
def of_entities(kinds: tuple[type[Any], ...]) -> bool:
    """Tell whether some of the classes are of events of entities."""
    return any(issubclass(kind, EntityEvent) for kind in kinds)


def wanted(kind: type[Event] | None, kinds: tuple[type[Any], ...]) -> bool:
    """Tell whether an event is of some classes, or tells one that is."""
    if kind is None:
        return False

    return issubclass(kind, kinds) or (kind is not JobProgressed and of_entities(kinds))


def told(
    notification: Notification, kinds: tuple[type[Any], ...]
) -> list[tuple[Hashable, object]]:
    """Return what is told of some classes, and what tells it from others."""
    found: list[tuple[Hashable, object]] = []

    if isinstance(event := notification.event, kinds):
        found.append((notification.key, event))

    if of_entities(kinds):
        from asyncflow.notify.entities import told_by

        found += [
            (change, change)
            for change in told_by(notification)
            if isinstance(change, kinds)
        ]

    return found
