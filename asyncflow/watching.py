"""What an orchestrator tells of its runs: events, callbacks, numbers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar, overload

if TYPE_CHECKING:
    from asyncflow.dispatch.slot import Tracer
    from asyncflow.entities.scenario import Scenario
    from asyncflow.entities.statistics import Statistics
    from asyncflow.events import Event
    from asyncflow.notify.bus import Bus
    from asyncflow.notify.stream import EventStream
    from asyncflow.runtime.engine import Engine

E = TypeVar("E", bound="Event")

BUFFER = 1000
"""How many events are held for a reader."""


class Watching(ABC):
    """The verbs that watch; an `Orchestrator` has them."""

    __slots__ = ()

    @property
    @abstractmethod
    def max_nb_of_workers(self) -> int:
        """How many jobs run at once."""

    @abstractmethod
    def _opened(self) -> Engine:
        """Return what is open."""

    @overload
    def events(self, *, buffer: int = BUFFER) -> EventStream[Event]: ...

    @overload
    def events(self, *kinds: type[E], buffer: int = BUFFER) -> EventStream[E]: ...

    def events(self, *kinds: type[Any], buffer: int = BUFFER) -> EventStream[Any]:
        """Give the events of every run, from the moment the result is entered.

        ``async with orchestrator.events(JobFinished) as events: async for event in
        events:``. Each comes once what it tells is durable, in the order in which it
        happened. What happened to an adopted run before is not told. It ends when the
        orchestrator is closed, after the last event.

        A reader that takes longer than events come gets `EventsLost` in the end, never
        a gap. ``async for event in submission`` loses nothing.

        :param kinds: which events, with their subclasses: `JobFinished`, ...; none
            gives all
        :param buffer: how many events are held for the reader
        :raises TypeError: where a kind is no class of events
        :raises ValueError: where nothing could be held
        """
        return self._opened().events(kinds, buffer)

    def subscribe_scenario(
        self,
        callback: Callable[..., object],
        params: Iterable[object] | None = None,
        scenario: Scenario | None = None,
    ) -> None:
        """Have a function called when the status of a job changes.

        It is called as ``callback(*params, scenario, job)``; see `Scenario.subscribe`.
        Subscriptions end with the orchestrator, which waits some seconds for the last
        calls.

        :param params: what it is given first; None for nothing
        :param scenario: only for jobs of this one; None for all, also for those that
            are created later
        """
        self._opened().subscriptions.add(callback, params, scenario)

    def unsubscribe_scenario(
        self,
        callback: Callable[..., object],
        params: Iterable[object] | None = None,
        scenario: Scenario | None = None,
    ) -> None:
        """End a subscription; see `Scenario.unsubscribe`.

        :param params: those of the subscription; None for whatever it has
        :param scenario: that of the subscription; None for one to all scenarios
        :raises ValueError: where there is no such subscription
        """
        self._opened().subscriptions.remove(callback, params, scenario)

    def statistics(self) -> Statistics:
        """Say in numbers what goes on. Cheap: it asks each unfinished run once."""
        return self._opened().statistics(self.max_nb_of_workers)

    @property
    def tracer(self) -> Tracer:
        """Where the traces come from that jobs continue. For faces alone."""
        return self._opened().scheduler.tracer

    @property
    def bus(self) -> Bus:
        """Where listeners are added. For faces alone."""
        return self._opened().bus
