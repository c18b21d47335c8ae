"""By hand, over `concurrent.futures.ProcessPoolExecutor`.

Processes are started by the platform's default method: the report says which.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ProcessPoolExecutor
from types import TracebackType
from typing import Self

from benchmarks.graphs import Graph
from benchmarks.walkers.abc import Values, Walker


class PoolWalker(Walker):
    """Start a task for each job as soon as what it needs is there."""

    async def __aenter__(self) -> Self:
        self.pool = ProcessPoolExecutor(self.workers)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.pool.shutdown)

    async def run(self, graph: Graph, copies: int) -> list[Values]:
        async with asyncio.TaskGroup() as group:
            walks = [group.create_task(walk(graph, self.pool)) for _ in range(copies)]

        return [task.result() for task in walks]


async def walk(graph: Graph, pool: ProcessPoolExecutor) -> Values:
    """Run each job when the jobs before it are done."""
    loop = asyncio.get_running_loop()
    values: dict[int, object] = {}
    successors = graph.successors
    missing = [len(job.needs) for job in graph.jobs]

    async def run(index: int) -> None:
        arguments = graph.arguments(index, values)
        function = graph.jobs[index].function
        values[index] = await loop.run_in_executor(pool, function, *arguments)

        for after in successors[index]:
            missing[after] -= 1

            if not missing[after]:
                group.create_task(run(after))

    async with asyncio.TaskGroup() as group:
        for index, job in enumerate(graph.jobs):
            if not job.needs:
                group.create_task(run(index))

    return tuple(values[index] for index, after in enumerate(successors) if not after)


def make(workers: int) -> Walker:
    return PoolWalker(workers)
