"""Runs with faults, and a program to be killed."""

from __future__ import annotations

import functools
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from asyncflow import Orchestrator, Status, Submission
from asyncflow.testing import Faults, run_program
from tests.support import flows

Program: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]


EXECUTORS = ("process", "thread", "inline", "development")


async def submitted(
    executor: str,
    faults: Faults,
    count: int,
    function: flows.Function = flows.double,
    crash_retries: int = 0,
) -> list[Submission]:
    """Run one task, `work`, again and again, with faults; return the runs."""
    mode, name = (
        ("standalone", executor)
        if executor != "development"
        else ("development", "process")
    )
    config = flows.configuration(mode)
    scenario_cfg = flows.single(
        config, function, executor=name, crash_retries=crash_retries
    )
    runs = []

    with faults:
        async with Orchestrator(config) as orchestrator:
            scenario = await orchestrator.create_scenario(scenario_cfg)

            for _ in range(count):
                submission = scenario.submit()
                runs.append(await submission.wait())

    return runs


def states(runs: list[Submission]) -> list[Status]:
    return [job.status for one in runs for job in one.jobs]


PROGRAM = """
import sys

import anyio
from asyncflow import Config, Orchestrator

MODE, KEY = sys.argv[1:]


def double(nb):
    note("double")
    return nb * 2


def add(nb):
    note("add")
    return nb + 10


def note(name):
    with open("ran", "a") as file:
        print(name, file=file)


Config.configure_job_executions(MODE, 2 if MODE == "standalone" else None)
number = Config.configure_data_node("number", default_data=21)
doubled = Config.configure_data_node("doubled")
result = Config.configure_data_node("result")
first = Config.configure_task("double", double, number, doubled)
second = Config.configure_task("add", add, doubled, result, crash_retries=0)
scenario_cfg = Config.configure_scenario("flow", [first, second])


async def main():
    async with Orchestrator() as orchestrator:
        await orchestrator.drain()
        known = await orchestrator.submissions()

        if known:
            submission = await orchestrator.get(known[0].id)
        else:
            scenario = await orchestrator.create_scenario(scenario_cfg)
            submission = scenario.submit(idempotency_key=KEY or None)

        await submission
        print(await submission.entity.result.read(), len(known))


anyio.run(main)
"""


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    path = tmp_path / "program.py"
    path.write_text(PROGRAM, "utf-8")
    store = {"ASYNCFLOW_STORE": "runs.db"}
    return functools.partial(run_program, path, folder=tmp_path, environment=store)


def noted(folder: Path) -> list[str]:
    file = folder / "ran"
    return file.read_text().split() if file.exists() else []
