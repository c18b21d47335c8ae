"""Dask workers that do not answer: whoever waits for them says so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from distributed import Client

from asyncflow.log import logger as _logger

PAUSE = 3.0
"""After how many seconds of waiting it is looked who does not answer."""

PATIENCE = 2.0
"""How long a Dask worker may take to answer then, in seconds."""

_WAITING = (
    "the cluster %s has Dask workers that do not answer, and are waited for: %s. They are "
    "frozen, cut off, or very busy; the scheduler takes silent ones for dead after its "
    "worker-ttl"
)


@asynccontextmanager
async def telling_who_is_silent(client: Client) -> AsyncIterator[None]:
    """Name in the log, once, the Dask workers that what is done here waits for."""
    telling = asyncio.ensure_future(_tell(client))

    try:
        yield
    finally:
        telling.cancel()


async def _tell(client: Client) -> None:
    silent: list[str] = []

    async def ask(address: str) -> None:
        asked = client.scheduler.broadcast(msg={"op": "identity"}, workers=[address])

        try:
            await asyncio.wait_for(asked, PATIENCE)
        except Exception:
            silent.append(address)

    while not silent:
        await asyncio.sleep(PAUSE)

        try:
            known = (await client.scheduler.identity(n_workers=-1))["workers"]
        except Exception:  # who waits hears of it
            return

        await asyncio.gather(*map(ask, known))

    _logger.warning(_WAITING, client.scheduler.address, ", ".join(sorted(silent)))
