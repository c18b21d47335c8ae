"""The program that `test_crash` kills: it creates scenarios and submits them for ever.

It prints the id of each submission that is accepted. Each job that begins is a line in
the file ``$JOBS``. What it makes is checked by who reads it: a torn value fails a job.
"""

from __future__ import annotations

import hashlib
import os
import random
import sys
from functools import partial

import anyio

from asyncflow import Configuration, DataNode, Orchestrator, ScenarioConfig, Scope

BIG = 100_000
"""The bytes of a value that has a file of its own."""

RETRIES = int(os.environ.get("RETRIES", "10"))
"""How often a job may run when the program is killed: kills hit one again and again."""


def begin(task: str, key: str) -> None:
    """Write down that a job begins: one write, which is whole or not there."""
    file = os.open(os.environ["JOBS"], os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600)
    os.write(file, f"{task} {key}\n".encode())
    os.close(file)


def sealed(size: int) -> bytes:
    content = os.urandom(size)
    return content + hashlib.sha256(content).digest()


def opened(value: bytes) -> bytes:
    content, seal = value[:-32], value[-32:]
    assert hashlib.sha256(content).digest() == seal, "a torn value"
    return content


def make(key: str, seed: bytes) -> tuple[bytes, bytes, str]:
    begin("make", key)
    opened(seed)
    return sealed(BIG), sealed(10), key


def left(large: bytes, key: str) -> bytes:
    begin("left", key)
    opened(large)
    return sealed(BIG)


def right(small: bytes, key: str) -> bytes:
    begin("right", key)
    opened(small)
    return sealed(20)


def join(one: bytes, other: bytes, key: str) -> bytes:
    begin("join", key)
    return sealed(len(opened(one)) + len(opened(other)))


def declare() -> tuple[Configuration, ScenarioConfig]:
    """A diamond, with values of every kind."""
    config = Configuration()
    config.configure_job_executions("standalone", 2, echo=False)
    node = config.configure_data_node
    key = node("key")
    seed = node("seed", default_data=sealed(5))
    large, small = node("large"), node("small", "in_memory")
    copied = node("copied", "in_memory")
    one, other = node("one", "in_memory"), node("other")
    result = node("result", default_path="result.p")
    shared = node("shared", scope=Scope.GLOBAL, default_data=sealed(5))
    task = partial(config.configure_task, crash_retries=RETRIES)
    tasks = [
        task("make", make, [key, seed], [large, small, copied]),
        task("left", left, [large, copied], one, skippable=True),
        task("right", right, [small, copied], other),
        task("join", join, [one, other, copied], result),
        task("share", sealed_again, [shared, key]),
    ]
    return config, config.configure_scenario("diamond", tasks)


def sealed_again(value: bytes, key: str) -> None:
    begin("share", key)
    opened(value)


async def main(command: str) -> None:
    config, cfg = declare()
    chance = random.Random()

    async with Orchestrator(config, os.environ.get("STORE", "runs.db")) as orchestrator:
        print("open", flush=True)

        if command == "drain":
            await orchestrator.drain()
            await check(orchestrator)
            return

        while True:
            scenario = await orchestrator.create_scenario(cfg)
            await scenario.key.write(scenario.id.rpartition("_")[2])
            await scenario.seed.write(sealed(chance.choice([5, BIG])))
            submission = await scenario.submit().accepted()
            print(submission.id, flush=True)

            if chance.random() < 0.3:
                await scenario.shared.write(sealed(chance.choice([5, BIG])))

            if chance.random() < 0.3:
                await submission


async def check(orchestrator: Orchestrator) -> None:
    """Read what there is: every value is whole."""
    for record in await orchestrator.scenarios():
        scenario = await orchestrator.get(record.id)
        nodes = getattr(scenario, "data_nodes")  # noqa: B009  # of whatever kind it is

        for name in ("seed", "large", "other", "shared", "result"):
            node = nodes[name]
            assert isinstance(node, DataNode)

            if node.last_edit_date is not None:
                opened(await node.read())


if __name__ == "__main__":
    anyio.run(main, sys.argv[1])
