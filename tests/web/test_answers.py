"""Answers with any text that Python has."""

from __future__ import annotations

import json

import pytest

from asyncflow import Orchestrator
from asyncflow.web.answers import Json, Page, Plain
from tests.support import flows
from tests.support.web import client

pytestmark = pytest.mark.anyio

HALF = "half of a pair: \ud800"


async def test_half_a_character_pair_is_sent() -> None:
    assert json.loads(bytes(Json({"a": HALF}).body)) == {"a": HALF}
    assert Page(HALF).body == Plain(HALF).body == b"half of a pair: ?"


async def test_such_a_text_spoils_no_list(orchestrator: Orchestrator) -> None:
    config = flows.single(orchestrator.config, flows.double, "a")
    scenario = await orchestrator.create_scenario(config)

    async with client(orchestrator) as browser:
        sent = json.dumps({"properties": {"a": HALF}, "name": HALF})
        place = f"api/scenarios/{scenario.id}"
        answer = await browser.patch(place, content=sent)
        assert answer.status_code == 200
        sent = json.dumps({"value": HALF, "comment": HALF})
        node = f"data-nodes/{scenario.source.id}"
        answer = await browser.put(f"api/{node}/value", content=sent)
        assert answer.status_code == 200
        run = await scenario.submit(properties={"a": HALF}).wait()
        sent = json.dumps({"reason": HALF})
        await browser.post(f"api/submissions/{run.id}/cancel", content=sent)

        for asked in (
            *("api/scenarios", "api/submissions", "api/jobs", "api/data-nodes", place),
            *(f"api/{node}", f"api/{node}/edits", f"api/{node}/value", node),
            *("scenarios", "runs", f"scenarios/{scenario.id}", f"runs/{run.id}"),
        ):
            assert (await browser.get(asked)).status_code == 200, asked
