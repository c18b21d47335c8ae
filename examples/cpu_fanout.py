# ci: run
"""Count primes in worker processes: a fan-out of CPU-bound jobs, and its speed-up.

    counter_0 .. counter_7  ->  count_0 .. count_7  ->  summing  ->  total

A task's function may be any callable that can be pickled: here a `partial`.
"""

import os
import time
from functools import partial

import anyio

from asyncflow import Config, Orchestrator

JOBS = 8
STEP = 40_000


def count_primes(start: int) -> int:
    found = 0

    for number in range(max(start, 2), start + STEP):
        found += all(number % divisor for divisor in range(2, int(number**0.5) + 1))

    return found


def total(*counts: int) -> int:
    return sum(counts)


Config.configure_job_executions(mode="standalone", prewarm=True)

counts = [Config.configure_data_node(f"count_{job}") for job in range(JOBS)]
total_cfg = Config.configure_data_node("total")
counters = [
    Config.configure_task(
        f"counter_{job}", partial(count_primes, job * STEP), output=counts[job]
    )
    for job in range(JOBS)
]
summing = Config.configure_task("summing", total, counts, total_cfg)
scenario_cfg = Config.configure_scenario("primes", [*counters, summing])


async def main() -> None:
    async with Orchestrator() as orchestrator:
        scenario = await orchestrator.create_scenario(scenario_cfg)
        await scenario.submit()  # the workers start meanwhile

        started = time.perf_counter()
        await scenario.submit()
        parallel = time.perf_counter() - started
        found = await scenario.total.read()
        workers = orchestrator.max_nb_of_workers

    started = time.perf_counter()
    expected = sum(count_primes(job * STEP) for job in range(JOBS))
    serial = time.perf_counter() - started

    assert found == expected
    print(f"{found} primes below {JOBS * STEP}")
    print(f"one after the other: {serial:.2f} s")
    print(f"{JOBS} jobs, {workers} workers, {os.cpu_count()} CPUs: {parallel:.2f} s")
    print(f"speed-up: {serial / parallel:.1f}")


anyio.run(main)
