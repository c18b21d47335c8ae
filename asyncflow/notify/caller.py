"""Calls of users' functions: one after the other, each for something that has happened."""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import attrs
from anyio import CapacityLimiter, get_cancelled_exc_class, to_thread
from anyio import Event as Signal

from asyncflow.entities.job import Job
from asyncflow.log import logger as _logger
from asyncflow.notify.bus import Bus
from asyncflow.task_group import is_canceled

AT_ONCE = 100
"""How often a plain function is called before its thread comes back."""

N = TypeVar("N")
N_contra = TypeVar("N_contra", contravariant=True)


class Call(NamedTuple):
    """A call to be made."""

    about: object
    """What it is made for: a job, or an event."""
    given: tuple[object, ...]


class CallMaker(Protocol[N_contra]):
    """Makes calls."""

    async def call_for(self, news: N_contra, /) -> Call:
        """Return the call for something that has happened."""


@attrs.define(eq=False, repr=False)
class Caller(Generic[N]):
    """A function, and the news that it was not called for yet: none is ever lost.

    :param maker: makes the call for one of the news
    :param busy: where those are that have something to be called for
    """

    callback: Callable[..., object]
    maker: CallMaker[N]
    bus: Bus
    busy: set[Caller[Any]]
    _news: deque[N] = attrs.field(init=False, factory=deque)
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

    def add(self, news: N) -> None:
        """Have it called, after what it was not called for yet."""
        if self._is_over:
            return

        self._news.append(news)

        if self not in self.busy and self.bus.start(self._call_all):
            self.busy.add(self)
            self._rest = Signal()

    def end(self) -> None:
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
            await self._guarded(call.about, self.callback(*call.given))

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
        news = self._news.popleft()
        call: Call | None = await self._guarded(news, self.maker.call_for(news))
        return call

    def _run(self, calls: deque[Call]) -> tuple[object, Awaitable[Any]] | None:
        """Call a plain function up to where it returns something to await. Blocks."""
        while calls and not self._is_over:
            call = calls.popleft()

            try:
                result = self.callback(*call.given)
            except BaseException as error:
                self._tell(call.about, error)
            else:
                if inspect.isawaitable(result):
                    return call.about, result

        calls.clear()
        return None

    async def _guarded(self, about: object, waiting: Any) -> Any:
        """Await something; log what it raises."""
        try:
            return await waiting
        except get_cancelled_exc_class() as error:
            if is_canceled():
                raise

            self._tell(about, error)
        except (Exception, SystemExit) as error:
            self._tell(about, error)

        return None

    def _tell(self, about: object, error: BaseException) -> None:
        """Log an error."""
        job = getattr(about, "job", about)  # of what may have brought about a call
        what = repr(about)

        if isinstance(job, Job):
            what = f"job {job.id}, which is {job.status}"

        problem = "the callback %s failed for %s"
        _logger.error(problem, self.name, what, exc_info=error)
