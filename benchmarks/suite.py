"""What is measured: the benchmarks by name, and at which size."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from benchmarks import graphs
from benchmarks.graphs import Graph

WORKERS = 2
ELEMENT = 8
"""The bytes of an array's element."""


LEAST_SCALE = 1e-4


class Benchmark(NamedTuple):
    """A graph to walk, and how."""

    name: str
    says: str
    make: Callable[[float], Graph]
    """Makes the graph; a scale of 1 is the full size."""
    copies: int = 1
    """How many runs of the graph are submitted at once."""
    per_job: bool = True
    """Whether the time is told for each job, or in all."""
    quick: bool = True
    """Whether ``--quick`` has it."""
    cold: bool = False
    """Whether what is measured begins with the start of the interpreter."""
    check: bool = False
    """Whether asyncflow runs it once, to see that it runs."""
    scaling: bool = False
    """Whether it is one of several sizes, which asyncflow alone runs by default."""
    needs: str | None = None
    """A module that must be there."""

    def copies_at(self, scale: float) -> int:
        return sized(self.copies, scale) if self.copies > 1 else 1

    def jobs_at(self, scale: float) -> int:
        """Count the jobs of all copies at a scale."""
        return len(self.make(scale).jobs) * self.copies_at(scale)

    def fitting(self, scale: float, most: int) -> float:
        """Return the scale, made smaller until there are not more jobs than `most`."""
        while self.jobs_at(scale) > most and scale > LEAST_SCALE:
            scale *= 0.8

        return scale


def sized(full: int, scale: float, least: int = 2) -> int:
    """Return a size at a scale, where less than `least` would make no sense."""
    return max(least, round(full * scale))


def by_name(name: str) -> Benchmark:
    """Return the benchmark of this name.

    :raises KeyError: there is none
    """
    return {benchmark.name: benchmark for benchmark in (*SUITE, *SCALING)}[name]


def scaling(count: int) -> Benchmark:
    """Return the benchmark that runs so many jobs in one submission."""
    return Benchmark(
        f"jobs-{count}",
        f"{count} no-ops in one submission, none needs another",
        lambda scale: graphs.fan_out(sized(count, scale)),
        scaling=True,
    )


SUITE = (
    Benchmark(
        "fan-out",
        "10 000 no-ops, none needs another",
        lambda scale: graphs.fan_out(sized(10_000, scale)),
        quick=False,
    ),
    Benchmark(
        "fan-out-1k",
        "1 000 no-ops, none needs another",
        lambda scale: graphs.fan_out(sized(1_000, scale)),
    ),
    Benchmark(
        "chain",
        "1 000 no-ops, each needs the one before",
        lambda scale: graphs.chain(sized(1_000, scale)),
    ),
    Benchmark(
        "layered",
        "20 layers of 50 no-ops, each needs 3 of the layer above",
        lambda scale: graphs.layered(sized(20, scale), sized(50, scale, 3)),
    ),
    Benchmark(
        "submissions",
        "200 runs of a chain of 3 no-ops, all at once",
        lambda _: graphs.chain(3),
        copies=200,
    ),
    Benchmark(
        "cpu",
        "8 jobs of 0.5 s of CPU time",
        lambda scale: graphs.burning(8, 0.5 * scale),
        per_job=False,
    ),
    Benchmark(
        "array",
        "100 MB of numpy array from a job to the next",
        lambda scale: graphs.array(sized(100_000_000 // ELEMENT, scale)),
        per_job=False,
        needs="numpy",
    ),
    Benchmark(
        "cold",
        "from the start of the interpreter to the first result",
        lambda _: graphs.chain(1),
        per_job=False,
        cold=True,
    ),
    Benchmark(
        "chain-5k",
        "5 000 no-ops, each needs the one before: that it runs",
        lambda scale: graphs.chain(sized(5_000, scale)),
        quick=False,
        check=True,
    ),
)

SCALING = tuple(map(scaling, (100, 1_000, 10_000, 100_000)))
"""The price of a job and its memory, by how many there are."""
