"""``python -m benchmarks.flat``: what 100 000 jobs in one orchestrator leave in memory.

Runs of 1 000 no-ops, one after the other; after every tenth part, the memory that is the
process's own, and what is left of the submissions.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys
import weakref
from pathlib import Path

from asyncflow import Submission
from benchmarks import graphs, memory
from benchmarks.report import MEBI
from benchmarks.suite import WORKERS
from benchmarks.walkers.asyncflow_ import AsyncflowWalker

JOBS = 1_000
"""In one run."""

ROLLUP = Path("/proc/self/smaps_rollup")


def main() -> int:
    parser = argparse.ArgumentParser("python -m benchmarks.flat", description=__doc__)
    parser.add_argument("--jobs", type=int, default=100_000, help="in all")
    parser.add_argument("--store", help="None is an SQLite file; or :memory:")
    options = parser.parse_args()
    asyncio.run(measure(options.jobs // JOBS, options.store))
    return 0


async def measure(runs: int, store: str | None) -> None:
    alive: weakref.WeakSet[Submission] = weakref.WeakSet()
    print("| jobs | MiB of the process | submissions in memory |")
    print("| --- | --- | --- |")

    async with AsyncflowWalker(WORKERS, store) as walker:
        await walker.prepare(graphs.fan_out(JOBS), 1)
        walker.scenarios.clear()

        for run in range(runs):
            scenario = await walker.orchestrator.create_scenario("g1")
            submission = scenario.submit()
            alive.add(await submission)
            del submission, scenario

            if (run + 1) % max(1, runs // 10) == 0:
                gc.collect()
                own = anonymous() / MEBI
                print(f"| {(run + 1) * JOBS} | {own:.1f} | {len(alive)} |", flush=True)


def anonymous() -> int:
    """Return the bytes that are the process's own: not those of mapped files."""
    for line in ROLLUP.read_text().splitlines():
        if line.startswith("Anonymous:"):
            return int(line.split()[1]) * 1024

    return memory.resident() or 0


if __name__ == "__main__":
    sys.exit(main())
