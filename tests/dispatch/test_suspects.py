"""Jobs that take the program along: they are found, and do not run for ever."""

from __future__ import annotations

import signal
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from anyio import to_thread

from asyncflow.testing import run_program

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.may_leave("file", reason="a killed program removes nothing"),
]

PROGRAM = """
import os, signal, sys
from contextlib import suppress
import anyio
from asyncflow import Config, Orchestrator

def poison(number):
    with open("poisoned", "a") as file:
        file.write("x")

    os.kill(os.getppid(), signal.SIGKILL)
    import time
    time.sleep(600)

def work(number):
    with open(f"worked {number}", "a") as file:
        file.write("x")

    return number

D, T = Config.configure_data_node, Config.configure_task
one = D("one", default_data=1)
bad = T("bad", poison, one, D("never"), crash_retries=RETRIES)
good = [T(f"good{n}", work, D(f"n{n}", default_data=n), D(f"m{n}")) for n in range(4)]
after = T("after", work, good[0].output_configs[0], D("last"))
late = T("late", poison, D("z", default_data=2), D("zz"), crash_retries=RETRIES)
alone = Config.configure_scenario("alone", bad)
mixed = Config.configure_scenario("mixed", [*good[:2], bad, *good[2:], after])
other = Config.configure_scenario("other", [*good, after])
Config.configure_job_executions(mode="standalone", max_nb_of_workers=2, echo=False)

async def main():
    async with Orchestrator(store="runs.db") as orchestrator:
        there = await orchestrator.submissions()

        for name in NAMES[len(there):]:  # it may have died between two of them
            scenario = await orchestrator.create_scenario(name)
            await scenario.submit().accepted()

        await orchestrator.drain()

        for record in await orchestrator.submissions():
            submission = await orchestrator.get(record.id)
            print(*(f"{job.task.config_id}={job.status}" for job in submission.jobs))

            for job in submission.jobs:
                if job.reason:
                    print(job.reason)

anyio.run(main)
"""


async def lives(folder: Path, retries: int, *names: str) -> str:
    """Start a program until it is not killed; return what it says."""
    script = folder / "program.py"
    text = PROGRAM.replace("RETRIES", str(retries)).replace("NAMES", repr(names))
    script.write_text(text)

    for _ in range(12):
        ended = await to_thread.run_sync(start, script, folder)

        if ended.returncode == 0:
            return ended.stdout

        assert ended.returncode == -signal.SIGKILL, ended.stderr

    pytest.fail("every start dies")


def start(script: Path, folder: Path) -> CompletedProcess[str]:
    return run_program(script, folder=folder)


def tries(folder: Path) -> int:
    return len((folder / "poisoned").read_text())


@pytest.mark.parametrize(("retries", "allowed"), [(0, 2), (1, 2), (3, 4)])
async def test_a_job_that_kills_the_program_fails(
    tmp_path: Path, retries: int, allowed: int
) -> None:
    """Without retries it has a second one: nobody knew that it ran when it did."""
    said = await lives(tmp_path, retries, "alone")
    assert "bad=FAILED" in said
    assert f"died {allowed} times while it ran, and crash_retries is {retries}" in said
    assert tries(tmp_path) == allowed


@pytest.mark.limit(120)
async def test_its_neighbours_go_on(tmp_path: Path) -> None:
    said = await lives(tmp_path, 1, "mixed", "other")
    mixed, *_ = said.splitlines()
    good = [f"good{n}=COMPLETED" for n in range(4)]
    assert set(mixed.split()) == {*good, "after=COMPLETED", "bad=FAILED"}
    assert " ".join([*good, "after=COMPLETED"]) in said
    assert tries(tmp_path) <= 10
