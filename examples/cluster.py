# ci: run
"""Jobs on the hosts of a Dask cluster, and where each of them has run.

Without an address a cluster is started on this host, with two Dask workers, and ended with
the orchestrator. For one that is there, set DASK_SCHEDULER_ADDRESS, or give
`address="tls://host:8786"`. It needs `pip install '.[dask]'`.
"""

import math
from collections import Counter

import anyio

from asyncflow import Config, Orchestrator

PARTS = 8
STEP = 20_000


def count_primes(start: int) -> int:
    """Count the primes from `start` on, below `start + STEP`."""
    return sum(is_prime(number) for number in range(start, start + STEP))


def is_prime(number: int) -> bool:
    return number > 1 and all(number % i for i in range(2, math.isqrt(number) + 1))


def add(*counts: int) -> int:
    return sum(counts)


Config.configure_job_executions(mode="cluster", max_nb_of_workers=2)

starts = [
    Config.configure_data_node(f"start_{part}", default_data=part * STEP)
    for part in range(PARTS)
]
counts = [Config.configure_data_node(f"count_{part}") for part in range(PARTS)]
total = Config.configure_data_node("total")

tasks = [
    Config.configure_task(f"part_{part}", count_primes, starts[part], counts[part])
    for part in range(PARTS)
]
tasks.append(Config.configure_task("add", add, counts, total))
primes = Config.configure_scenario("primes", tasks)


async def main() -> None:
    async with Orchestrator() as orchestrator:
        scenario = await orchestrator.create_scenario(primes)
        submission = await scenario.submit()
        print("primes:", await scenario.total.read())

        for worker, jobs in Counter(job.worker for job in submission.jobs).items():
            print(f"{jobs} jobs in {worker}")

        for one in await orchestrator.workers():
            print(f"{one.pid} on {one.host} is {one.state}: {one.memory >> 20} MiB")


anyio.run(main)
