"""A Dask cluster on this host, in processes of its own, as long as somebody wants it.

``python -m asyncflow.executors.dask.local 4`` writes the address of the scheduler to
standard output, and ends with standard input.
"""

from __future__ import annotations

import asyncio
import json
import sys

import dask
from distributed import LocalCluster


async def serve(count: int) -> None:
    """Run a cluster until standard input ends.

    :param count: how many worker processes it has
    """
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    cluster = LocalCluster(
        n_workers=count,
        threads_per_worker=1,
        processes=True,
        memory_limit=0,  # jobs have processes of their own
        dashboard_address=None,
        asynchronous=True,
    )

    async with cluster:
        sys.stdout.write(json.dumps({"address": cluster.scheduler_address}) + "\n")
        sys.stdout.flush()
        await reader.read()


if __name__ == "__main__":
    dask.config.set({"logging.distributed": "error"})
    asyncio.run(serve(int(sys.argv[1])))
