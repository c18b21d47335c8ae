"""The orchestrator and its store."""

from __future__ import annotations

import pytest

from asyncflow import Orchestrator
from tests.support import flows
from tests.support.web import client

pytestmark = pytest.mark.anyio


async def test_numbers_are_shown_and_old_runs_removed(
    orchestrator: Orchestrator,
) -> None:
    scenario = await orchestrator.create_scenario(
        flows.chain(orchestrator.config, flows.double)
    )
    await scenario.submit()

    async with client(orchestrator) as browser:
        page = await browser.get("system")
        assert "<dt>workers</dt>" in page.text
        (worker, *_) = await orchestrator.workers()
        assert f"<td>{worker.pid}</td>" in page.text
        page = await browser.get("system", params={"days": 1})
        assert "0 runs would be removed" in page.text
        # None is a day old.
        answer = await browser.post("system/prune", data={"days": "0"})
        assert "0+runs" in answer.headers["location"]
        assert len(await orchestrator.submissions()) == 1
