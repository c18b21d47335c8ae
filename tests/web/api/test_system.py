"""What runs the runs, over the API."""

from __future__ import annotations

import pytest
from anyio import fail_after

from asyncflow import Orchestrator
from tests.support import flows
from tests.support.web import app, stream

pytestmark = pytest.mark.anyio


async def test_the_events_of_all_runs_are_followed(orchestrator: Orchestrator) -> None:
    config = flows.chain(orchestrator.config, flows.double)
    scenario = await orchestrator.create_scenario(config)

    with fail_after(30):
        async with stream(app(orchestrator), "/a/b/api/events") as reader:
            kind, seen = "", set[str]()

            async def read() -> None:
                nonlocal kind
                kind, event = await reader.event()
                seen.add(event["submission_id"])

            await reader.begin()
            runs = [scenario.submit(), scenario.submit()]

            while kind != "SubmissionFinished" or len(seen) < 2:
                await read()

    assert seen == {run.id for run in runs}
