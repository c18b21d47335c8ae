"""Runs end while their orchestrator is open, as a web server ends."""

from __future__ import annotations

import pytest
from anyio import Event, create_task_group, fail_after

from asyncflow import JobStarted, NotOpen, Orchestrator, Status, SubmissionInterrupted
from asyncflow.runtime.interruption import interrupt
from tests.support import flows
from tests.support.flows import configuration

pytestmark = pytest.mark.anyio


async def test_runs_end_and_streams_with_them_while_values_are_read(path: str) -> None:
    config = configuration(workers=1)
    cfg = flows.chain(config, flows.double, flows.block)

    async with Orchestrator(config, path) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = scenario.submit()

        async def follow() -> None:
            async with orchestrator.events(JobStarted) as events:
                async for _ in events:
                    seen.set()

        with fail_after(30):
            async with create_task_group() as group:
                seen, ended = Event(), Event()
                group.start_soon(follow)
                await seen.wait()
                await interrupt(orchestrator._opened(), 0.0, ended)

            with pytest.raises(SubmissionInterrupted):
                await submission

        assert ended.is_set()
        assert submission.jobs[1].status is Status.CANCELED
        assert isinstance(await scenario.n0.read(), int)

        with pytest.raises(NotOpen, match="a signal ends this program"):
            scenario.submit()
