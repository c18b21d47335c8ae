"""``python -m benchmarks.between_hosts``: an array that goes from one worker to the other.

asyncflow in ``cluster`` mode, with `in_memory` nodes, next to Dask's own futures: the same
two Dask workers, round by round. Each of them makes an array; then one job reads both, so
one of them has to travel. What is measured is that job, from its submit to its result.

Where they are to be on two hosts, the second worker has a network and mounts of its own,
as in a container; only root can make these.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress

import numpy as np
from distributed import Client, wait

from asyncflow import Configuration, Orchestrator
from benchmarks import machine, place, report
from benchmarks.peers import versions
from benchmarks.spread import spread as told
from benchmarks.spread import table

SHM = "/dev/shm"  # a disk in memory
PLACES: Mapping[str, tuple[str, str | None]] = {
    "one file system": ("", None),
    "two file systems": (SHM, None),
    "two hosts, no limit": (SHM, ""),
    "two hosts, 10 Gbit/s": (SHM, "10gbit"),
    "two hosts, 1 Gbit/s": (SHM, "1gbit"),
}
"""Where the first worker has its scratch files, which the second one has in a temporary
folder; and how fast the network is between them: None where both are on one host."""

HEAD = ("workers", "rounds", "asyncflow / dask", "asyncflow, ms", "dask, ms")
ALONE = 0.1
"""How long a job that makes an array takes at least, in seconds: so the other worker makes
the other one."""


def make_one(length: int) -> np.ndarray:
    time.sleep(ALONE)
    return np.ones(length)


def make_other(length: int) -> np.ndarray:
    return make_one(length)


def join(one: np.ndarray, other: np.ndarray) -> float:
    return float(one.sum() + other.sum())


def main() -> None:
    """Measure, and print the table."""
    place.leave_when_told()
    parser = argparse.ArgumentParser("python -m benchmarks.between_hosts")
    parser.add_argument("--repeat", type=int, default=7, help="rounds")
    parser.add_argument("--scale", type=float, default=1.0, help="1 is 100 MB")
    parser.add_argument("--only", action="append", choices=[*PLACES], metavar="PLACE")
    options = parser.parse_args()
    facts = {**machine.describe(), **versions(["dask-futures"])}
    print(report.header(facts), flush=True)
    length = int(12_500_000 * options.scale)
    rows = []

    root = os.geteuid() == 0
    names = [name for name, (_, rate) in PLACES.items() if root or rate is None]

    for name in options.only or names:
        with workers(*PLACES[name]) as addresses:
            found = asyncio.run(measure(*addresses, length, options.repeat))

        ours, theirs = zip(*found, strict=True)
        ratios = [one / two for one, two in found]
        times = [told([1e3 * one for one in each], 1) for each in (ours, theirs)]
        rows.append((name, str(len(ratios)), told(ratios, 2), *times))

    print(f"\n{table(HEAD, rows)}")


async def measure(
    scheduler: str, addresses: Sequence[str], length: int, repeat: int
) -> list[tuple[float, float]]:
    """Return the seconds of asyncflow and of Dask, for each round."""
    config = Configuration()
    config.configure_job_executions("cluster", address=scheduler)
    size = config.configure_data_node("size", default_data=length)
    one = config.configure_in_memory_data_node("one")
    other = config.configure_in_memory_data_node("other")
    total = config.configure_data_node("total")
    tasks = [
        config.configure_task("make_one", make_one, size, one),
        config.configure_task("make_other", make_other, size, other),
        config.configure_task("join", join, [one, other], total),
    ]
    declared = config.configure_scenario("arrays", tasks)
    found: list[tuple[float, float]] = []

    async with (
        Client(scheduler, asynchronous=True) as client,  # `wait` asks for a default one
        Orchestrator(config, store=":memory:") as orchestrator,
    ):
        scenario = await orchestrator.create_scenario(declared)
        await scenario.submit()

        while len(found) < repeat:
            making = [
                scenario.tasks[f"make_{name}"].submit() for name in ("one", "other")
            ]
            hosts = {job.worker for one in making for job in (await one).jobs}
            begun = time.perf_counter()
            await scenario.tasks["join"].submit()
            ours = time.perf_counter() - begun
            assert await scenario.total.read() == 2 * length

            if len(hosts) == 2:
                found.append((ours, await by_dask(client, addresses, length)))

    return found


async def by_dask(client: Client, addresses: Sequence[str], length: int) -> float:
    """Return how many seconds Dask takes for the same."""
    made = [
        client.submit(make_one, length, workers=[address], pure=False)
        for address in addresses
    ]
    await wait(made)
    begun = time.perf_counter()
    assert await client.submit(join, *made, pure=False) == 2 * length
    return time.perf_counter() - begun


@contextmanager
def workers(scratch: str, rate: str | None) -> Iterator[tuple[str, list[str]]]:
    """Run a scheduler and two workers; give their addresses. See `PLACES`."""
    with ExitStack() as stack:
        folders = [
            stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-", dir=at))
            for at in (scratch or None, None)
        ]
        near, far, inside = stack.enter_context(network(rate, *folders))
        port = str(free_port(near))
        scheduler = f"tcp://{near}:{port}"
        options = ("--no-dashboard", "--host")
        stack.enter_context(running("dask_scheduler", *options, near, "--port", port))

        for host, folder, words in zip((near, far), folders, ((), inside), strict=True):
            local = ("--memory-limit", "0", "--local-directory", folder)
            more = ("--no-nanny", "--nthreads", "1", *local)
            command = ("dask_worker", scheduler, *options, host, *more)
            stack.enter_context(running(*command, inside=words))

        with Client(scheduler, set_as_default=False) as client:
            client.wait_for_workers(2)
            addresses = [*client.scheduler_info()["workers"]]

        yield scheduler, addresses


@contextmanager
def running(tool: str, *words: str, inside: Sequence[str] = ()) -> Iterator[None]:
    """Run a program of Dask's meanwhile."""
    silent = subprocess.DEVNULL
    command = (*inside, sys.executable, "-m", f"distributed.cli.{tool}", *words)

    with subprocess.Popen(command, stdin=silent, stdout=silent, stderr=silent) as one:
        try:
            yield
        finally:
            one.terminate()


