"""``python -m benchmarks.scaling``: what a job costs, by how many there are.

No-ops in one submission, none needs another. Every sample is a fresh interpreter, as
`python -m benchmarks` takes them. ``--svg FILE`` draws the cost.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import attrs

from benchmarks import machine, place, report, rounds
from benchmarks.peers import versions
from benchmarks.plot import Line, Point, drawn
from benchmarks.spread import NONE, Row, spread, table
from benchmarks.suite import SCALING, Benchmark
from benchmarks.walkers import MODULES, PEERS

HEAD = (
    "walker",
    "jobs",
    "rounds",
    "µs a job",
    "creating, µs a job",
    "created, bytes a job",
    "parent grew, bytes a job",
)
SIZES = [benchmark.jobs_at(1.0) for benchmark in SCALING]


@attrs.define(kw_only=True)
class Cost:
    """One walker's samples at one size."""

    walker: str
    jobs: int
    samples: list[rounds.Sample] = attrs.field(factory=list)
    problem: str = ""


def main() -> int:
    """Measure, print the table, and draw it; return 1 where a walker failed."""
    place.leave_when_told()
    options = parser().parse_args()
    walkers = options.walker or ["asyncflow", "bare"]
    facts = {
        **machine.describe(),
        **versions([name for name in walkers if name in PEERS]),
    }
    print(report.header(facts), flush=True)
    sizes = [one for one in SCALING if one.jobs_at(1.0) <= options.most]
    costs = measure(walkers, sizes, options.repeat)
    print(f"\n{table(HEAD, map(row, costs))}")

    for cost in costs:
        if cost.problem:
            print(f"{cost.walker}, {cost.jobs} jobs: {cost.problem}")

    if options.svg:
        options.svg.write_text(plotted(costs))

    if options.json:
        options.json.write_text(json.dumps([attrs.asdict(cost) for cost in costs]))

    return int(any(cost.problem for cost in costs))


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m benchmarks.scaling",
        description="what a job costs, by how many there are",
    )
    parser.add_argument(
        "--walker",
        action="append",
        metavar="NAME",
        choices=[*MODULES, *PEERS],
        help="may be given several times; without it: asyncflow and bare",
    )
    parser.add_argument(
        "--most", type=int, default=SIZES[-1], metavar="N", help=f"jobs, of {SIZES}"
    )
    parser.add_argument("--repeat", type=int, default=3, metavar="N", help="rounds")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="for the plot")
    parser.add_argument("--json", type=Path, metavar="FILE", help="for every sample")
    return parser


def measure(
    walkers: Sequence[str], sizes: Sequence[Benchmark], repeat: int
) -> list[Cost]:
    """Take rounds of all walkers at all sizes; a peer stops at the most it can do."""
    costs = {
        (name, size): Cost(walker=name, jobs=size.jobs_at(1.0))
        for name in walkers
        for size in sizes
        if name not in PEERS or size.jobs_at(1.0) <= PEERS[name].most
    }

    for number in range(repeat):
        for (name, size), cost in costs.items():
            print(f"round {number + 1}: {name}, {cost.jobs} jobs", file=sys.stderr)
            take(name, size, cost)

    return list(costs.values())


def take(name: str, size: Benchmark, cost: Cost) -> None:
    """Take one sample, unless there was trouble before."""
    if not cost.problem:
        try:
            cost.samples.append(rounds.take(size, 1.0, name))
        except rounds.Failed as error:
            cost.problem = str(error)


def row(cost: Cost) -> Row:
    samples = cost.samples
    return [
        cost.walker,
        str(cost.jobs),
        str(len(samples)) if samples else "see below",
        told((sample.seconds * 1e6 / cost.jobs for sample in samples), 1),
        told(
            (sample.create and sample.create * 1e6 / cost.jobs for sample in samples), 1
        ),
        told(
            (sample.declared and sample.declared / cost.jobs for sample in samples), 0
        ),
        told((sample.growth and sample.growth / cost.jobs for sample in samples), 0),
    ]


def told(figures: Iterable[float | None], digits: int) -> str:
    known = [figure for figure in figures if figure is not None]
    return spread(known, digits) if known else NONE


def plotted(costs: Sequence[Cost]) -> str:
    """Draw the cost of a job, a line for each walker."""
    names = list(dict.fromkeys(cost.walker for cost in costs))
    lines = [
        Line(
            name,
            [
                Point(
                    cost.jobs, [one.seconds * 1e6 / cost.jobs for one in cost.samples]
                )
                for cost in costs
                if cost.walker == name and cost.samples
            ],
        )
        for name in names
    ]
    return drawn("Cost of a no-op job", "jobs in one submission", "µs a job", lines)


if __name__ == "__main__":
    sys.exit(main())
