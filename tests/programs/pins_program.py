"""The program of `test_pins`: it submits a run, writes its source, waits to be killed.

``python -m tests.programs.pins_program FOLDER [SCOPE [dies]]``: where a scope is given,
others write the source; it dies by itself as soon as the end of its run is kept.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import anyio

from asyncflow import (
    Configuration,
    Orchestrator,
    ScenarioConfig,
    Scope,
    SubmissionFinished,
)
from asyncflow.testing.faults import Faults
from tests.support.flows import configuration

SIZE = 200_000
"""The length of a value that has a file of its own."""


def wait(folder: str) -> int:
    while not os.path.exists(f"{folder}/go"):
        time.sleep(0.002)

    return 1


def join(_: int, text: str) -> str:
    return text[:1]


def declare(
    folder: Path | str, scope: Scope = Scope.SCENARIO
) -> tuple[Configuration, ScenarioConfig]:
    """Declare a task that reads ``source`` after one that waits for the file ``go``."""
    config = configuration()
    where = config.configure_data_node("where", default_data=str(folder))
    source = config.configure_data_node(
        "source", scope=scope, default_data="a" * SIZE, keep_versions=0
    )
    gone = config.configure_data_node("gone")
    result = config.configure_data_node("result")
    tasks = [
        config.configure_task("wait", wait, where, gone),
        config.configure_task("join", join, [gone, source], result),
    ]
    return config, config.configure_scenario("flow", tasks)


async def main(*arguments: str) -> None:
    folder, *others = arguments
    scope = Scope(others[0]) if others else Scope.SCENARIO
    config, cfg = declare(folder, scope)

    faults = Faults()

    if others[1:]:
        faults.kill_orchestrator_after(SubmissionFinished)

    with faults:
        await submit(config, cfg, folder, writes=not others)


async def submit(
    config: Configuration, cfg: ScenarioConfig, folder: str, *, writes: bool
) -> None:
    async with Orchestrator(config, f"{folder}/runs.db") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = await scenario.submit().accepted()

        if writes:
            await scenario.source.write("b" * SIZE)
            await scenario.source.write("c" * SIZE)

        print(submission.id, flush=True)
        await submission


if __name__ == "__main__":
    anyio.run(main, *sys.argv[1:])
