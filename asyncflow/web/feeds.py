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
from typing import Any

import attrs
from anyio import Event as Signal
from anyio import sleep

from asyncflow.events import EntityEvent, Event
from asyncflow.notify.listener import Listener, Notification
from asyncflow.notify.stream import told as happened
from asyncflow.orchestrator import Orchestrator
from asyncflow.web.live import told

HELD = 10_000
"""How many events are held for who reads slowly."""

AT_ONCE = 200
"""How many are sent at once."""

PAUSE = 0.2
"""About how long they are gathered after others were sent, in seconds."""


@attrs.define(eq=False)
class Feed(Listener):
    """What happens while anybody follows, as it is sent.

    :param kinds: which events it has
    :param number: how many that were so far
    """

    kinds: tuple[type[Any], ...] = (Event,)
    number: int = 0
    readers: int = 0
    is_open: bool = True
    texts: deque[str] = attrs.field(factory=lambda: deque(maxlen=HELD))
    stack: AsyncExitStack = attrs.field(init=False, factory=AsyncExitStack)
    _told: Signal = attrs.field(init=False, factory=Signal)

    def wants(self, kind: type[Event] | None) -> bool:
        """Want every event."""
        return kind is not None

    @property
    def wants_entities(self) -> bool:
        """Whether it has what happens to entities, too."""
        return EntityEvent in self.kinds

    def take(self, notification: Notification) -> None:
        """Write what has happened."""
        for _, event in happened(notification, self.kinds):
            self._add(event)

    def entity_changed(self, event: EntityEvent) -> None:
        """Write what has happened to an entity."""
        self._add(event)

    def _add(self, event: Any) -> None:
        self.texts.append(told(event))
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

    _open: dict[tuple[int, bool], Feed] = attrs.field(init=False, factory=dict)

    def __len__(self) -> int:
        return len(self._open)

    async def follow(
        self, orchestrator: Orchestrator, *, entities: bool = False
    ) -> AsyncGenerator[str]:
        """Give what happens from now on, until the orchestrator is closed.

        Who reads too slowly is told by `EventsLost` how many it has missed, and goes on
        with what happens then.

        :param entities: whether what happens to entities is wanted, too
        """
        async with self._feed(orchestrator, entities=entities) as feed:
            seen = feed.number

            while await feed.has_more(seen):
                if (texts := feed.after(seen)) is None:
                    lost = {"lost": feed.number - seen}
                    texts = [f"event: EventsLost\ndata: {json.dumps(lost)}\n\n"]
                    seen = feed.number
                else:
                    seen += len(texts)

                yield "".join(texts)

                if seen == feed.number:
                    await sleep(PAUSE * (0.5 + random()))  # noqa: S311  # no secret

    @asynccontextmanager
    async def _feed(
        self, orchestrator: Orchestrator, *, entities: bool
    ) -> AsyncGenerator[Feed]:
        """Give the feed of an orchestrator; the first and the last begin and end it."""
        key = id(orchestrator), entities
        kinds = (Event, EntityEvent) if entities else (Event,)
        feed = self._open.setdefault(key, Feed(kinds))
        feed.readers += 1

        try:
            if feed.readers == 1:
                await feed.stack.enter_async_context(orchestrator.listen(feed))

            yield feed
        finally:
            feed.readers -= 1

            if not feed.readers:
                del self._open[key]
                await feed.stack.aclose()
