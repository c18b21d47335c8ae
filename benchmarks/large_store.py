"""``python -m benchmarks.large_store``: a store with a million jobs, and what it takes then.

The jobs are real ones: chains of ten, a thousand scenarios at a time. Each figure is of a
store that was opened anew; beside it, that of the same store when it was small.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

from asyncflow import Configuration, Orchestrator, ScenarioConfig
from benchmarks import machine, place, report
from benchmarks.spread import table
from benchmarks.work import step

LENGTH = 10
"""How many jobs a run has."""


def main() -> None:
    """Measure, and print the table."""
    place.leave_when_told()
    parser = argparse.ArgumentParser("python -m benchmarks.large_store")
    parser.add_argument("--jobs", type=int, default=1_000_000, help="how many")
    parser.add_argument("--scenarios", type=int, default=1_000, help="at a time")
    parser.add_argument("--left", type=int, default=100, help="runs to be adopted")
    parser.add_argument("--die", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()

    if options.die:
        asyncio.run(die(options.die, options.left))

    print(report.header(machine.describe()), flush=True)
    wave = options.scenarios * LENGTH
    more = max(options.jobs // wave - 1, 1)
    found = []

    with tempfile.TemporaryDirectory(prefix="large-store-") as folder:
        path = Path(folder) / "asyncflow.db"

        for waves in (1, more):
            per_job = asyncio.run(fill(path, options.scenarios, waves))
            leave_runs_behind(path, options.left)
            measured = asyncio.run(measure(path, options.left))
            figures = {"a job, in us": per_job, **measured}
            figures["asyncflow gc --dry-run"] = collect(path)
            size = sum(
                file.stat().st_size for file in path.parent.glob("asyncflow.db*")
            )
            found.append({**figures, "size of the database, in MB": size / 1e6})

    small, large = (
        f"{count:_}".replace("_", " ") for count in (wave, wave * (more + 1))
    )
    head = ("what, in ms", f"{small} jobs", f"{large} jobs")
    rows = [(name, *(f"{figures[name]:.1f}" for figures in found)) for name in found[0]]
    print(f"\n{table(head, rows)}")


def declared(config: Configuration) -> ScenarioConfig:
    nodes = [config.configure_data_node("n0", default_data=0)]
    tasks = []

    for index in range(LENGTH):
        nodes.append(config.configure_data_node(f"n{index + 1}"))
        tasks.append(config.configure_task(f"t{index}", step, nodes[-2], nodes[-1]))

    return config.configure_scenario("chain", tasks)


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[tuple[Orchestrator, ScenarioConfig]]:
    config = Configuration()
    config.configure_job_executions("standalone", 2)
    cfg = declared(config)

    async with Orchestrator(config, path) as orchestrator:
        yield orchestrator, cfg


async def fill(path: Path, count: int, waves: int) -> float:
    """Create so many scenarios and run them, so often; return the microseconds a job."""
    seconds = 0.0

    async with opened(path) as (orchestrator, cfg):
        for _ in range(waves):
            scenarios = [await orchestrator.create_scenario(cfg) for _ in range(count)]
            begun = time.perf_counter()

            for submission in [scenario.submit() for scenario in scenarios]:
                await submission

            seconds += time.perf_counter() - begun

    return seconds / (count * waves * LENGTH) * 1e6


async def measure(path: Path, left: int) -> dict[str, float]:
    """Return how many milliseconds each thing takes that is done with an open store.

    :param left: how many runs somebody has left behind in it
    """
    found: dict[str, float] = {}

    @contextmanager
    def timed(name: str) -> Iterator[None]:
        begun = time.perf_counter()
        yield
        found[name] = (time.perf_counter() - begun) * 1e3

    async with AsyncExitStack() as stack:
        with timed(f"open, and adopt {left} runs"):
            orchestrator, cfg = await stack.enter_async_context(opened(path))

        with timed("the rest of those runs"):
            await orchestrator.drain()

        with timed("create a scenario"):
            scenario = await orchestrator.create_scenario(cfg)

        with timed(f"a run of {LENGTH} jobs"):
            run = await scenario.submit()

        with timed("100 scenarios"):
            scenarios = await orchestrator.scenarios(limit=100)

        with timed("100 runs"):
            await orchestrator.submissions(limit=100)

        with timed("100 runs that failed"):
            await orchestrator.submissions(status="FAILED", limit=100)

        with timed("100 jobs"):
            await orchestrator.jobs(limit=100)

        with timed("a run by its id"):
            await orchestrator.get_submission(run.id)

        with timed("delete a scenario"):
            await orchestrator.delete(scenarios[-1].id)

    return found


def leave_runs_behind(path: Path, count: int) -> None:
    """Have a process die with runs that have just been accepted."""
    words = ("--die", str(path), "--left", str(count))
    command = [sys.executable, "-m", "benchmarks.large_store", *words]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL


def collect(path: Path) -> float:
    """Look what could be removed; return how many milliseconds that takes."""
    words = ("gc", "--keep", "1000", "--dry-run", "--store", str(path))
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-m", "asyncflow", *words], check=True)
    return (time.perf_counter() - begun) * 1e3


async def die(path: Path, count: int) -> None:
    async with opened(path) as (orchestrator, cfg):
        scenarios = [await orchestrator.create_scenario(cfg) for _ in range(count)]
        runs = [scenario.submit() for scenario in scenarios]
        await runs[-1].accepted()
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
