"""The program of `test_recovery`: it begins a run, says so, and waits to be killed.

``python -m tests.programs.recovery_program FOLDER KIND ON_RESTART``
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import anyio

from asyncflow import Configuration, JobStarted, Orchestrator, ScenarioConfig
from tests.support.flows import configuration

SIZE = 200_000
"""The bytes of a value that has a file of its own."""


def first(folder: str) -> tuple[str, bytes]:
    begin(folder, "first")
    return folder, b"x" * SIZE


def second(folder: str, value: bytes) -> int:
    begin(folder, "second")

    while not os.path.exists(f"{folder}/go"):
        time.sleep(0.002)

    return len(value)


def third(folder: str, size: int) -> int:
    begin(folder, "third")
    return size + 1


def begin(folder: str, name: str) -> None:
    with open(f"{folder}/begun", "a") as file:
        file.write(f"{name}\n")


def declare(
    folder: Path | str, kind: str = "pickle", on_restart: str = "rerun"
) -> tuple[Configuration, ScenarioConfig]:
    """Declare three tasks in a row; the second waits for the file ``go``."""
    config = configuration()
    source = config.configure_data_node("source", kind, default_data=str(folder))
    where, large = (config.configure_data_node(one, kind) for one in ("where", "large"))
    size, result = (config.configure_data_node(one, kind) for one in ("size", "result"))
    tasks = [
        config.configure_task("first", first, source, [where, large]),
        config.configure_task(
            "second", second, [where, large], size, on_restart=on_restart
        ),
        config.configure_task("third", third, [where, size], result),
    ]
    return config, config.configure_scenario("row", tasks)


async def main(*arguments: str) -> None:
    folder, kind, on_restart = arguments
    config, cfg = declare(folder, kind, on_restart)

    async with Orchestrator(config, f"{folder}/runs.db") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = scenario.submit(note="x")

        async for event in submission:
            if isinstance(event, JobStarted) and event.task == "second":
                print(submission.id, flush=True)


if __name__ == "__main__":
    anyio.run(main, *sys.argv[1:])
