"""Runs, over the API."""

from __future__ import annotations

import pytest

from asyncflow import Orchestrator
from tests.support import flows
from tests.support.web import client
from tests.web.api.test_routes import Checked

pytestmark = pytest.mark.anyio


async def test_who_retries_with_the_same_key_gets_the_same_run(
    orchestrator: Orchestrator,
) -> None:
    config = flows.single(orchestrator.config, flows.fail, 1)
    scenario = await orchestrator.create_scenario(config)
    failed = await scenario.submit().wait()
    key = {"Idempotency-Key": "once more"}

    async with client(orchestrator) as browser:
        document = (await browser.get("api/openapi.json")).json()
        ask = Checked(browser, document)
        first = await ask("retry_submission", failed.id, headers=key)
        await ask("get_submission", first["id"], params={"wait": 30})
        again = await ask("retry_submission", failed.id, headers=key)
        other = await ask("retry_submission", failed.id)
        await ask("get_submission", other["id"], params={"wait": 30})

    assert again["id"] == first["id"]
    assert again["status"] == "FAILED"
    assert other["id"] != first["id"]
    assert len(await orchestrator.submissions()) == 3
