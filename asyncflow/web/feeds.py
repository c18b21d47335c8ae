"""The events of all runs, for many who follow them: each is written once, not for each.

Who follows is sent many at once, and not all are at one moment: with a run of many jobs
either would hold up the event loop.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from random import random
from time import monotonic
from typing import Any

import attrs
from anyio import Event as Signal
from anyio import Lock, sleep

from asyncflow.events import EntityEvent, Event
from asyncflow.notify.listener import Listener, Notification
from asyncflow.notify.stream import told as happened
from asyncflow.orchestrator import Orchestrator
from asyncflow.web.live import told

HELD = 10_000
"""About how many events are held for who reads slowly."""

AT_ONCE = 200
"""How many are sent at once."""

PAUSE = 0.2
"""About how long they are gathered after others were sent, in seconds."""

SHORTEST = 0.1
"""How long after another a block is made that is not full, in seconds: each is the same
for all who follow."""


@attrs.frozen(eq=False)
class Block:
    """Events that are sent together, to each who follows.

    :param end: how many there were with these
    """

    text: str
    end: int


@attrs.define(eq=False)
class Feed(Listener):
    """What happens while anybody follows, as it is sent.

    :param kinds: which events it has
    :param number: how many blocks there were so far
    :param count: how many events there were in these
    """

    kinds: tuple[type[Any], ...] = (Event,)
    number: int = 0
    count: int = 0
    readers: int = 0
    is_open: bool = True
    stack: AsyncExitStack = attrs.field(init=False, factory=AsyncExitStack)
    _blocks: deque[Block] = attrs.field(init=False, factory=deque)
    """The last of them."""
    _texts: list[str] = attrs.field(init=False, factory=list)
    """What is in no block yet."""
    _made_at: float = attrs.field(init=False, default=-SHORTEST)
    """When the last block was made."""
    _told: Signal = attrs.field(init=False, factory=Signal)
    _turn: Lock = attrs.field(init=False, factory=Lock)
    """Who waits for more: all at once would hold up the event loop."""

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
        self._texts.append(told(event))

        if len(self._texts) == AT_ONCE:
            self.make_block()

        self._told.set()

    def make_block(self) -> None:
        """Have what has happened so far be a block."""
        if not self._texts:
            return

        self.count += len(self._texts)
        self.number += 1
        self._blocks.append(Block("".join(self._texts), self.count))
        self._texts.clear()
        self._made_at = monotonic()

        if self.count - self._blocks[0].end >= HELD:
            self._blocks.popleft()

    def end(self, failure: Exception | None) -> None:  # noqa: ARG002  # the log has it
        """Take note that nothing more comes."""
        self.is_open = False
        self._told.set()

    async def has_more(self, seen: int) -> bool:
        """Wait for more than was seen; return whether there is.

        :param seen: the number of a block
        """
        while not self.has(seen) and self.is_open:
            async with self._turn:
                if self._told.is_set():
                    self._told = Signal()

                if not self.has(seen) and self.is_open:
                    await self._told.wait()

        return self.has(seen)

    def has(self, seen: int) -> bool:
        """Tell whether there is more than was seen."""
        return seen < self.number or bool(self._texts)

    def after(self, seen: int) -> Block | None:
        """Return the next block; None where it is held no more."""
        place = seen - (self.number - len(self._blocks))
        return None if place < 0 else self._blocks[place]

    def pause(self) -> float:
        """Return after how long the next block may be made that is not full, in seconds."""
        return self._made_at + SHORTEST - monotonic() if self.is_open else 0.0


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
            feed.make_block()
            seen, count = feed.number, feed.count

            while await feed.has_more(seen):
                if seen == feed.number:
                    if (pause := feed.pause()) > 0:
                        await sleep(pause + SHORTEST * random())  # noqa: S311  # no secret
                        continue

                    feed.make_block()

                if (block := feed.after(seen)) is None:
                    lost = {"lost": feed.count - count}
                    seen, count = feed.number, feed.count
                    yield f"event: EventsLost\ndata: {json.dumps(lost)}\n\n"
                else:
                    seen, count = seen + 1, block.end
                    yield block.text

                if not feed.has(seen):
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
