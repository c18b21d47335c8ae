"""The list of the worker processes on all hosts of a Dask cluster."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from distributed import Client

from asyncflow.abc import WorkerInfo
from asyncflow.executors.dask.plugin import list_workers
from asyncflow.executors.dask.seats import Member

PATIENCE = 2.0
"""How long a Dask worker may take to list its worker processes, in seconds."""


async def worker_list(
    client: Client, name: str, members: Iterable[Member], *, stacks: bool
) -> list[WorkerInfo]:
    """List the worker processes of an orchestrator; see `Executor.list_workers`.

    :param name: that of its plugin
    :param members: the Dask workers
    """
    asked = (_ask(client, name, member, stacks=stacks) for member in members)
    found = await asyncio.gather(*asked)
    return [worker for listed in found for worker in listed]


async def _ask(
    client: Client, name: str, member: Member, *, stacks: bool
) -> list[WorkerInfo]:
    address = member.address
    there = client.run(list_workers, name=name, stacks=stacks, workers=[address])

    try:
        found: list[WorkerInfo] = (await asyncio.wait_for(there, PATIENCE))[address]
    except Exception:  # it has gone, or is about to; or is frozen
        return [WorkerInfo(member.host, member.pid, "silent", 0, None)]

    return found
