"""What is bounded: files, logs, texts, caches and descriptors do not grow with use."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from anyio import fail_after
from anyio.lowlevel import checkpoint

from asyncflow import Orchestrator, Scenario, Status
from tests import flows
from tests.flows import configuration

pytestmark = pytest.mark.anyio


# --------------------------------------------------------- files of workers that are dead


def end(how: str) -> str:
    """Print a bit, then end as asked, or return the folder of this worker's files."""
    print("x" * 1000, flush=True)

    if how == "exit":
        os._exit(3)

    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)

    while how == "stay":
        signal.pause()

    return os.path.dirname(os.readlink("/proc/self/fd/1"))


async def folder_of(scenario: Scenario) -> Path:
    """Return where workers have their files."""
    await scenario.source.write("return")
    await scenario.submit()
    return Path(await scenario.result.read())


def files_in(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir() if one.suffix)


async def until_empty(folder: Path) -> None:
    with fail_after(20):
        while files_in(folder):
            await checkpoint()


async def test_files_of_retired_workers_are_removed() -> None:
    config = configuration(workers=1, max_jobs_per_worker=1)
    cfg = flows.single(config, end)

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        for _ in range(4):
            folder = await folder_of(scenario)

        await until_empty(folder)


@pytest.mark.parametrize("how", ["exit", "kill", "stay"])
async def test_files_of_dead_workers_are_removed(how: str) -> None:
    config = configuration(workers=1)
    cfg = flows.single(config, end, crash_retries=0)

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        for _ in range(2):
            folder = await folder_of(scenario)
            assert len(files_in(folder)) == 3
            await scenario.source.write(how)
            submission = scenario.submit()

            if how == "stay":
                with fail_after(20):
                    async for line in submission.jobs[0].follow():
                        assert line
                        submission.cancel()

            await submission.wait()
            (job,) = submission.jobs
            assert job.status in (Status.FAILED, Status.CANCELED)
            assert "x" * 1000 in await job.output()
            await until_empty(folder)
