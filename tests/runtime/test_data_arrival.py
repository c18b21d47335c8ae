"""Runs that wait for data that was never written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from anyio import fail_after, to_thread

import asyncflow.sync as tp
from asyncflow import (
    Configuration,
    Orchestrator,
    ScenarioConfig,
    Scope,
    Status,
    SubmissionCanceled,
    SubmissionFailed,
    SubmissionStatus,
)
from tests.support import flows
from tests.support.programs import environment


def declared(scope: Scope = Scope.SCENARIO) -> tuple[Configuration, ScenarioConfig]:
    config = Configuration()
    config.configure_job_executions("development", echo=False)
    first = config.configure_data_node("first", scope=scope)
    second = config.configure_data_node("second")
    third = config.configure_data_node("third")
    one = config.configure_task("one", flows.double, first, second)
    two = config.configure_task("two", flows.double, second, third)
    return config, config.configure_scenario("flow", [one, two])


@pytest.fixture(params=["file", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return ":memory:" if request.param == "memory" else str(tmp_path / "runs.db")


@pytest.mark.anyio
async def test_a_run_begins_when_its_data_was_written(place: str) -> None:
    config, cfg = declared()

    async with Orchestrator(config, place) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = scenario.submit(wait_for_data=True)
        assert submission.waits_for_data
        assert submission.status is SubmissionStatus.BLOCKED
        assert [job.status for job in submission.jobs] == [Status.BLOCKED] * 2

        with fail_after(20):
            await submission.accepted()
            await orchestrator.drain()  # it is not waited for
            assert not submission.is_finished
            await scenario.first.write(3)
            await submission

        assert await scenario.third.read() == 12
        assert await submission.read("first") == 3
        again = scenario.submit(wait_for_data=True)
        assert not again.waits_for_data
        assert (await again).status == "COMPLETED"


@pytest.mark.anyio
async def test_another_run_may_write_it(place: str) -> None:
    config, cfg = declared()

    async with Orchestrator(config, place) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = scenario.two.submit(wait_for_data=True)
        await submission.accepted()

        with fail_after(20):
            await scenario.one.submit(first=4)
            await submission

        assert await scenario.third.read() == 16


@pytest.mark.anyio
async def test_another_orchestrator_may_write_it(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    config, cfg = declared(Scope.GLOBAL)

    async with Orchestrator(config, path) as here, Orchestrator(config, path) as there:
        scenario = await here.create_scenario(cfg)
        submission = scenario.submit(wait_for_data=True)
        await submission.accepted()
        other = await there.get_scenario(scenario.id)

        with fail_after(20):
            await other.first.write(5)
            await submission

        assert await scenario.third.read() == 20


@pytest.mark.anyio
async def test_it_waits_no_longer_than_its_time(place: str) -> None:
    config, cfg = declared()

    async with Orchestrator(config, place) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = scenario.submit(wait_for_data=True, run_timeout=0.01)

        with fail_after(20), pytest.raises(SubmissionFailed, match="TIMED_OUT"):
            await submission

        assert [job.status for job in submission.jobs] == [
            Status.FAILED,
            Status.CANCELED,
        ]


@pytest.mark.anyio
async def test_it_is_cancelled_with_its_orchestrator_or_before(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    config, cfg = declared()

    async with Orchestrator(config, path) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = scenario.submit(wait_for_data=True)
        await submission.accepted()
        submission.cancel()

        with fail_after(20), pytest.raises(SubmissionCanceled):
            await submission

        scenario.submit(wait_for_data=True)

    async with Orchestrator(config, path) as orchestrator:
        records = await orchestrator.submissions()
        assert [record.status for record in records] == ["CANCELED"] * 2


PROGRAM = """
import os, sys, anyio
from tests.runtime.test_data_arrival import declared
from asyncflow import Orchestrator

async def main():
    config, cfg = declared()
    async with Orchestrator(config, sys.argv[1]) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = await scenario.submit(wait_for_data=True).accepted()
        print(submission.id, flush=True)
        os._exit(1)

anyio.run(main)
"""


@pytest.mark.anyio
async def test_it_goes_on_waiting_after_a_crash(tmp_path: Path) -> None:
    path = str(tmp_path / "runs.db")
    ran = await to_thread.run_sync(
        lambda: subprocess.run(
            [sys.executable, "-c", PROGRAM, path],
            capture_output=True,
            text=True,
            env=environment(),
            timeout=50,
            check=False,
        )
    )
    assert ran.stderr == ""
    config, _ = declared()

    async with Orchestrator(config, path) as orchestrator:
        submission = await orchestrator.get_submission(ran.stdout.strip())
        assert submission.status is SubmissionStatus.BLOCKED
        scenario = await orchestrator.get_scenario(submission.entity_id)

        with fail_after(20):
            await scenario.first.write(6)
            await submission

        assert await scenario.third.read() == 24


@pytest.mark.parametrize("mode", ["development", "standalone"])
def test_the_blocking_face_returns_at_once(tmp_path: Path, mode: str) -> None:
    config, cfg = declared()

    if mode == "standalone":
        config.configure_job_executions(mode, max_nb_of_workers=1)

    with tp.Orchestrator(config, tmp_path / "runs.db"):
        scenario = tp.create_scenario(cfg)
        submission = tp.submit(scenario, wait_for_data=True)
        assert submission.waits_for_data
        assert [job.is_blocked() for job in submission.jobs] == [True, True]
        scenario.first.write(7)
        assert submission.wait(20).is_completed
        assert scenario.third.read() == 28
