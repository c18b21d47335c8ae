"""The end of a program: by SIGKILL, after an event."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeAlias

import attrs

from asyncflow.errors import StoreFailed
from asyncflow.events import Event

Flush: TypeAlias = Callable[[], Awaitable[None]]


@attrs.define(eq=False)
class Condition:
    """The n-th event of a kind.

    :param task: of this task alone; None for all
    :param left: how many of them there are still to be
    """

    event: type[Event]
    task: str | None
    left: int

    def is_met(self, event: type[Event], task: str | None) -> bool:
        """Count an event; tell whether it is the one."""
        if issubclass(event, self.event) and self.task in (None, task):
            self.left -= 1

        return self.left == 0


@attrs.define(eq=False)
class KillSwitch:
    """When a program is to end.

    From the event on, it is as good as dead: no store takes or gives anything.
    """

    _conditions: list[Condition] = attrs.field(init=False, factory=list[Condition])
    _dying: asyncio.Task[None] | None = attrs.field(init=False, default=None)
    _flushes: list[Flush] = attrs.field(init=False, factory=list[Flush])

    @property
    def is_wanted(self) -> bool:
        """Whether there is anything to end after."""
        return bool(self._conditions)

    @property
    def has_come(self) -> bool:
        """Whether the event has happened, and the process dies."""
        return self._dying is not None

    def add(self, event: type[Event], task: str | None, nth: int) -> None:
        """End after the n-th of these events, too."""
        self._conditions.append(Condition(event, task, nth))

    def after(self, flush: Flush) -> None:
        """Await this at the end, so that all up to the event is durable."""
        self._flushes.append(flush)

    def note(self, event: type[Event], task: str | None = None) -> None:
        """Take note of an event, and end if it is the one.

        The loop goes on for a moment, until what was before is durable.
        """
        met = [condition.is_met(event, task) for condition in self._conditions]

        if any(met) and self._dying is None:
            self._dying = asyncio.get_running_loop().create_task(self._die())

    async def _die(self) -> None:
        try:
            for flush in self._flushes:
                with suppress(StoreFailed):
                    await flush()
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
