"""Functions that are called with events, also with those of entities."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import attrs

from asyncflow.events import EntityEvent, Event
from asyncflow.notify.bus import Bus
from asyncflow.notify.caller import Call, Caller
from asyncflow.notify.listener import Listener, Notification
from asyncflow.notify.stream import checked, of_entities, told, wanted


@attrs.define(eq=False, repr=False)
class EventCalls(Listener):
    """Has a function called with the events of some classes."""

    kinds: tuple[type[Any], ...]
    caller: Caller[Any] = attrs.field(init=False)

    @property
    def wants_entities(self) -> bool:
        """Whether some of the classes are of events of entities."""
        return of_entities(self.kinds)

    def wants(self, kind: type[Event] | None) -> bool:
        """Tell whether it is called with such events, or what they tell of entities."""
        return wanted(kind, self.kinds)

    def take(self, notification: Notification) -> None:
        """Have it called with what has happened."""
        for _, event in told(notification, self.kinds):
            self.caller.add(event)

    def entity_changed(self, event: EntityEvent) -> None:
        """Have it called with what has happened to an entity."""
        if isinstance(event, self.kinds):
            self.caller.add(event)

    async def call_for(self, event: Any) -> Call:
        """Return the call for an event."""
        return Call(event, (event,))

    def end(self, failure: Exception | None) -> None:
        """Have it called with what has happened so far, and nothing more."""


def on(
    bus: Bus,
    busy: set[Caller[Any]],
    function: Callable[[Any], object],
    kinds: tuple[type[Any], ...],
) -> Callable[[], None]:
    """Have a function called with events; see `Orchestrator.on`.

    :param busy: where callers are that have something to be called for
    """
    if not callable(function):
        raise TypeError(f"what is called with events is a function; got {function!r}")

    listener = EventCalls(checked(kinds))
    listener.caller = Caller(function, listener, bus, busy)
    bus.add(listener)

    if listener.wants_entities:
        bus.start(partial(bus.hear_others, listener))

    return partial(_end, bus, listener)


def _end(bus: Bus, listener: EventCalls) -> None:
    bus.remove(listener)
    listener.caller.end()
