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


async def test_what_is_wrong_with_a_run_or_a_comparison_is_refused(
    orchestrator: Orchestrator,
) -> None:
    config = flows.single(orchestrator.config, flows.fail, 1)
    scenario = await orchestrator.create_scenario(config)
    run = await scenario.submit().wait()

    async with client(orchestrator) as browser:
        for verb in ("retry", "pause", "resume", "cancel"):
            place = f"api/submissions/{run.id}/{verb}"
            assert (await browser.post(place, json={"foo": 1})).status_code == 422
            assert (await browser.post(place, content="{garbage")).status_code == 400

        ended = await browser.post(f"api/submissions/{run.id}/pause")
        compared = await browser.get(f"api/scenarios/{scenario.id}/compare")
        limits = [
            await browser.post(
                f"api/scenarios/{scenario.id}/submit", json={"run_timeout": limit}
            )
            for limit in (0, -1)
        ]

    assert (ended.status_code, compared.status_code) == (409, 422)
    assert "lacks 'other'" in compared.json()["error"]
    assert [limit.status_code for limit in limits] == [422, 422]
    assert len(await orchestrator.submissions()) == 1
