"""Run the simulator: ``python -m asyncflow.testing.simulation --seconds 60``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from asyncflow.testing.simulation.search import Search


def main(arguments: Sequence[str] | None = None) -> int:
    """Play trials; return 1 where one broke a promise."""
    parser = argparse.ArgumentParser(
        prog="python -m asyncflow.testing.simulation",
        description="Play trials of the engine, in a world that follows from a seed.",
    )
    parser.add_argument("--hours", type=float, default=0.0, help="how long")
    parser.add_argument("--seconds", type=float, default=0.0, help="how long, beside")
    parser.add_argument("--seed", action="append", default=[], help="this seed alone")
    parser.add_argument("--seeds", type=int, default=0, help="so many fresh seeds")
    parser.add_argument("--file", help="a list of seeds, one a line, before fresh ones")
    parser.add_argument("--trace", action="store_true", help="print what happens")
    parser.add_argument(
        "--keep-going", action="store_true", help="go on after a broken promise"
    )
    parser.add_argument(
        "--no-shrink", action="store_true", help="tell what broke as it was played"
    )
    given = parser.parse_args(arguments)
    seconds = given.hours * 3600 + given.seconds

    if not (seconds or given.seed or given.seeds or given.file):
        seconds = 60.0

    search = Search(
        seconds=seconds,
        seeds=given.seeds,
        trace=given.trace,
        goes_on=given.keep_going,
        shrinks=not given.no_shrink,
    )

    for seed in [*given.seed, *(_listed(given.file) if given.file else ())]:
        search.play(seed)

    if seconds or given.seeds:
        search.play_fresh()

    search.tell()
    return 1 if search.failures else 0


def _listed(path: str) -> list[str]:
    """Read a list of seeds; what follows a ``#`` is a comment."""
    with open(path, encoding="utf-8") as file:
        lines = [line.partition("#")[0].strip() for line in file]

    return [line for line in lines if line]


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":  # sets of texts have an order then
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606  # ourselves

    sys.exit(main())
