"""Programs that are killed at any moment: what they have begun goes on, and once."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack, closing, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from anyio import fail_after, to_thread

from asyncflow import Configuration, Orchestrator, ScenarioConfig, Status, Submission
from tests.support import dask_cluster
from tests.support.counted_jobs import await_notes, await_that, noted, run_once
from tests.support.dask_cluster import configuration
from tests.support.flows import single

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.limit(120),
    pytest.mark.may_leave("file", reason="a killed process removes no folder"),
    pytest.mark.may_leave("process", reason="agents of a killed one stay for 15 s"),
]

JOBS = 24
LINKS = 8


def declared(address: str, folder: str) -> tuple[Configuration, ScenarioConfig]:
    """Declare jobs, short and long, and a chain; none of them may begin twice.

    They are named by who creates the scenario: one who is killed before its submission
    is durable has submitted nothing.
    """
    config = configuration(address)
    pid = os.getpid()
    tasks = []

    for index in range(JOBS):
        given = (folder, f"{pid}.{index}", (0.0, 0.0, 0.05, 0.2)[index % 4])
        source = config.configure_data_node(f"s{index}", default_data=given)
        made = config.configure_data_node(f"r{index}")
        rule: Any = ("rerun", "fail")[index % 2]
        name = f"t{index}"
        task = config.configure_task(name, run_once, source, made, on_restart=rule)
        tasks.append(task)

    node = config.configure_data_node("c0", default_data=(folder, f"{pid}.link", 0.02))

    for index in range(LINKS):
        made = config.configure_data_node(f"c{index + 1}")
        tasks.append(config.configure_task(f"l{index}", run_once, node, made))
        node = made

    return config, config.configure_scenario("all", tasks)


async def go_on(address: str, folder: str) -> Submission:
    """Submit the scenario, or wait for the end of who has."""
    config, cfg = declared(address, folder)

    async with Orchestrator(config, f"{folder}/runs.db") as orchestrator:
        if records := await orchestrator.submissions():
            submission = await orchestrator.get(records[0].id)
            assert isinstance(submission, Submission)
        else:
            scenario = await orchestrator.create_scenario(cfg)
            submission = await scenario.submit().accepted()

        return await submission.wait()


PROGRAM = """
import anyio, sys
from tests.executors.dask.test_transport import go_on
anyio.run(go_on, *sys.argv[1:])
"""


@pytest.mark.parametrize("seed", range(3))
async def test_a_submitter_is_killed_at_any_moment(
    address: str, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    command = (sys.executable, "-c", PROGRAM, address, str(tmp_path))

    for _ in range(2):
        seconds = chance.uniform(0.8, 2.5)

        with subprocess.Popen(command) as process:  # noqa: ASYNC220  # it is killed
            with suppress(subprocess.TimeoutExpired):
                process.wait(seconds)

            process.kill()

    await see_that_each_ran_once(address, tmp_path)


@pytest.mark.parametrize("begun", [1, JOBS // 2])
async def test_two_programs_take_over_at_once(
    address: str, tmp_path: Path, begun: int
) -> None:
    """One of them has the run, the other one watches it."""
    command = (sys.executable, "-c", PROGRAM, address, str(tmp_path))

    with fail_after(90), subprocess.Popen(command) as first:  # noqa: ASYNC220  # the same
        await to_thread.run_sync(await_notes, tmp_path / "begun", begun)
        first.kill()

    with ExitStack() as stack:
        heirs = [stack.enter_context(subprocess.Popen(command)) for _ in range(2)]  # noqa: ASYNC220  # the same
        codes = [await to_thread.run_sync(heir.wait) for heir in heirs]

    assert codes == [0, 0]
    await see_that_each_ran_once(address, tmp_path)


WAITING = """
import anyio, sys
from tests.executors.dask.test_transport import wait_for_a_host
anyio.run(wait_for_a_host, *sys.argv[1:])
"""


def waiting(address: str, folder: str) -> tuple[Configuration, ScenarioConfig]:
    config = configuration(address)
    given = folder, "only", 0.0
    return config, single(config, run_once, given, on_restart="fail")


async def wait_for_a_host(address: str, folder: str) -> None:
    config, cfg = waiting(address, folder)

    async with Orchestrator(config, f"{folder}/runs.db") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.submit()


def is_marked(file: Path) -> bool:
    """Tell whether the store has it that the job runs."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(file)) as store:
        return store.execute("SELECT status FROM job").fetchall() == [("RUNNING",)]

    return False


async def test_a_submitter_is_killed_before_any_host_has_its_job(
    cluster: dask_cluster.Hosts, tmp_path: Path
) -> None:
    """It was to run, so the store has it that it runs; it has not begun."""
    (port,) = [*cluster.workers][1:]
    where = cluster.address, str(tmp_path)

    for worker in cluster.workers.values():
        dask_cluster.ended(worker)

    with subprocess.Popen((sys.executable, "-c", WAITING, *where)) as process:  # noqa: ASYNC220  # it is killed
        marked = partial(is_marked, tmp_path / "runs.db")
        await to_thread.run_sync(await_that, marked, "a job that is to run")
        process.kill()

    cluster.add(port)
    config, _ = waiting(*where)

    with fail_after(60):
        async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
            (record,) = await orchestrator.submissions()
            submission = await orchestrator.get(record.id)
            assert isinstance(submission, Submission)
            await submission

    assert noted(tmp_path / "begun") == ["only"]


async def see_that_each_ran_once(address: str, folder: Path) -> None:
    submission = await go_on(address, str(folder))
    ends = {(job.status, job.reason) for job in submission.jobs}
    assert ends == {(Status.COMPLETED, "")}
    begun, ended = (Counter(noted(folder / name)) for name in ("begun", "ended"))
    assert len(ended) >= JOBS + LINKS
    assert {*begun.values(), *ended.values()} == {1}
