"""The way to a Dask cluster: one that is there, or one on this host."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import lru_cache
from ipaddress import ip_address
from typing import Any, Protocol

from anyio import CancelScope, move_on_after, to_thread
from distributed import Client, Security
from distributed.versions import get_versions

from asyncflow.errors import ClusterFailed
from asyncflow.executors.dask.silence import telling_who_is_silent
from asyncflow.log import logger as _logger
from asyncflow.worker.world import interpreter_options

PATIENCE = 10.0
"""How long a scheduler may take to answer, in seconds."""

START = 60.0
"""How long a cluster on this host may take to start, in seconds."""

VARIABLE = "DASK_SCHEDULER_ADDRESS"

COMPARED = ("python", "asyncflow", "cloudpickle", "distributed")
"""Of what all processes of a cluster must have the same version; of Python, the minor one
is enough."""

INTERVAL = 0.002
"""How long messages to the scheduler gather, in seconds: each is of a batch of jobs."""


def place_of(address: object, security: object) -> tuple[str | None, Any]:
    """Return the address of a scheduler, and how to get there.

    :param address: one, or an object of Dask's that has one; None for what the
        environment says, and then for a cluster on this host
    :raises ClusterFailed: where it is none
    """
    if address is None:
        address = os.environ.get(VARIABLE) or None

    if isinstance(security, Mapping):
        security = Security(**security)

    if address is None or isinstance(address, str):
        return address, security

    security = security or getattr(address, "security", None)
    scheduler = getattr(address, "scheduler", None)
    found = getattr(address, "scheduler_address", None) or getattr(
        scheduler, "address", None
    )

    if isinstance(found, str):
        return found, security

    raise ClusterFailed(
        repr(address),
        "it is no address of a scheduler, nor a cluster or client of Dask",
        "give 'tcp://host:8786', or a cluster that has started",
    )


@lru_cache(64)
def tell_if_open(address: str) -> None:
    """Warn, once for each address, where others can reach a cluster without TLS."""
    scheme, _, place = address.rpartition("://")
    host = place.rpartition(":")[0].strip("[]")

    if scheme not in ("", "tcp", "ws") or _is_loopback(host):
        return

    _logger.warning(
        "the connection with the cluster %s is not encrypted: whoever reaches it can run "
        "code on its hosts, and in this program; use TLS (tls://, and `security`), or see "
        "to it that nobody else is on that network",
        address,
    )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:  # it is a name
        return host == "localhost"


@asynccontextmanager
async def local_cluster(count: int, folder: str) -> AsyncIterator[str]:
    """Run a cluster on this host; give the address of its scheduler.

    :param count: how many workers it has
    :param folder: where it keeps its files
    :raises ClusterFailed: where it does not start
    """
    path = os.path.join(folder, "cluster.log")
    log = await to_thread.run_sync(lambda: open(path, "wb"))  # noqa: SIM115  # closed below

    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, *interpreter_options()),
            *("-P", "-m", "asyncflow.executors.dask.local"),
            str(count),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=folder,
            start_new_session=True,
        )
    finally:
        log.close()

    assert process.stdin is not None
    assert process.stdout is not None
    line = b""

    try:
        with move_on_after(START):
            line = await process.stdout.readline()

        if not line:
            last = await to_thread.run_sync(_last_line, path)
            raise ClusterFailed("on this host", f"it did not start ({last})", _LOCAL)

        yield json.loads(line)["address"]
    finally:
        with CancelScope(shield=True):
            process.stdin.close()

            with move_on_after(PATIENCE):
                await process.wait()

            if process.returncode is None:
                process.kill()
                await process.wait()

            process._transport.close()  # type: ignore[attr-defined]  # else it warns


_LOCAL = "give the address of a scheduler, or use mode='standalone'"


def _last_line(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return next((line.strip() for line in reversed(file.readlines())), "no reason")


class ConnectionListener(Protocol):
    """Who is told that a connection is lost."""

    def disconnected(self) -> None:
        """Take note that the scheduler is not reached any more."""


class Connection(Client):  # type: ignore[misc]  # Dask has no types here
    """A client of Dask's that connects once, and tells when that is over.

    Dask's own forgets its futures then, connects with whatever it finds there, and gives
    up after some seconds.
    """

    listener: ConnectionListener | None = None

    async def _reconnect(self) -> None:
        if self.listener is not None:
            self.listener.disconnected()

        await self._close()


async def connected(address: str, security: Any, name: str) -> Connection:
    """Connect with a scheduler, and compare versions.

    :raises ClusterFailed: where nobody answers, or versions differ
    """
    tell_if_open(address)

    try:
        client: Connection = await Connection(
            address,
            asynchronous=True,
            set_as_default=False,
            security=security,
            name=name,
            timeout=PATIENCE,
        )
    except (OSError, ValueError, ImportError, TypeError, RuntimeError) as error:
        raise ClusterFailed(
            address,
            f"nobody answers as a scheduler of Dask ({error})",
            "start one with `dask scheduler`, or give the address of yours; with TLS "
            "it begins with tls://, and `security` has the certificates",
        ) from error

    try:
        if client.scheduler_comm is not None:
            client.scheduler_comm.interval = INTERVAL

        async with telling_who_is_silent(client):
            found = await _versions(client)

        check_versions(address, found)
    except BaseException:
        await disconnect(client)
        raise

    return client


async def disconnect(client: Client) -> None:
    """Close a client. A cancel waits for it."""
    with CancelScope(shield=True), move_on_after(PATIENCE):
        await client.close()


async def _versions(client: Client) -> dict[str, Any]:
    """Return what is installed in each process; here it is looked up in a thread."""
    packages = [*COMPARED[1:3]]
    here = await to_thread.run_sync(get_versions, packages)
    scheduler = await client.scheduler.versions(packages=packages)
    message = {"op": "versions", "packages": packages}
    workers = await client.scheduler.broadcast(msg=message, on_error="ignore")
    return {"client": here, "scheduler": scheduler, "workers": workers}


def check_versions(address: str, found: Mapping[str, Any]) -> None:
    """Compare the versions of all processes of a cluster.

    :param found: what is installed in the client, the scheduler, and the workers
    :raises ClusterFailed: where they differ
    """
    processes = {"here": found["client"], "scheduler": found["scheduler"]}
    processes |= found["workers"]
    rows = {
        name: [str((process or {}).get("packages", {}).get(part)) for part in COMPARED]
        for name, process in processes.items()
    }

    if len({(_minor(row[0]), *row[1:]) for row in rows.values()}) == 1:
        return

    lines = [("", *COMPARED), *((name, *row) for name, row in rows.items())]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    table = "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        for line in lines
    )
    raise ClusterFailed(
        address,
        f"its processes have other versions than this one:\n{table}\n",
        "install the same ones everywhere (None: not installed)",
    )


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])
