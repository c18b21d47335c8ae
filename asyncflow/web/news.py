"""Who waits for runs to begin and end: one of them hears it, and tells the others.

Each subscription is asked about each event. With one for each browser, a run of many jobs
would cost so many times as much.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import attrs
from anyio import Event

from asyncflow.errors import NotOpen
from asyncflow.events import SubmissionFinished, SubmissionStarted
from asyncflow.orchestrator import Orchestrator


@attrs.define(eq=False)
class _Shared:
    """What all who wait have in common.

    :param number: how often something was told
    """

    number: int = 0
    waiters: int = 0
    is_heard: bool = False
    told: Event = attrs.field(init=False, factory=Event)

    def tell(self) -> None:
        self.number += 1
        event, self.told = self.told, Event()
        event.set()


@attrs.define(eq=False)
class Waiter:
    """One who waits; the first of all hears what happens."""

    _orchestrator: Orchestrator
    _shared: _Shared
    _stack: AsyncExitStack
    _events: AsyncIterator[Any] | None = attrs.field(init=False, default=None)
    _seen: int = attrs.field(init=False, default=0)

    async def listen(self) -> None:
        """Hear what happens from now on, or hear of it."""
        self._seen = self._shared.number

        if not self._shared.is_heard:
            self._shared.is_heard = True
            self._stack.callback(self._leave)
            stream = self._orchestrator.events(SubmissionStarted, SubmissionFinished)
            self._events = await self._stack.enter_async_context(stream)

    async def wait(self) -> None:
        """Return when a run has begun or ended since the last time.

        :raises NotOpen: where the orchestrator closes
        """
        if self._events is None and not self._shared.is_heard:
            await self.listen()  # who did so has gone

        if self._events is not None:
            async for _ in self._events:
                break
            else:
                raise NotOpen("the orchestrator closes")

            self._shared.tell()
        elif self._seen == self._shared.number:
            await self._shared.told.wait()

        self._seen = self._shared.number

    def _leave(self) -> None:
        self._shared.is_heard = False
        self._shared.tell()


@attrs.frozen(eq=False)
class News:
    """What begins and ends, for all who look at lists of runs."""

    _open: dict[int, _Shared] = attrs.field(init=False, factory=dict)

    def __len__(self) -> int:
        return len(self._open)

    @asynccontextmanager
    async def of(self, orchestrator: Orchestrator) -> AsyncGenerator[Waiter]:
        """Wait for what begins and ends, until this is left."""
        shared = self._open.setdefault(id(orchestrator), _Shared())
        shared.waiters += 1

        try:
            async with AsyncExitStack() as stack:
                waiter = Waiter(orchestrator, shared, stack)
                await waiter.listen()
                yield waiter
        finally:
            shared.waiters -= 1

            if not shared.waiters:
                del self._open[id(orchestrator)]
