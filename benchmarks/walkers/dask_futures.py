"""Dask distributed by futures: `Client.map` where no job needs another, else `submit`."""

from __future__ import annotations

from typing import Any

from benchmarks.graphs import Graph
from benchmarks.walkers.abc import Values, Walker
from benchmarks.walkers.dask_ import DaskWalker


class DaskFuturesWalker(DaskWalker):
    """Send each job at once, with the futures of those that it needs."""

    async def run(self, graph: Graph, copies: int) -> list[Values]:
        runs = [self.futures(graph) for _ in range(copies)]
        found = [
            await self.client.gather([futures[index] for index in graph.last])
            for futures in runs
        ]
        return [tuple(values) for values in found]

    def futures(self, graph: Graph) -> dict[int, Any]:
        functions = {job.function for job in graph.jobs}
        futures: dict[int, Any] = {}

        if len(functions) == 1 and not any(job.needs for job in graph.jobs):
            given = [graph.arguments(index, {}) for index in range(len(graph.jobs))]
            sent = self.client.map(*functions, *zip(*given, strict=True), pure=False)
            return dict(enumerate(sent))

        for index, job in enumerate(graph.jobs):
            given = graph.arguments(index, futures)
            futures[index] = self.client.submit(job.function, *given, pure=False)

        return futures


def make(workers: int) -> Walker:
    return DaskFuturesWalker(workers)
