"""By hand, over `anyio.to_process.run_sync`."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from anyio import CapacityLimiter, create_task_group, to_process

from benchmarks.graphs import Graph
from benchmarks.walkers.abc import Values, Walker


class BareWalker(Walker):
    """Start a task for each job as soon as what it needs is there."""

    async def __aenter__(self) -> Self:
        self.limiter = CapacityLimiter(self.workers)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Leave it to anyio, which ends its workers with the event loop."""

    async def run(self, graph: Graph, copies: int) -> list[Values]:
        results: list[Values] = [()] * copies

        async def one(copy: int) -> None:
            results[copy] = await walk(graph, self.limiter)

        async with create_task_group() as group:
            for copy in range(copies):
                group.start_soon(one, copy)

        return results


async def walk(graph: Graph, limiter: CapacityLimiter) -> Values:
    """Run each job when the jobs before it are done."""
    values: dict[int, object] = {}
    successors = graph.successors
    missing = [len(job.needs) for job in graph.jobs]

    async def run(index: int) -> None:
        arguments = graph.arguments(index, values)
        function = graph.jobs[index].function
        values[index] = await to_process.run_sync(function, *arguments, limiter=limiter)

        for after in successors[index]:
            missing[after] -= 1

            if not missing[after]:
                group.start_soon(run, after)

    async with create_task_group() as group:
        for index, job in enumerate(graph.jobs):
            if not job.needs:
                group.start_soon(run, index)

    return tuple(values[index] for index, after in enumerate(successors) if not after)


def make(workers: int) -> Walker:
    return BareWalker(workers)
