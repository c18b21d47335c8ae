"""An app with pages, as a server runs it: behind middleware, and a proxy that hides where
it is mounted.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

import asyncflow.web
from asyncflow import Configuration, Orchestrator, report
from asyncflow.web import Access


def double(number: int) -> int:
    print("doubling <b>", number)
    return number * 2


def wait(number: int) -> int:
    for step in range(number):
        time.sleep(0.1)
        print("step", step, flush=True)
        report(step, number, "working")

    return number


def resist(number: int) -> int:
    signal.signal(signal.SIGTERM, lambda *_: print("not yet", flush=True))
    print("resisting", flush=True)
    time.sleep(60 + number)
    return number


config = Configuration()
config.configure_job_executions(
    mode="standalone", max_nb_of_workers=2, echo=False, kill_grace=3
)
_number = config.configure_data_node("number", default_data=3)
_doubled = config.configure_data_node("doubled")
_waited = config.configure_data_node("waited")
_tasks = [
    config.configure_task("double", double, _number, _doubled),
    config.configure_task("wait", wait, _doubled, _waited),
]
scenario_cfg = config.configure_scenario(
    "calculation", _tasks, sequences={"both": _tasks}
)
_again = config.configure_data_node("again")
config.configure_scenario(
    "steps",
    [
        config.configure_task("first", wait, _number, _waited),
        config.configure_task("second", wait, _waited, _again),
    ],
)
config.configure_scenario(
    "resistance",
    config.configure_task("resist", resist, _number, config.configure_data_node("end")),
)


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    async with Orchestrator(config) as orchestrator:
        app.state.orchestrator = orchestrator
        await (await orchestrator.create_scenario(scenario_cfg, name="first")).submit()
        yield


async def count(_request: Request) -> PlainTextResponse:
    """Tell how many tasks there are."""
    return PlainTextResponse(str(len(asyncio.all_tasks())))


def access(request: Request) -> Access:
    """Count in the session how often somebody asks."""
    request.session["asked"] = request.session.get("asked", 0) + 1
    request.state.user = request.session.get("user", "web")
    return Access.ALL


_pages = asyncflow.web.dashboard(
    lambda request: request.app.state.orchestrator, access=access
)
_app = Starlette(
    lifespan=lifespan,
    routes=[Route("/tasks", count), Mount("/a/b", _pages)],
    middleware=[
        Middleware(GZipMiddleware, minimum_size=0),
        Middleware(SessionMiddleware, secret_key="of the tests"),
    ],
)


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Take a prefix away, as proxies do, and tell nobody."""
    if scope["type"] == "http" and scope["path"].startswith("/hidden/"):
        scope = {**scope, "path": scope["path"].removeprefix("/hidden")}

    await _app(scope, receive, send)
