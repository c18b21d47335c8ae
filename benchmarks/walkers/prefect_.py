"""Prefect: a flow for each run, its tasks in a `ProcessPoolTaskRunner`.

The API server is the temporary one that Prefect starts and stops by itself. A flow has
its own pool, which Prefect starts with it; so runs of several copies come one after the
other, and two processes are all that run.
"""

from __future__ import annotations

from typing import Any

from prefect import flow, task
from prefect.futures import wait
from prefect.task_runners import ProcessPoolTaskRunner

from benchmarks.graphs import Graph
from benchmarks.walkers.abc import Values, Walker
from benchmarks.walkers.threaded import ThreadedWalker


class PrefectWalker(ThreadedWalker):
    """Submit all tasks of a flow at once; futures are arguments of what needs them."""

    def runner(self) -> Any:
        return ProcessPoolTaskRunner(max_workers=self.workers)

    def walk(self, graph: Graph, copies: int) -> list[Values]:
        @flow(task_runner=self.runner(), validate_parameters=False)
        def walked() -> Values:
            futures = submitted(graph)
            wait(futures)
            return tuple(future.result() for future in futures)

        return [walked() for _ in range(copies)]


def submitted(graph: Graph) -> list[Any]:
    """Submit all jobs; return the futures of the last."""
    tasks = {job.function: task(job.function) for job in graph.jobs}
    futures: dict[int, Any] = {}

    for index, job in enumerate(graph.jobs):
        futures[index] = tasks[job.function].submit(*graph.arguments(index, futures))

    return [futures[index] for index in graph.last]


def make(workers: int) -> Walker:
    return PrefectWalker(workers)
