"""Pages that change by themselves: server-sent events, each with parts of the page."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from random import randint, random
from typing import TypeVar

from anyio import CancelScope, Lock, create_task_group, sleep
from anyio.lowlevel import RunVar, checkpoint
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from asyncflow.errors import NotOpen
from asyncflow.events import EntityEvent, Event

T = TypeVar("T")

_TURN: RunVar[Lock] = RunVar("asyncflow.web.live.turn")
"""Which stream is the next to send."""

PAUSE = 0.25
"""About how long changes are gathered, in seconds."""

HEARTBEAT = 15.0
"""After how many seconds at most something is sent, so that proxies wait on."""


def replaced(parts: Mapping[str, str], number: int | str) -> str:
    """Return the event that replaces parts of a page.

    :param parts: what each element is from now on, by its id
    :param number: what a browser that comes back says that it has seen
    """
    return f"id: {number}\nevent: parts\ndata: {json.dumps(parts)}\n\n"


def appended(element: str, text: str, number: int | str) -> str:
    """Return the event that adds a text to an element of a page.

    :param element: the id of it
    """
    data = json.dumps({"id": element, "text": text})
    return f"id: {number}\nevent: text\ndata: {data}\n\n"


def told(event: Event | EntityEvent, number: int | None = None) -> str:
    """Return an event of a run, or of an entity, as it is sent.

    :param number: what a reader that comes back says that it has seen; None for nothing
    """
    seen = "" if number is None else f"id: {number}\n"
    data = json.dumps(event.as_dict())
    return f"{seen}event: {type(event).__name__}\ndata: {data}\n\n"


RETRY = 1_000, 3_000
"""When a browser whose stream has ended comes back, in milliseconds: not all at once."""

ENDED = "event: ended\ndata: {}\n\n"
"""Nothing comes after this: the browser does not ask again."""


class EventStream(Response):
    """Sends events as they come, the first bytes at once. Who goes away ends them."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncGenerator[str]) -> None:
        super().__init__(headers={"x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._events = events
        self._turn = Lock()

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events until they end, or nobody reads them any more."""
        head = {
            "type": "http.response.start",
            "status": 200,
            "headers": self.raw_headers,
        }
        await send(head)
        pause = randint(*RETRY)  # noqa: S311  # no secret
        await self._write(send, f": begins\nretry: {pause}\n\n")

        async with create_task_group() as group, aclosing(self._events) as events:
            group.start_soon(_until_left, receive, group.cancel_scope)
            group.start_soon(self._beat, send)

            with suppress(NotOpen):  # it was closed meanwhile: the browser asks again
                async for event in events:
                    await _next_turn()
                    await self._write(send, event)

            group.cancel_scope.cancel()

        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _beat(self, send: Send) -> None:
        while True:
            # Not all at once, of those that began at once.
            await sleep(HEARTBEAT * (0.5 + random() / 2))  # noqa: S311  # no secret
            await self._write(send, ": waits\n\n")

    async def _write(self, send: Send, text: str) -> None:
        async with self._turn:
            body = text.encode()
            await send({"type": "http.response.body", "body": body, "more_body": True})


async def _next_turn() -> None:
    """Return when it is this stream's turn to send: others have theirs in between.

    What is news for many would otherwise hold up the event loop until all have it.
    """
    try:
        turn = _TURN.get()
    except LookupError:
        _TURN.set(turn := Lock())

    async with turn:
        await checkpoint()


async def _until_left(receive: Receive, scope: CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

    scope.cancel()


@asynccontextmanager
async def closing(events: AsyncIterator[T]) -> AsyncGenerator[AsyncIterator[T]]:
    """Give what is iterated over, and end it when this is left."""
    assert isinstance(events, AsyncGenerator)

    async with aclosing(events):
        yield events


async def pause() -> None:
    """Let changes gather; all who look at a page go on at moments of their own."""
    await sleep(PAUSE * (0.75 + random() / 2))  # noqa: S311  # no secret
