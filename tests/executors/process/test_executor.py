"""The executor of worker processes: which worker a job gets, and what a dead one costs."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from anyio import fail_after

from asyncflow import Orchestrator, SubmissionStatus
from asyncflow.abc import Crashed, Returned
from asyncflow.drivers.in_memory import MemoryDriver
from asyncflow.executors.process import executor as executor_module
from asyncflow.executors.process.executor import ProcessExecutor
from asyncflow.executors.process.worker import WorkerLimits
from tests.support import flows
from tests.support.calls import call, outcome_of
from tests.support.flows import configuration, single

pytestmark = pytest.mark.anyio


async def test_a_worker_that_died_while_idle_costs_one_job() -> None:
    config = configuration(workers=1)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(
            single(config, flows.pid, crash_retries=0)
        )
        await scenario.submit()
        os.kill(await scenario.result.read(), 9)

        runs = [await scenario.submit().wait() for _ in range(3)]

    assert [run.status for run in runs[1:]] == [SubmissionStatus.COMPLETED] * 2


async def test_a_worker_that_died_while_idle_costs_an_attempt_at_most() -> None:
    config = configuration(workers=1)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(single(config, flows.pid))
        await scenario.submit()
        os.kill(await scenario.result.read(), 9)
        submission = await scenario.submit()

    assert submission.jobs[0].attempt <= 2


async def test_a_cancel_before_the_start_spares_the_worker() -> None:
    config = configuration(workers=1)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(single(config, flows.pid))
        await scenario.submit()
        before = await scenario.result.read()

        for _ in range(3):
            submission = scenario.submit()
            submission.cancel()
            await submission.wait()
            assert submission.status is SubmissionStatus.CANCELED

        await scenario.submit()
        assert await scenario.result.read() == before


async def pid_of(executor: ProcessExecutor, folder: Path) -> object:
    outcome = await outcome_of(executor, call(flows.pid, folder))
    assert isinstance(outcome, Returned)
    return MemoryDriver().read(outcome.kept[0])


@pytest.mark.parametrize(
    ("limits", "is_replaced"),
    [
        ({}, False),
        ({"jobs": 1}, True),
        ({"jobs": 2}, False),
        ({"age": 0.0}, True),
        ({"rss": 1_000_000}, True),
        ({"age": 600.0, "rss": 1 << 40}, False),
    ],
    ids=str,
)
async def test_a_worker_is_replaced_when_it_is_old(
    limits: dict[str, Any], is_replaced: bool, tmp_path: Path
) -> None:
    async with ProcessExecutor(grace=0.2, limits=WorkerLimits(**limits)) as executor:
        first = await pid_of(executor, tmp_path)
        assert executor.workers == (0 if is_replaced else 1)
        assert (await pid_of(executor, tmp_path) != first) == is_replaced


async def test_workers_are_warmed_and_let_go(tmp_path: Path) -> None:
    async with ProcessExecutor(grace=0.2) as executor:
        assert executor.workers == 0
        executor.kill(call(flows.pid, tmp_path))  # of nothing that runs
        await executor.warm(2)
        assert executor.workers == 2
        await executor.warm(2)
        assert executor.workers == 2
        await executor.shrink(1)
        assert executor.workers == 1
        await executor.wind_down()
        assert executor.workers == 0


async def test_a_process_is_there_before_it_is_a_worker(tmp_path: Path) -> None:
    async with ProcessExecutor(grace=0.2) as executor:
        await executor.begin()
        assert executor.workers == 0
        await executor.begin()  # one is on its way
        await executor.warm(1)
        assert executor.workers == 1
        await executor.begin()
        assert executor.workers == 1
        assert isinstance(await pid_of(executor, tmp_path), int)
        assert executor.workers == 1


async def test_a_process_that_cannot_be_made_has_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no python"))

    with fail_after(10):
        async with ProcessExecutor() as executor:
            await executor.begin()
            assert executor.workers == 0


async def test_a_worker_collects_garbage(tmp_path: Path) -> None:
    async with ProcessExecutor(grace=0.2) as executor:
        await executor.warm(1)
        outcome = await outcome_of(executor, call(flows.collects_garbage, tmp_path))

    assert isinstance(outcome, Returned)
    assert MemoryDriver().read(outcome.kept[0]) is True


async def test_what_cannot_be_started_is_told_of_the_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no python"))
    monkeypatch.setattr(executor_module, "PATIENCE", 0.0)

    async with ProcessExecutor() as executor:
        outcome = await outcome_of(executor, call(flows.pid, tmp_path))

    assert isinstance(outcome, Crashed)
    assert outcome.returncode is None
    assert outcome.detail.startswith("no worker process could be started (")
    assert "no python" in outcome.detail
