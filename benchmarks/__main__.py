"""``python -m benchmarks``: measure, and print the tables."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import attrs

from benchmarks import machine, peers, place, report, rounds
from benchmarks.lag import Lag, idle_lag
from benchmarks.rounds import Result
from benchmarks.suite import SCALING, SUITE, Benchmark, by_name
from benchmarks.walkers import PEERS

IN_FULL = (*SUITE, by_name("jobs-1000"), by_name("jobs-100000"))
SCALING_ROUNDS = 3
"""In how many rounds many jobs run, at most, where the caller does not say."""


def main() -> int:
    """Measure what was asked for; return 1 where a walker failed."""
    place.leave_when_told()
    options = parser().parse_args()
    repeat = options.repeat or (3 if options.quick else 7)
    others = options.peer or (list(PEERS) if options.peers else [])
    facts = {**machine.describe(), **peers.versions(others)}
    print(report.header(facts), flush=True)
    idle = [asyncio.run(idle_lag(1.0)) for _ in range(repeat)]
    results = [
        measure(benchmark, options, repeat, others)
        for benchmark in chosen(options.only, quick=options.quick)
    ]
    print(f"\n{report.tables(results, idle)}")
    print(f"\nload average at the end: {machine.load_average()}")

    if options.json:
        options.json.write_text(as_json(dict(facts), idle, results))

    return int(any(result.problem or peers.failed(result) for result in results))


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m benchmarks",
        description="asyncflow next to what one would write by hand, as ratios",
        epilog="; ".join(f"{one.name}: {one.says}" for one in SUITE),
    )
    parser.add_argument("--quick", action="store_true", help="smaller, fewer rounds")
    parser.add_argument(
        "--only",
        action="append",
        metavar="NAME",
        choices=[benchmark.name for benchmark in (*SUITE, *SCALING)],
        help="one benchmark; may be given several times",
    )
    parser.add_argument(
        "--peers", action="store_true", help="other libraries too, if installed"
    )
    parser.add_argument(
        "--peer",
        action="append",
        metavar="NAME",
        choices=list(PEERS),
        help=f"one of them, of {', '.join(PEERS)}; may be given several times",
    )
    parser.add_argument(
        "--peer-rounds", type=count, metavar="N", help="rounds of theirs: 3, or 1"
    )
    parser.add_argument("--repeat", type=count, metavar="N", help="rounds")
    parser.add_argument(
        "--scale", type=size, default=1.0, help="of all sizes; 1 is full"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="for every sample")
    return parser


def count(text: str) -> int:
    """Read a number of rounds."""
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")

    return number


def size(text: str) -> float:
    """Read a scale."""
    if (number := float(text)) <= 0:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")

    return number


def chosen(only: list[str] | None, *, quick: bool) -> list[Benchmark]:
    """Return what to measure: what is named, or all."""
    if only:
        return [by_name(name) for name in only]

    if quick:
        return [benchmark for benchmark in SUITE if benchmark.quick]

    return list(IN_FULL)


def measure(
    benchmark: Benchmark, options: argparse.Namespace, repeat: int, others: list[str]
) -> Result:
    print(f"{benchmark.name}: {benchmark.says}", file=sys.stderr, flush=True)

    if benchmark.scaling:
        some = options.repeat or min(repeat, SCALING_ROUNDS)
        return rounds.measure(benchmark, options.scale, some)

    theirs = options.peer_rounds or (1 if options.quick else rounds.PEER_ROUNDS)
    return rounds.measure(benchmark, options.scale, repeat, others, theirs)


def as_json(
    facts: dict[str, str], idle: Sequence[Lag], results: Sequence[Result]
) -> str:
    """Return every sample, in seconds and bytes."""
    measured = {
        result.benchmark.name: {
            "jobs": result.jobs,
            "problem": result.problem,
            "samples": {
                name: [with_names(sample) for sample in samples]
                for name, samples in result.samples.items()
            },
            "peers": {
                name: {
                    "jobs": part.jobs,
                    "problem": part.problem,
                    "samples": [with_names(sample) for sample in part.samples],
                }
                for name, part in result.peers.items()
            },
            "references": [attrs.asdict(one) for one in result.references],
        }
        for result in results
    }
    lags = [lag._asdict() for lag in idle]
    return json.dumps(
        {"machine": facts, "idle lag": lags, "benchmarks": measured}, indent=1
    )


def with_names(sample: rounds.Sample) -> dict[str, object]:
    lag = sample.lag
    return {**attrs.asdict(sample), "lag": lag and lag._asdict()}


if __name__ == "__main__":
    sys.exit(main())
