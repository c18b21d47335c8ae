"""Ray: a remote function for each job, references as arguments; two CPUs, no dashboard."""

from __future__ import annotations

from typing import Any

import ray

from benchmarks.graphs import Graph
from benchmarks.walkers.abc import Values, Walker
from benchmarks.walkers.threaded import ThreadedWalker


class RayWalker(ThreadedWalker):
    """Call every job at once, and get the last values together."""

    def open(self) -> None:
        ray.init(
            address="local",
            num_cpus=self.workers,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="warning",
        )

    def close(self) -> None:
        ray.shutdown()

    def walk(self, graph: Graph, copies: int) -> list[Values]:
        calls = [remote(graph) for _ in range(copies)]
        last = len(graph.last)
        values = ray.get([call for copy in calls for call in copy])
        return [
            tuple(values[copy * last : (copy + 1) * last]) for copy in range(copies)
        ]


def remote(graph: Graph) -> list[Any]:
    """Call all jobs; return the references of the last."""
    functions = {job.function: ray.remote(job.function) for job in graph.jobs}
    calls: dict[int, Any] = {}

    for index, job in enumerate(graph.jobs):
        calls[index] = functions[job.function].remote(*graph.arguments(index, calls))

    return [calls[index] for index in graph.last]


def make(workers: int) -> Walker:
    return RayWalker(workers)
