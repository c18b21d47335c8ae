"""The executor of worker processes: which worker a job gets, and what a dead one costs."""

from __future__ import annotations

import os

import pytest

from asyncflow import Orchestrator, SubmissionStatus
from tests.support import flows
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
