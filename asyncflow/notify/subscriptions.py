"""Subscriptions: functions that are called when the status of a job changes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import attrs
from anyio import move_on_after

from asyncflow.config.checks.arguments import several
from asyncflow.entities.job import Job
from asyncflow.entities.scenario import Scenario
from asyncflow.entities.sequence import Sequence
from asyncflow.entities.submission import Run, run_of
from asyncflow.entities.submittable import Subscribed
from asyncflow.events import (
    Event,
    JobAttemptFailed,
    JobFinished,
    JobPending,
    JobStarted,
)
from asyncflow.log import logger as _logger
from asyncflow.notify.bus import Bus
from asyncflow.notify.caller import Call, Caller
from asyncflow.notify.listener import Listener, Notification

GRACE = 5.0
"""How long a closing orchestrator waits for callbacks, in seconds."""

_CHANGES = frozenset({None, JobPending, JobStarted, JobAttemptFailed, JobFinished})
"""What tells that the status of a job has changed; None that it is blocked."""

Find = Callable[[Run], Awaitable[Scenario | Sequence]]


@attrs.define(eq=False, repr=False)
class Subscription(Listener):
    """Has a function called for each change of a job's status.

    They may become many, as for each there is only its place in a history that is kept
    anyway: none is ever lost.

    :param find: gives the scenario, or the sequence, of a run, to hand it over; None hands
        over none
    """

    callback: Callable[..., object]
    params: tuple[object, ...]
    find: Find | None
    caller: Caller[Notification] = attrs.field(init=False)

    def wants(self, kind: type[Event] | None) -> bool:
        """Tell whether something is a change of a job's status."""
        return kind in _CHANGES

    def take(self, notification: Notification) -> None:
        """Have it called, after what it was not called for yet."""
        self.caller.add(notification)

    def end(self, failure: Exception | None) -> None:  # noqa: ARG002
        """Forget what it was not called for."""
        self.caller.end()

    async def call_for(self, notification: Notification) -> Call:
        """Return the call for a change, with the scenario of its run."""
        job = notification.job
        assert job is not None

        if self.find is None:
            return Call(job, (*self.params, job))

        scenario = await self.find(run_of(job.submission))
        return Call(job, (*self.params, scenario, job))


@attrs.define(eq=False, repr=False)
class Subscriptions:
    """The subscriptions of an orchestrator.

    :param find: gives the scenario of a run
    """

    bus: Bus
    find: Find
    _kept: list[tuple[str | None, Subscription]] = attrs.field(init=False, factory=list)
    """With the id of the scenario, or None for all."""
    _busy: set[Caller[Any]] = attrs.field(init=False, factory=set)

    @staticmethod
    def check(callbacks: Iterable[object]) -> None:
        """Refuse what cannot be called."""
        for callback in callbacks:
            if not callable(callback):
                raise TypeError(f"a callback is a function; got {callback!r}")

    def add(
        self,
        callback: Callable[..., object],
        params: Iterable[object] | None,
        entity: Scenario | Sequence | None,
    ) -> None:
        """Subscribe a function; see `Orchestrator.subscribe_scenario`."""
        self.check([callback])
        find = self.find if entity is None else _always(entity)
        subscription = self._new(callback, several("params", params), find)
        topic = None if entity is None else entity.id
        self.bus.add(subscription, topic)
        self._kept.append((topic, subscription))

    def add_to(self, run: Run, callbacks: Iterable[Callable[[Job], object]]) -> None:
        """Subscribe functions to one run."""
        for callback in callbacks:
            self.bus.add(self._new(callback, (), None), run)

    def remove(
        self,
        callback: Callable[..., object],
        params: Iterable[object] | None,
        entity: Scenario | Sequence | None,
    ) -> None:
        """End a subscription; see `Orchestrator.unsubscribe_scenario`."""
        topic = None if entity is None else entity.id
        wanted = None if params is None else several("params", params)

        for entry in self._kept:
            subscription = entry[1]

            if (entry[0], subscription.callback) == (topic, callback) and (
                wanted is None or wanted == subscription.params
            ):
                self._kept.remove(entry)
                self.bus.remove(subscription, topic)
                subscription.end(None)
                return

        whose = topic or "all scenarios"
        given = "" if wanted is None else f" with the params {wanted!r}"
        raise ValueError(f"{callback!r} is not subscribed to {whose}{given}")

    def on(
        self, function: Callable[[Any], object], kinds: tuple[type[Any], ...]
    ) -> Callable[[], None]:
        """Have a function called with events; see `Orchestrator.on`."""
        from asyncflow.notify.event_calls import on

        return on(self.bus, self._busy, function, kinds)

    def of(self, topic: str) -> tuple[Subscribed, ...]:
        """Return the functions that are subscribed to a scenario or a sequence alone, with
        what they are given first.
        """
        return tuple(
            (listener.callback, [*listener.params])
            for name, listener in self._kept
            if name == topic
        )

    async def drain(self) -> None:
        """Wait until all have been called; after some time, for no longer.

        On cancel only the waiting ends: what is left is still called.
        """
        with move_on_after(GRACE):
            while self._busy:
                await next(iter(self._busy)).wait()

        if self._busy:
            names = ", ".join(sorted(caller.name for caller in self._busy))
            problem = "the orchestrator does not wait any longer for callbacks: %s"
            _logger.warning(problem, names)

    def _new(
        self,
        callback: Callable[..., object],
        params: tuple[object, ...],
        find: Find | None,
    ) -> Subscription:
        made = Subscription(callback, params, find)
        made.caller = Caller(callback, made, self.bus, self._busy)
        return made


def _always(entity: Scenario | Sequence) -> Find:
    async def find(_: Run) -> Scenario | Sequence:
        return entity

    return find
