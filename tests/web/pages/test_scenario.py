"""One scenario."""

from __future__ import annotations

import pytest
from anyio import fail_after

from asyncflow import Frequency, Orchestrator, Scenario
from tests.support import flows
from tests.support.web import client

pytestmark = pytest.mark.anyio


async def made(orchestrator: Orchestrator) -> Scenario:
    config = orchestrator.config.configure_scenario(
        "monthly",
        flows.single(orchestrator.config, flows.double).tasks,
        frequency=Frequency.MONTHLY,
    )
    await orchestrator.create_scenario(config)
    return await orchestrator.create_scenario(config, name="second")


async def test_a_scenario_is_submitted(orchestrator: Orchestrator) -> None:
    scenario = await made(orchestrator)

    async with client(orchestrator) as browser:
        answer = await browser.post(f"scenarios/{scenario.id}/submit")
        run = await orchestrator.get_submission(
            answer.headers["location"].rpartition("/")[2]
        )

        with fail_after(30):
            await run

        page = await browser.get(f"scenarios/{scenario.id}")
        assert run.id in page.text
        assert "<svg" in page.text


async def test_a_scenario_is_changed(orchestrator: Orchestrator) -> None:
    scenario = await made(orchestrator)
    place = f"scenarios/{scenario.id}"

    async with client(orchestrator) as browser:
        await browser.post(f"{place}/rename", data={"name": "other"})
        assert scenario.name == "other"
        await browser.post(f"{place}/tag", data={"tags": "a, b,"})
        assert scenario.tags == {"a", "b"}
        await browser.post(f"{place}/promote")
        assert scenario.is_primary

        answer = await browser.post(f"{place}/duplicate", data={"name": "copy"})
        copy = answer.headers["location"].rpartition("/")[2].partition("?")[0]
        assert (await orchestrator.get_scenario(copy)).name == "copy"

        page = await browser.get(place)
        assert "It cannot be deleted" in page.text
        assert (await browser.post(f"{place}/delete")).status_code == 409
        assert (await browser.post(f"scenarios/{copy}/delete")).status_code == 303
        assert (await browser.get(f"scenarios/{copy}")).status_code == 404


async def test_where_values_come_from_is_drawn(orchestrator: Orchestrator) -> None:
    scenario = await made(orchestrator)
    await scenario.submit()

    async with client(orchestrator) as browser:
        page = await browser.get(f"scenarios/{scenario.id}/lineage")
        assert page.status_code == 200
        assert "<svg" in page.text
