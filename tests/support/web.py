"""A dashboard for tests: mounted in an app, asked by a client, read as it streams."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import httpx
from anyio import create_memory_object_stream, create_task_group
from anyio.streams.memory import MemoryObjectReceiveStream
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Mount

from asyncflow import Orchestrator
from asyncflow.web import dashboard

HOSTILE = '<b>"it\'s"</b> & \x1b[31m'
ACCEPT = {"accept": "text/html", "origin": "http://localhost"}


def app(orchestrator: Orchestrator, **options: Any) -> Starlette:
    """Return an app that has the pages of an orchestrator at ``/a/b``."""
    return Starlette(routes=[Mount("/a/b", dashboard(orchestrator, **options))])


@asynccontextmanager
async def client(
    orchestrator: Orchestrator, host: str = "127.0.0.1", **options: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """Give a client of the pages, as a browser on this machine.

    :param host: from where it comes
    """
    transport = httpx.ASGITransport(app(orchestrator, **options), client=(host, 1))

    async with httpx.AsyncClient(
        transport=transport, base_url="http://localhost/a/b/", headers=ACCEPT
    ) as browser:
        yield browser


def links(page: httpx.Response, part: str) -> list[str]:
    """Return where the links of a page lead that go to a part of the site."""
    return re.findall(rf'href="[./]*({part}/[^"?/]+)"', page.text)


def sent(*chunks: bytes) -> Request:
    """Return a request with a body that comes in pieces."""

    async def receive() -> Any:
        return next(left)

    more = [
        {"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks
    ]
    left = iter([*more, {"type": "http.request", "body": b"", "more_body": False}])
    return Request({"type": "http", "headers": [], "method": "POST"}, receive)


@attrs.define
class Reader:
    """Reads the events of a stream."""

    chunks: MemoryObjectReceiveStream[bytes]
    text: str = ""

    async def begin(self) -> None:
        """Wait until something was sent."""
        self.text += (await self.chunks.receive()).decode()

    async def event(self) -> tuple[str, Any]:
        """Return the kind and the data of the next one."""
        while "\n\n" not in self.text or self.text.startswith(":"):
            if self.text.startswith(":") and "\n\n" in self.text:
                self.text = self.text.partition("\n\n")[2]
            else:
                self.text += (await self.chunks.receive()).decode()

        event, _, self.text = self.text.partition("\n\n")
        fields = dict(line.split(": ", 1) for line in event.split("\n"))
        return fields["event"], json.loads(fields["data"])


@asynccontextmanager
async def stream(app: Any, path: str) -> AsyncIterator[Reader]:
    """Ask for a stream of events, and go away when this is left."""
    send, receive = create_memory_object_stream[bytes](100)
    scope = {
        "type": "http",
        "method": "GET",
        "path": path.partition("?")[0],
        "query_string": path.partition("?")[2].encode(),
        "headers": [(b"host", b"localhost")],
        "client": ("127.0.0.1", 1),
        "root_path": "",
        "scheme": "http",
    }
    asked = create_memory_object_stream[dict[str, Any]](1)

    async def take(message: Any) -> None:
        if message["type"] == "http.response.body":
            await send.send(message["body"])

    async def serve() -> None:
        async with send:
            await app(scope, asked[1].receive, take)

    async with create_task_group() as group, receive, asked[0], asked[1]:
        group.start_soon(serve)
        yield Reader(receive)
        await asked[0].send({"type": "http.disconnect"})
        await _drained(receive)


async def _drained(receive: MemoryObjectReceiveStream[bytes]) -> None:
    async for _ in receive:
        pass
