"""Dask distributed: a graph of `delayed` calls, computed by a `LocalCluster`.

Two processes of one thread, no dashboard; the client is the asynchronous one.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import dask
from distributed import Client, LocalCluster

from benchmarks.graphs import Graph
from benchmarks.walkers.abc import Values, Walker


class DaskWalker(Walker):
    """Build all calls first, then compute them at once."""

    async def __aenter__(self) -> Self:
        self.cluster = await LocalCluster(
            n_workers=self.workers,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            asynchronous=True,
        )
        self.client = await Client(self.cluster, asynchronous=True)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.client.close()
        await self.cluster.close()

    async def run(self, graph: Graph, copies: int) -> list[Values]:
        calls = [delayed(graph) for _ in range(copies)]
        last = len(graph.last)
        futures = self.client.compute([call for copy in calls for call in copy])
        values = await self.client.gather(futures)
        return [
            tuple(values[copy * last : (copy + 1) * last]) for copy in range(copies)
        ]


def delayed(graph: Graph) -> list[Any]:
    """Return the last jobs of a graph, as calls that wait for the others."""
    functions = {
        job.function: dask.delayed(job.function, pure=False) for job in graph.jobs
    }
    calls: dict[int, Any] = {}

    for index, job in enumerate(graph.jobs):
        calls[index] = functions[job.function](*graph.arguments(index, calls))

    return [calls[index] for index in graph.last]


def make(workers: int) -> Walker:
    return DaskWalker(workers)
