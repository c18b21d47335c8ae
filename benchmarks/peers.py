"""The table of the peers: what a job costs each, next to asyncflow in the same round."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from benchmarks import machine
from benchmarks.rounds import Peer, Result, Sample
from benchmarks.spread import Row, spread, unit
from benchmarks.walkers import PEERS

HEAD = (
    "benchmark",
    "peer",
    "jobs",
    "rounds",
    "unit",
    "the peer's",
    "asyncflow's",
    "peer / asyncflow",
    "loop lag p99, ms",
    "parent grew, MiB",
)
MEBI = 1024 * 1024


class Cost(NamedTuple):
    """What a job cost a peer, and asyncflow in the same round, in seconds."""

    peer: float
    asyncflow: float


def versions(names: Sequence[str]) -> dict[str, str]:
    """Tell each peer's version, as the header shows it."""
    return {name: version(name) for name in names}


def version(name: str) -> str:
    package = PEERS[name].package
    return f"{package} {machine.version(package)}"


def rows(results: Sequence[Result]) -> Iterable[Row]:
    for result in results:
        for name, part in result.peers.items():
            if part.samples:
                yield row(result, name, part)


def row(result: Result, name: str, part: Peer) -> Row:
    label, factor = unit(result)
    costs = [
        Cost(sample.seconds / part.jobs, own.seconds / result.jobs)
        for sample, own in zip(part.samples, result.samples["asyncflow"], strict=False)
    ]
    factor *= result.jobs
    return [
        result.benchmark.name,
        name,
        str(part.jobs) if part.jobs == result.jobs else f"{part.jobs} of {result.jobs}",
        str(len(costs)),
        label,
        spread([cost.peer * factor for cost in costs], 1),
        spread([cost.asyncflow * factor for cost in costs], 1),
        spread([cost.peer / cost.asyncflow for cost in costs], 2),
        spread([lag * 1e3 for sample in part.samples for lag in p99(sample)], 1),
        spread(
            [grown / MEBI for sample in part.samples for grown in growth(sample)], 1
        ),
    ]


def p99(sample: Sample) -> list[float]:
    return [sample.lag.p99] if sample.lag else []


def growth(sample: Sample) -> list[int]:
    return [] if sample.growth is None else [sample.growth]


def notes(results: Sequence[Result]) -> Iterable[str]:
    """Say who did not take part, or not to the end, and why."""
    absent = {
        name: part.problem
        for result in results
        for name, part in result.peers.items()
        if machine.version(PEERS[name].package) == machine.ABSENT
    }
    yield from (f"{name}: skipped, {problem}" for name, problem in absent.items())

    for result in results:
        for name, part in result.peers.items():
            if part.problem and name not in absent:
                yield f"{result.benchmark.name}, {name}: {part.problem}"


def failed(result: Result) -> bool:
    """Tell whether a peer that is installed did not come to the right values."""
    return any(
        part.problem and machine.version(PEERS[name].package) != machine.ABSENT
        for name, part in result.peers.items()
    )
