"""The shapes that are walked, and what must come out of them.

Nothing here knows a walker. A job is known by its place in `Graph.jobs`; what it needs
stands before it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, NamedTuple

from benchmarks import work

SEED = 20


class Job(NamedTuple):
    """A function, and where its arguments come from."""

    function: Callable[..., object]
    source: int | None
    """Which of the graph's sources is its argument; None where jobs are."""
    needs: tuple[int, ...] = ()
    """The jobs whose values are its arguments, in this order."""


class Graph(NamedTuple):
    """Jobs, the values that are there before, and the values that must come out."""

    sources: tuple[object, ...]
    jobs: tuple[Job, ...]
    expected: tuple[object, ...]
    """The values of the last jobs, in their order."""

    @property
    def successors(self) -> list[list[int]]:
        """For each job, who needs it."""
        found: list[list[int]] = [[] for _ in self.jobs]

        for index, job in enumerate(self.jobs):
            for needed in job.needs:
                found[needed].append(index)

        return found

    @property
    def last(self) -> list[int]:
        """The jobs that nobody needs: their values are the result."""
        return [index for index, after in enumerate(self.successors) if not after]

    def arguments(self, index: int, values: dict[int, Any]) -> list[Any]:
        """Return the arguments of a job, given the values of those before it."""
        job = self.jobs[index]

        if job.source is not None:
            return [self.sources[job.source]]

        return [values[needed] for needed in job.needs]


def fan_out(count: int) -> Graph:
    """Make jobs that share one source and do not need each other."""
    return Graph((1,), (Job(work.step, 0),) * count, (2,) * count)


def chain(count: int) -> Graph:
    """Make jobs that each need the one before."""
    rest = [Job(work.step, None, (index,)) for index in range(count - 1)]
    return Graph((0,), (Job(work.step, 0), *rest), (count,))


def layered(layers: int, width: int, parents: int = 3) -> Graph:
    """Make layers of jobs that each need some of the layer above: always the same."""
    chance = random.Random(SEED)
    jobs = [Job(work.combine, index) for index in range(width)]

    for layer in range(1, layers):
        above = range((layer - 1) * width, layer * width)
        jobs += [
            Job(work.combine, None, tuple(chance.sample(above, parents)))
            for _ in range(width)
        ]

    return _computed(Graph(tuple(range(width)), tuple(jobs), ()))


def burning(count: int, seconds: float) -> Graph:
    """Make jobs that use CPU time."""
    return Graph((seconds,), (Job(work.burn, 0),) * count, (seconds,) * count)


def napping(count: int, seconds: float) -> Graph:
    """Make jobs that keep their workers busy without using CPU time."""
    return Graph((seconds,), (Job(work.nap, 0),) * count, (seconds,) * count)


def array(length: int) -> Graph:
    """Make a job that makes an array, and one that reads it."""
    jobs = (Job(work.make_array, 0), Job(work.total, None, (0,)))
    return Graph((length,), jobs, (float(length),))


def _computed(graph: Graph) -> Graph:
    """Fill in what comes out, by plain calls."""
    values: dict[int, object] = {}

    for index, job in enumerate(graph.jobs):
        values[index] = job.function(*graph.arguments(index, values))

    return graph._replace(expected=tuple(values[index] for index in graph.last))
