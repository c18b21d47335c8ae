"""A coroutine of the user's: it is cancelled, and let go if it does not end by that."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Awaitable, Iterator
from contextlib import suppress
from contextvars import Context, ContextVar
from typing import Any

import attrs
from anyio import CancelScope, move_on_after

_owner: ContextVar[object] = ContextVar("asyncflow_coroutine", default=None)

CLOSES = 100
"""How often a coroutine is asked to close that goes on instead."""


@attrs.define(eq=False, repr=False)
class Coroutine:
    """Awaits what a function gives, in a task of its own.

    :param grace: how long it may take to end once it is cancelled, in seconds
    """

    grace: float
    was_let_go: bool = attrs.field(init=False, default=False)
    awaited: float = attrs.field(init=False, default=0.0)
    """How long it was awaited, in seconds."""
    _scope: CancelScope = attrs.field(init=False, factory=CancelScope)
    _waiting: CancelScope | None = attrs.field(init=False, default=None)
    _is_hurried: bool = attrs.field(init=False, default=False)

    @property
    def scope(self) -> CancelScope:
        """What `cancel` cancels: to be entered around all that belongs to it."""
        return self._scope

    def cancel(self, *, now: bool = False) -> None:
        """Cancel it.

        :param now: give it no time to end
        """
        self._scope.cancel()
        self._is_hurried = self._is_hurried or now

        if now and self._waiting is not None:
            self._waiting.cancel()

    async def result(self, value: Awaitable[Any]) -> tuple[Any, BaseException | None]:
        """Return what it returns and what it raises: one of them.

        On cancel it is cancelled, and has ended or was let go before this raises.
        """
        token = _owner.set(self)

        try:
            task = asyncio.ensure_future(_caught(value))
        finally:
            _owner.reset(token)

        start = time.monotonic()

        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.done():
                return task.result()

            task.cancel()
            await self._end(task)

            if not self.was_let_go and asyncio.iscoroutine(value):
                value.close()  # it may not have begun

            raise
        finally:
            self.awaited = time.monotonic() - start

    async def _end(self, task: asyncio.Task[Any]) -> None:
        """Wait until it has ended, as long as it may take; then let it go."""
        grace = 0.0 if self._is_hurried else self.grace

        with CancelScope(shield=True), move_on_after(grace) as self._waiting:
            await asyncio.wait({task})

        if task.done():
            return

        self.was_let_go = True

        for begun in [task, *self._started()]:
            _let_go(begun)

    def _started(self) -> Iterator[asyncio.Task[Any]]:
        """Give the tasks that it has started."""
        for task in asyncio.all_tasks():
            context = _context_of(task)

            if context is not None and context.get(_owner) is self:
                yield task


async def _caught(value: Awaitable[Any]) -> tuple[Any, BaseException | None]:
    try:
        return await value, None
    except BaseException as error:
        return None, error


def _context_of(task: asyncio.Task[Any]) -> Context | None:
    if hasattr(task, "get_context"):  # CPython 3.12
        context: Context = task.get_context()
        return context

    return next(
        (
            get_referent
            for get_referent in gc.get_referents(task)
            if type(get_referent) is Context
        ),
        None,
    )


def _let_go(task: asyncio.Task[Any]) -> None:
    """Have nobody wait for a task any more, and its coroutine end as far as it can."""
    for callback, _context in getattr(task, "_callbacks", None) or ():
        task.remove_done_callback(callback)

    task.add_done_callback(_ignore)

    for coroutine in reversed([*_chain(task.get_coro())]):
        _close(coroutine)

    task.cancel()
    task._log_destroy_pending = False  # type: ignore[attr-defined]  # nobody waits
    # Who closes the loop waits for all that it knows of.
    asyncio._unregister_task(task)


def _chain(coroutine: Any) -> Iterator[Any]:
    """Give a coroutine, what it awaits, and so on."""
    while hasattr(coroutine, "close"):
        yield coroutine
        coroutine = getattr(coroutine, "cr_await", None)


def _close(coroutine: Any) -> None:
    for _ in range(CLOSES):
        try:
            coroutine.close()
        except BaseException:  # noqa: S112  # it goes on, whatever it is told
            continue
        else:
            return


def _ignore(task: asyncio.Task[Any]) -> None:
    with suppress(BaseException):
        task.exception()
