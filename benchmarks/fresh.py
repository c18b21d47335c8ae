"""One walker, one benchmark, once: what a fresh interpreter runs for each sample.

``python -m benchmarks.fresh WALKER BENCHMARK SCALE`` prints a line of JSON. Of a cold
start it prints the values alone, as soon as they are there: who started it has the
clock. So little is imported here. What a library prints goes to the standard error.
"""

from __future__ import annotations

import os
import sys
from typing import IO, TYPE_CHECKING

from benchmarks import graphs, walkers
from benchmarks.suite import WORKERS, Benchmark, by_name

if TYPE_CHECKING:
    from benchmarks.graphs import Graph
    from benchmarks.walkers.abc import Walker

WARM_UP = 0.05
"""The scale of the runs before the one that is measured."""


class WrongValues(Exception):
    """A walker's values are not those of the graph."""


async def cold(walker: Walker, graph: Graph, out: IO[str]) -> None:
    async with walker:
        await walker.prepare(graph, 1)
        check(graph, await walker.run(graph, 1))
        print("ready", file=out, flush=True)


async def warm(walker: Walker, benchmark: Benchmark, scale: float) -> None:
    """Have all workers started, what the jobs need imported, and the code run once."""
    naps = graphs.napping(2 * WORKERS, 0.1)
    small = benchmark.make(scale)

    for graph in (naps, small, small):
        await walker.prepare(graph, 1)
        check(graph, await walker.run(graph, 1))


async def measure(
    walker: Walker, benchmark: Benchmark, scale: float, warm_up: float, out: IO[str]
) -> None:
    """Measure a run of warm workers; print what was seen."""
    import gc
    import json
    import time

    from benchmarks import memory
    from benchmarks.lag import LagSampler

    graph, copies = benchmark.make(scale), benchmark.copies_at(scale)

    async with walker:
        await warm(walker, benchmark, warm_up)
        gc.collect()
        before = memory.resident()
        created = time.perf_counter()
        await walker.prepare(graph, copies)
        created = time.perf_counter() - created
        gc.collect()
        memory.forget_peak()
        resident = memory.resident()

        async with LagSampler() as sampler:
            cpu, start = time.process_time(), time.perf_counter()
            values = await walker.run(graph, copies)
            seconds = time.perf_counter() - start
            cpu = time.process_time() - cpu

        peak = memory.peak()
        check(graph, values)

    sample = {
        "seconds": seconds,
        "create": created,
        "read": walker.read_seconds,
        "cpu": cpu,
        "declared": grown(before, resident),
        "growth": grown(resident, peak),
        "lag": sampler.lag(),
    }
    print(json.dumps(sample), file=out, flush=True)


def grown(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else after - before


def check(graph: Graph, results: list[tuple[object, ...]]) -> None:
    """Look whether every copy came to what the graph comes to."""
    if any(values != graph.expected for values in results):
        raise WrongValues(f"{results!r:.200} is not {graph.expected!r:.200}")


def main(name: str, benchmark: Benchmark, scale: float) -> None:
    import asyncio

    out = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    walker = walkers.load(name, WORKERS)

    if benchmark.cold:
        asyncio.run(cold(walker, benchmark.make(scale), out))
    else:
        asyncio.run(measure(walker, benchmark, scale, warm_up(name, benchmark), out))


def warm_up(name: str, benchmark: Benchmark) -> float:
    """Return the scale of the runs before: little of what a peer can do at all."""
    if name in walkers.PEERS:
        return benchmark.fitting(WARM_UP, walkers.PEERS[name].most // 10)

    return WARM_UP


if __name__ == "__main__":
    main(sys.argv[1], by_name(sys.argv[2]), float(sys.argv[3]))
