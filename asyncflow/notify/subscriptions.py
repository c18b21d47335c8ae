"""Subscriptions: functions that are called when the status of a job changes."""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

import attrs
from anyio import CapacityLimiter, get_cancelled_exc_class, move_on_after, to_thread
from anyio import Event as Signal

from asyncflow.entities.job import Job
from asyncflow.entities.scenario import Scenario
from asyncflow.entities.sequence import Sequence
from asyncflow.entities.submission import Run, run_of
from asyncflow.events import (
    Event,
    JobAttemptFailed,
    JobFinished,
    JobPending,
    JobStarted,
)
from asyncflow.log import logger as _logger
from asyncflow.notify.bus import Bus, Listener, Notification
from asyncflow.task_group import is_canceled

AT_ONCE = 100
"""How often a plain function is called before its thread comes back."""

GRACE = 5.0
"""How long a closing orchestrator waits for callbacks, in seconds."""

_CHANGES = frozenset({None, JobPending, JobStarted, JobAttemptFailed, JobFinished})
"""What tells that the status of a job has changed; None that it is blocked."""

Find = Callable[[Run], Awaitable[Scenario | Sequence]]


class Call(NamedTuple):
    """A call to be made."""

    job: Job
    given: tuple[object, ...]


@attrs.define(eq=False, repr=False)
class Subscription(Listener):
    """A function, and the changes that it was not called for yet.

    They may become many, as for each there is only its place in a history that is kept
    anyway: none is ever lost.

    :param find: gives the scenario, or the sequence, of a run, to hand it over; None hands
        over none
    :param busy: where those are that have something to be called for
    """

    callback: Callable[..., object]
    params: tuple[object, ...]
    find: Find | None
    bus: Bus
    busy: set[Subscription]
    _news: deque[Notification] = attrs.field(init=False, factory=deque)
    _is_over: bool = attrs.field(init=False, default=False)
    """Whether it is not to be called any more."""
    _rest: Signal = attrs.field(init=False, factory=Signal)
    """Set when there is nothing to call it for."""
    _thread: CapacityLimiter = attrs.field(
        init=False, factory=lambda: CapacityLimiter(1)
    )

    @property
    def name(self) -> str:
        """How the log calls the function."""
        return getattr(self.callback, "__qualname__", None) or repr(self.callback)

    def wants(self, kind: type[Event] | None) -> bool:
        """Tell whether something is a change of a job's status."""
        return kind in _CHANGES

    def take(self, notification: Notification) -> None:
        """Have it called, after what it was not called for yet."""
        if self._is_over:
            return

        self._news.append(notification)

        if self not in self.busy and self.bus.start(self._call_all):
            self.busy.add(self)
            self._rest = Signal()

    def end(self, failure: Exception | None) -> None:  # noqa: ARG002
        """Forget what it was not called for."""
        self._is_over = True
        self._news.clear()

    async def wait(self) -> None:
        """Wait until it has been called for everything. On cancel only the waiting ends."""
        await self._rest.wait()

    async def _call_all(self) -> None:
        is_async = inspect.iscoroutinefunction(self.callback)
        call = self._call_one if is_async else self._call_some

        try:
            while self._news:
                await call()
        except get_cancelled_exc_class():
            self._is_over = True
            raise
        finally:
            self.busy.discard(self)
            self._rest.set()

    async def _call_one(self) -> None:
        """Call an ``async def`` function, on the event loop."""
        if call := await self._next():
            await self._guarded(call.job, self.callback(*call.given))

    async def _call_some(self) -> None:
        """Call a plain function in a thread: some times, as going there takes longer."""
        calls: deque[Call] = deque()

        while self._news and len(calls) < AT_ONCE:
            if call := await self._next():
                calls.append(call)

        while calls:
            work = partial(self._run, calls)
            waiting = await to_thread.run_sync(
                work, abandon_on_cancel=True, limiter=self._thread
            )

            if waiting is not None:
                await self._guarded(*waiting)

    async def _next(self) -> Call | None:
        """Take the next call; None where there is nothing to hand over."""
        job = self._news.popleft().job
        assert job is not None

        if self.find is None:
            return Call(job, (*self.params, job))

        scenario = await self._guarded(job, self.find(run_of(job.submission)))
        return None if scenario is None else Call(job, (*self.params, scenario, job))

    def _run(self, calls: deque[Call]) -> tuple[Job, Awaitable[Any]] | None:
        """Call a plain function up to where it returns something to await. Blocks."""
        while calls and not self._is_over:
            call = calls.popleft()

            try:
                result = self.callback(*call.given)
            except BaseException as error:
                self._tell(call.job, error)
            else:
                if inspect.isawaitable(result):
                    return call.job, result

        calls.clear()
        return None

    async def _guarded(self, job: Job, waiting: Any) -> Any:
        """Await something; log what it raises."""
        try:
            return await waiting
        except get_cancelled_exc_class() as error:
            if is_canceled():
                raise

            self._tell(job, error)
        except (Exception, SystemExit) as error:
            self._tell(job, error)

        return None

    def _tell(self, job: Job, error: BaseException) -> None:
        """Log an error."""
        _logger.error(
            "the callback %s failed for job %s, which is %s",
            *(self.name, job.id, job.status),
            exc_info=error,
        )


@attrs.define(eq=False, repr=False)
class Subscriptions:
    """The subscriptions of an orchestrator.

    :param find: gives the scenario of a run
    """

    bus: Bus
    find: Find
    _kept: list[tuple[str | None, Subscription]] = attrs.field(init=False, factory=list)
    """With the id of the scenario, or None for all."""
    _busy: set[Subscription] = attrs.field(init=False, factory=set)

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
        subscription = self._new(callback, tuple(params or ()), find)
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
        wanted = None if params is None else tuple(params)

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

    async def drain(self) -> None:
        """Wait until all have been called; after some time, for no longer.

        On cancel only the waiting ends: what is left is still called.
        """
        with move_on_after(GRACE):
            while self._busy:
                await next(iter(self._busy)).wait()

        if self._busy:
            names = ", ".join(sorted(subscription.name for subscription in self._busy))
            problem = "the orchestrator does not wait any longer for callbacks: %s"
            _logger.warning(problem, names)

    def _new(
        self,
        callback: Callable[..., object],
        params: tuple[object, ...],
        find: Find | None,
    ) -> Subscription:
        return Subscription(callback, params, find, self.bus, self._busy)


def _always(entity: Scenario | Sequence) -> Find:
    async def find(_: Run) -> Scenario | Sequence:
        return entity

    return find