@contextmanager
def network(
    rate: str | None, first: str, second: str
) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Give the addresses of two hosts, and the words that have a command run on the
    second one.

    :param rate: the speed between them; None where both are this host
    :param first: a folder that the second one does not see
    :param second: one that it sees alone
    """
    if rate is None:
        yield "127.0.0.1", "127.0.0.1", ()
        return

    name = f"bench{os.getpid()}"
    near, far = f"{name}n", f"{name}f"
    there = ("-n", name)
    pairs = (("10.246.7.1", near, ()), ("10.246.7.2", far, there))
    run("ip", "netns", "add", name)

    try:
        veth = ("link", "add", near, "type", "veth", "peer", far, "netns", name)
        run("ip", *veth)

        for address, device, where in pairs:
            limit = ("tbf", "rate", rate, "burst", "4mb", "latency", "50ms")
            run("ip", *where, "addr", "add", f"{address}/30", "dev", device)
            run("ip", *where, "link", "set", device, "up")

            if rate:
                run("tc", *where, "qdisc", "add", "dev", device, "root", *limit)

        run("ip", *there, "link", "set", "lo", "up")
        own = tempfile.mkdtemp(dir=second)
        mounts = f"mount -t tmpfs none {first} && mount --bind {own} {second}"
        apart = ("unshare", "-m", "sh", "-c", f'{mounts} && exec "$@"', "sh")
        inside = ("ip", "netns", "exec", name, *apart)
        yield pairs[0][0], pairs[1][0], inside
    finally:
        for words in (("link", "del", near), ("netns", "del", name)):
            with suppress(subprocess.CalledProcessError):
                run("ip", *words)


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def free_port(host: str) -> int:
    with closing(socket.create_server((host, 0))) as found:
        port: int = found.getsockname()[1]
        return port


if __name__ == "__main__":
    main()
