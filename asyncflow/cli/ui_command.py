"""``asyncflow ui``."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address

import click

from asyncflow.cli.output import note
from asyncflow.cli.records import address_of, reader
from asyncflow.config.configuration import Configuration
from asyncflow.orchestrator import Orchestrator

EXTRA = "the pages need pip install '.[web]'"


@click.command(short_help="Serve pages that show the runs of a store.")
@click.argument("store", required=False)
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535))
@click.option(
    "--token",
    envvar="ASYNCFLOW_TOKEN",
    metavar="TEXT",
    help="What people sign in with, and scripts send.  [env var: ASYNCFLOW_TOKEN]",
)
def command(store: str | None, host: str, port: int, token: str | None) -> None:
    """Serve pages and a REST API, while others work on the store.

    They show runs, jobs, scenarios and data nodes, and cancel runs. What needs the code of
    your program, such as to submit or to write values, is done there: mount
    asyncflow.web.dashboard in it. Without --token only this machine is let in.

    \b
      asyncflow ui
      asyncflow ui runs.db --port 8100
    """
    try:
        import uvicorn
        from starlette.applications import Starlette
        from starlette.routing import Mount

        from asyncflow.web import dashboard
    except ModuleNotFoundError as error:
        raise click.UsageError(f"{EXTRA} ({error})") from None

    if not (token or _is_own(host)):
        raise click.UsageError(
            f"{host} can be reached by others: give them a --token, or leave --host out"
        )

    with reader(store):
        pass  # there is one

    orchestrator = Orchestrator(Configuration(), store=address_of(store), adopt=False)
    pages = dashboard(orchestrator, token=token or None)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with orchestrator:
            yield

    app = Starlette(lifespan=lifespan, routes=[Mount("/", pages)])
    try:
        taken = socket.create_server((host, port))
    except OSError as error:
        raise click.UsageError(f"{host}:{port} cannot be had: {error}") from None

    with taken:
        note(f"http://{host}:{taken.getsockname()[1]}/ has the pages; Ctrl-C ends them")
        settings = uvicorn.Config(app, log_level="warning", lifespan="on")
        uvicorn.Server(settings).run(sockets=[taken])


def _is_own(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
