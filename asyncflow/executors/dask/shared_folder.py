"""What this host and those of a Dask cluster are to share: a folder, or an address."""

from __future__ import annotations

import asyncio
import os
import pickle
import uuid
from collections.abc import Mapping

from anyio import to_thread
from distributed import Client, Worker

from asyncflow.abc import ValuesAddress
from asyncflow.errors import ClusterFailed
from asyncflow.executors.dask.seats import Member

UNKNOWN = "it does not answer"


async def reach(client: Client, members: Mapping[str, Member], folder: str) -> None:
    """See whether a folder of this host is there on all others.

    :param members: the Dask workers, by their addresses
    :raises ClusterFailed: where it is not
    """
    text = uuid.uuid4().hex
    path = os.path.join(folder, f"{text}.probe")
    await to_thread.run_sync(_write, path, text)

    try:
        found = await client.run(probe, path=path)
    finally:
        await to_thread.run_sync(os.unlink, path)

    blind = sorted(
        member.host for address, member in members.items() if found.get(address) != text
    )

    if blind:
        raise ClusterFailed(
            client.scheduler.address,
            f"the folder of values {folder} of this host is not there on "
            f"{', '.join(blind)}",
            "give the orchestrator a store in a folder that all hosts share, at the "
            "same path: Orchestrator(store='/shared/.asyncflow/asyncflow.db'); or, where "
            "they share none, an address: Orchestrator(values='s3://bucket/prefix')",
        )


async def reach_address(
    client: Client, members: Mapping[str, Member], address: ValuesAddress
) -> None:
    """See whether all hosts can write to the address of values.

    :raises ClusterFailed: where one cannot
    """
    found = await client.run(probe_address, data=pickle.dumps(address))
    blind = {
        member.host: why
        for at, member in members.items()
        if (why := found.get(at, UNKNOWN))
    }

    if blind:
        raise ClusterFailed(
            client.scheduler.address,
            f"values cannot be kept from {', '.join(sorted(blind))}: "
            f"{next(iter(blind.values()))}",
            "have all hosts reach that address, with the packages that it needs",
        )


async def probe_address(dask_worker: Worker, data: bytes) -> str:  # noqa: ARG001
    """Return why an address cannot be written from here; nothing where it can be."""
    loop = asyncio.get_running_loop()

    try:
        address: ValuesAddress = pickle.loads(data)
        await loop.run_in_executor(None, address.probe)
    except Exception as error:
        return f"{type(error).__name__}: {error}"

    return ""


async def probe(dask_worker: Worker, path: str) -> str | None:  # noqa: ARG001  # Dask gives it
    """Return what is in a file, as far as it is seen where this is called."""
    loop = asyncio.get_running_loop()

    try:
        return await loop.run_in_executor(None, _read, path)
    except OSError:
        return None


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()
