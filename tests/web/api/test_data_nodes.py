"""Data nodes, over the API."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from asyncflow import Orchestrator
from tests.support import flows
from tests.support.web import client

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("default", "sent", "status"),
    [
        *((1, 5, 200), (1, "abc", 422), (1, None, 422), (1, [1], 422)),
        (date(2026, 1, 2), "2026-03-04", 200),
        *((date(2026, 1, 2), 5, 422), (date(2026, 1, 2), "garbage", 422)),
    ],
)
async def test_a_value_is_held_to_its_kind_wherever_it_is_given(
    orchestrator: Orchestrator, default: object, sent: Any, status: int
) -> None:
    config = flows.single(orchestrator.config, flows.double, default)
    scenario = await orchestrator.create_scenario(config)
    node = scenario.data_nodes["source"]

    async with client(orchestrator) as browser:
        made = await browser.post(
            "api/scenarios", json={"config_id": config.id, "inputs": {"source": sent}}
        )
        run = await browser.post(
            f"api/scenarios/{scenario.id}/submit", json={"inputs": {"source": sent}}
        )
        written = await browser.put(
            f"api/data-nodes/{node.id}/value", json={"value": sent}
        )
        await browser.get(
            f"api/submissions/{run.json().get('id')}", params={"wait": 30}
        )

    assert made.status_code == {200: 201}.get(status, status)
    assert run.status_code == {200: 202}.get(status, status)
    assert written.status_code == status
    value = await node.read()
    assert type(value) is type(default)
    assert (value == default) is (status == 422)

    if status == 422:
        assert written.json() == made.json() == run.json()
