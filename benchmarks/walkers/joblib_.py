"""joblib: `Parallel` with its default back end and batches, a level of the graph at a time.

joblib knows no graph, so a level waits for the one before. Copies of a graph are
walked together, as `Parallel` runs one list of calls after the other.
"""

from __future__ import annotations

from typing import Any

from joblib import Parallel, delayed
from joblib.externals.loky import get_reusable_executor

from benchmarks.graphs import Graph
from benchmarks.walkers.abc import Values, Walker
from benchmarks.walkers.threaded import ThreadedWalker


class JoblibWalker(ThreadedWalker):
    """Keep the workers from one level to the next, and from run to run."""

    def close(self) -> None:
        get_reusable_executor(self.workers).shutdown(wait=True)

    def walk(self, graph: Graph, copies: int) -> list[Values]:
        values: list[dict[int, Any]] = [{} for _ in range(copies)]

        with Parallel(n_jobs=self.workers) as parallel:
            for level in levels(graph):
                places = [(known, index) for known in values for index in level]
                made = parallel(
                    delayed(graph.jobs[index].function)(*graph.arguments(index, known))
                    for known, index in places
                )

                for (known, index), value in zip(places, made, strict=True):
                    known[index] = value

        last = graph.last
        return [tuple(known[index] for index in last) for known in values]


def levels(graph: Graph) -> list[list[int]]:
    """Return the jobs by how many stand one before the other."""
    depth: list[int] = []
    found: dict[int, list[int]] = {}

    for index, job in enumerate(graph.jobs):
        depth.append(1 + max((depth[needed] for needed in job.needs), default=-1))
        found.setdefault(depth[index], []).append(index)

    return [found[level] for level in sorted(found)]


def make(workers: int) -> Walker:
    return JoblibWalker(workers)
