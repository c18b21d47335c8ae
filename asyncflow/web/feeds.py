"""The events of all runs, for many who follow them: each is written once, not for each.

Who follows is sent many at once, and not all are at one moment: with a run of many jobs
either would hold up the event loop.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import islice
from random import random

import attrs
from anyio import Event as Signal
from anyio import sleep

from asyncflow.events import Event
from asyncflow.notify.bus import Listener, Notification
from asyncflow.orchestrator import Orchestrator

HELD = 10_000
"""How many events are held for who reads slowly."""

AT_ONCE = 200
"""How many are sent at once."""

PAUSE = 0.2
"""About how long they are gathered after others were sent, in seconds."""


@attrs.define(eq=False)
class Feed(Listener):
    """What happens while anybody follows, as it is sent.

    :param number: how many events that were so far
    """

    number: int = 0
    readers: int = 0
    is_open: bool = True
    texts: deque[str] = attrs.field(factory=lambda: deque(maxlen=HELD))
    stack: AsyncExitStack = attrs.field(init=False, factory=AsyncExitStack)
    _told: Signal = attrs.field(init=False, factory=Signal)

    def wants(self, kind: type[Event] | None) -> bool:
        """Want every event."""
        return kind is not None

    def take(self, notification: Notification) -> None:
        """Write an event."""
        if (event := notification.event) is not None:
            data = json.dumps(event.as_dict())
            self.texts.append(f"event: {type(event).__name__}\ndata: {data}\n\n")
            self.number += 1
            self._told.set()

    def end(self, failure: Exception | None) -> None:  # noqa: ARG002  # the log has it
        """Take note that nothing more comes."""
        self.is_open = False
        self._told.set()

    async def has_more(self, seen: int) -> bool:
        """Wait for more than was seen; return whether there is."""
        while seen == self.number and self.is_open:
            if self._told.is_set():
                self._told = Signal()

            await self._told.wait()

        return seen < self.number

    def after(self, seen: int) -> list[str] | None:
        """Return the next events after so many; None where they are held no more."""
        place = len(self.texts) - (self.number - seen)
        return None if place < 0 else [*islice(self.texts, place, place + AT_ONCE)]


@attrs.frozen(eq=False)
class Feeds:
    """The events that anybody follows."""

    _open: dict[int, Feed] = attrs.field(init=False, factory=dict)

    def __len__(self) -> int:
        return len(self._open)

    async def follow(self, orchestrator: Orchestrator) -> AsyncGenerator[str]:
        """Give what happens from now on, until the orchestrator is closed.

        Who reads too slowly gets `EventsLost` in the end, never a gap.
        """
        async with self._feed(orchestrator) as feed:
            seen = feed.number

            while await feed.has_more(seen):
                if (texts := feed.after(seen)) is None:
                    lost = {"lost": feed.number - len(feed.texts) - seen}
                    yield f"event: EventsLost\ndata: {json.dumps(lost)}\n\n"
                    return

                yield "".join(texts)
                seen += len(texts)

                if seen == feed.number:
                    await sleep(PAUSE * (0.5 + random()))  # noqa: S311  # no secret

    @asynccontextmanager
    async def _feed(self, orchestrator: Orchestrator) -> AsyncGenerator[Feed]:
        """Give the feed of an orchestrator; the first and the last begin and end it."""
        feed = self._open.setdefault(id(orchestrator), Feed())
        feed.readers += 1

        try:
            if feed.readers == 1:
                await feed.stack.enter_async_context(orchestrator.listen(feed))

            yield feed
        finally:
            feed.readers -= 1

            if not feed.readers:
                del self._open[id(orchestrator)]
                await feed.stack.aclose()
