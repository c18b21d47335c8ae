"""The event loop in a background thread, and how its verbs are called."""

from __future__ import annotations

import asyncio
import inspect
import os
import re
import threading
from asyncio import _get_running_loop
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import ExitStack
from functools import partial
from typing import Any, ParamSpec, Protocol, TypeVar, overload

import attrs
from anyio.from_thread import BlockingPortal, start_blocking_portal

from asyncflow.alternatives import MODES
from asyncflow.callers import runs_job
from asyncflow.errors import BlockingCall, InsideWorker, NotOpen, UsageError
from asyncflow.log import logger as _logger
from asyncflow.orchestrator import Orchestrator as AsyncOrchestrator
from asyncflow.runtime.signals import install, restore
from asyncflow.sync.held_loop import holder
from asyncflow.worker import current, local_modules

P = ParamSpec("P")
T = TypeVar("T")


class Service(Protocol):
    """What goes on in a thread of its own, as long as the orchestrator is open."""

    def stop(self) -> None:
        """End it; after the closing too, from any thread."""


@attrs.define(eq=False, repr=False)
class Loop:
    """An async orchestrator that is open on an event loop in a thread of its own."""

    orchestrator: AsyncOrchestrator
    _portal: BlockingPortal
    _thread: int
    _stack: ExitStack
    runs_here: bool
    """Whether jobs run in the threads that submit them."""
    changes: int = attrs.field(init=False, default=0)
    """How often verbs of this face have changed attributes of entities."""
    _pid: int = attrs.field(init=False, factory=os.getpid)
    _is_open: bool = attrs.field(init=False, default=True)
    _is_closing: bool = attrs.field(init=False, default=False)
    services: list[Service] = attrs.field(init=False, factory=list)
    """What goes on in other threads, and ends with it."""
    _has_warned: bool = attrs.field(init=False, default=False)
    """Whether it was said that a verb holds up somebody's event loop."""
    _has_told_of_timeout: bool = attrs.field(init=False, default=False)
    """Whether it was said that a time-out has no effect where jobs run here."""

    @classmethod
    def open(cls, orchestrator: AsyncOrchestrator) -> Loop:
        """Start the thread, and open an orchestrator in it."""
        with ExitStack() as stack:
            stack.callback(restore)
            portal = stack.enter_context(start_blocking_portal(name="asyncflow"))
            # Last: cancel verbs that still wait, as one that Ctrl-C hit at its start.
            stack.callback(portal.call, portal.stop, True)
            stack.enter_context(portal.wrap_async_context_manager(orchestrator))
            install()  # where Ctrl-C arrives, if this is the main thread
            thread = portal.call(threading.get_ident)
            portal.call(_name_tasks)
            of_mode = MODES.load(orchestrator.config.job_config.mode)
            runs_here = of_mode.runs_where_submitted
            return cls(orchestrator, portal, thread, stack.pop_all(), runs_here)

    @property
    def is_open(self) -> bool:
        """Whether verbs can be called; a fork has no such thread."""
        return self._is_open and self._pid == os.getpid()

    def close(self, error: BaseException | None) -> None:
        """Close the orchestrator, and end the thread.

        The callbacks that it waits for can still call verbs.

        :param error: what it is left by
        """
        self.check(None)

        if self._is_closing:
            raise not_running()

        if error is None:
            self._stop_services()

        self._is_closing = True

        try:
            if error is None:
                self._stack.close()
            else:
                self._stack.__exit__(type(error), error, error.__traceback__)
        finally:
            self._is_open = False
            self._stop_services()

    def _stop_services(self) -> None:
        for service in list(self.services):
            service.stop()

    @overload
    def call(
        self,
        verb: Callable[P, Coroutine[Any, Any, T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T: ...

    @overload
    def call(self, verb: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T: ...

    def call(self, verb: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a verb of the async face; wait for what it returns.

        Ctrl-C cancels the verb.

        :raises NotOpen: where the orchestrator is stopped
        :raises BlockingCall: on the thread of the event loop itself
        """
        self.check(verb)

        async def run() -> Any:
            result = verb(*args, **kwargs)
            return await result if inspect.iscoroutine(result) else result

        future = self.start(run)

        try:
            return future.result()
        except CancelledError:  # the same
            raise not_running() from None
        finally:
            future.cancel()

    def start(self, verb: Callable[[], Coroutine[Any, Any, T]]) -> Future[T]:
        """Have a verb run; return what will have its result.

        :raises NotOpen: where the orchestrator is stopped
        """
        try:
            return self._portal.start_task_soon(verb)
        except RuntimeError:  # another thread has stopped it meanwhile
            raise not_running() from None

    def check(self, verb: Callable[..., object] | None) -> None:
        """Refuse a call that cannot be made now; `verb` is what it would call.

        :raises NotOpen: where the orchestrator is stopped
        :raises BlockingCall: on the thread of the event loop itself
        """
        if self._pid != os.getpid():
            raise _forked()

        if not self._is_open:
            raise not_running()

        if threading.get_ident() == self._thread:
            raise BlockingCall(
                "a blocking verb was called on the thread of the orchestrator's event "
                f"loop, which would wait for itself: {_remedy(verb)}"
            )

        if runs_job():
            raise BlockingCall(
                "a blocking verb was called in a job, which its run waits for: give the "
                f"job what it needs as inputs, or {_remedy(verb)}"
            )

        if _get_running_loop() is not None and not self._has_warned:
            self._warn_of_held_loop(verb)

    def checked(self) -> Loop:
        """Check the configuration, where it was changed meanwhile; return the same loop.

        :raises ConfigError: with everything that is wrong with it
        :raises UsageError: where what cannot change was changed, such as the mode
        """
        if not runs_job() and threading.get_ident() != self._thread:
            self.start(self.orchestrator._session.check_config).result()

        return self

    def tell_of_timeout(self) -> None:
        """Say once that nothing ends the waiting for jobs that run in this thread."""
        if self.runs_here and not self._has_told_of_timeout:
            self._has_told_of_timeout = True
            _logger.warning(
                "timeout= has no effect in development mode, where submit() runs the jobs "
                "itself: with mode='standalone' it has one"
            )

    def _warn_of_held_loop(self, verb: Callable[..., object] | None) -> None:
        """Say once that a verb holds up another event loop than the orchestrator's."""
        if (found := holder()) is not None:
            self._has_warned = True
            _logger.warning(
                "%s holds up the event loop of its thread until it returns, and all that "
                "runs there: %s, or call it in a thread, as in an endpoint that is a "
                "plain `def`",
                *(found, _remedy(verb)),
            )


def not_running() -> UsageError:
    """Make the error of a verb without its orchestrator."""
    if current.is_worker:
        error = InsideWorker(
            "the verbs of asyncflow.sync do not work inside a job's worker process: "
            "call them in the program that submits, and give jobs what they need as "
            "inputs"
        )
        error.ends_import = local_modules.take_importing()
        return error

    return NotOpen(
        "no asyncflow.sync.Orchestrator runs, or not the one that made this handle: "
        "call asyncflow.sync.Orchestrator().run() first"
    )


def _forked() -> UsageError:
    """Make the error of a verb in a process that was forked from the orchestrator's."""
    return NotOpen(
        "this process was forked from the one in which the asyncflow.sync.Orchestrator "
        "runs, and has no part of it: open one here, after the fork (with `gunicorn "
        "--preload`, in the `post_fork` hook), and get handles by `asyncflow.sync.get(id)`"
    )


def _remedy(verb: Callable[..., object] | None) -> str:
    """Say what to write instead of a blocking verb."""
    verb = verb.func if isinstance(verb, partial) else verb

    if not inspect.ismethod(verb):
        return "use `async with asyncflow.Orchestrator()` and `await` there"

    await_ = "" if verb.__name__ in ("cancel", "follow") else "await "
    noun = re.sub(r"\B([A-Z])", r"_\1", type(verb.__self__).__name__).lower()
    form = f"{await_}{noun}.{verb.__name__}()"
    return f"use `{form}` with an asyncflow.Orchestrator there"


def each(items: AsyncIterator[T], loop: Loop) -> Iterator[T]:
    """Give what an async iterator gives; it gives no None."""
    while (item := loop.call(_next, items)) is not None:
        yield item


async def _next(items: AsyncIterator[T]) -> T | None:
    return await anext(items, None)


def _name_tasks() -> None:
    """Mark the loop's own tasks as ours: no job of the loop's keeps a program waiting."""
    for task in asyncio.all_tasks():
        task.set_name(f"asyncflow {task.get_name()}")
