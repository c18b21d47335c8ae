"""Changes that are made only where nobody else has made one."""

from __future__ import annotations

from typing import Any

import pytest
from anyio import create_task_group, fail_after
from anyio.lowlevel import checkpoint
from starlette.exceptions import HTTPException
from starlette.requests import Request

from asyncflow import Orchestrator
from asyncflow.web.api.unchanged import Turns
from tests.support import flows
from tests.support.web import client

pytestmark = pytest.mark.anyio


async def test_what_others_have_changed_meanwhile_stays(
    orchestrator: Orchestrator,
) -> None:
    config = flows.chain(orchestrator.config, flows.double)
    scenario = await orchestrator.create_scenario(config, name="first")
    place = f"api/scenarios/{scenario.id}"

    async with client(orchestrator) as browser:
        seen = (await browser.get(place)).headers["etag"]
        assert (await browser.head(place)).headers["etag"] == seen
        mine = {"if-match": f'"other", {seen}'}
        answer = await browser.patch(place, json={"name": "mine"}, headers=mine)
        assert answer.status_code == 200

        for change in (
            browser.patch(place, json={"name": "again"}, headers=mine),
            browser.delete(place, headers=mine),
        ):
            answer = await change
            assert answer.status_code == 412
            now = (await browser.get(place)).headers["etag"]
            assert answer.json()["error"].endswith(f"its ETag is {now} now")

        assert (await orchestrator.get_scenario(scenario.id)).name == "mine"
        found = await browser.delete(place, headers={"if-match": "*"})
        assert found.status_code == 204


async def test_a_value_is_another_one_after_each_write(
    orchestrator: Orchestrator,
) -> None:
    config = flows.chain(orchestrator.config, flows.double)
    node = (await orchestrator.create_scenario(config)).data_nodes["n0"]
    place = f"api/data-nodes/{node.id}/value"

    async with client(orchestrator) as browser:
        seen = {"if-match": (await browser.get(place)).headers["etag"]}
        await node.write(await node.read())  # it looks the same
        answer = await browser.put(place, json={"value": 5}, headers=seen)
        assert answer.status_code == 412
        assert await node.read() != 5
        seen = {"if-match": (await browser.get(place)).headers["etag"]}
        assert (
            await browser.put(place, json={"value": 5}, headers=seen)
        ).status_code == 200
        assert await node.read() == 5
        answer = await browser.put(
            f"api/data-nodes/{node.id}/file", content=b"1", headers=seen
        )
        assert answer.status_code == 412


async def test_a_condition_that_nobody_holds_is_refused(
    orchestrator: Orchestrator,
) -> None:
    config = flows.chain(orchestrator.config, flows.double)
    scenario = await orchestrator.create_scenario(config)

    async with client(orchestrator) as browser:
        answer = await browser.post(
            f"api/scenarios/{scenario.id}/submit", headers={"if-match": '"a"'}
        )

    assert answer.status_code == 412
    assert "If-Match" in answer.json()["error"]
    assert await orchestrator.submissions() == []


async def test_of_two_who_have_seen_the_same_one_is_refused() -> None:
    turns, tags, told = Turns(), ['"1"'], list[object]()

    def asked() -> Request:
        headers = [(b"if-match", b'"1"')]
        return Request({"type": "http", "headers": headers, "path_params": {"id": "x"}})

    async def tag() -> str:
        await checkpoint()
        return tags[-1]

    async def change(name: str) -> None:
        try:
            async with turns.unchanged(asked(), tag):
                await checkpoint()
                tags.append(f'"{name}"')
                told.append(name)
        except HTTPException as error:
            told.append(error.status_code)

    with fail_after(10):
        async with create_task_group() as group:
            for name in ("2", "3"):
                group.start_soon(change, name)

    assert told in (["2", 412], ["3", 412])
    assert len(turns) == 0


async def test_who_is_cancelled_while_waiting_leaves_nothing() -> None:
    turns = Turns()
    scope: dict[str, Any] = {"type": "http", "headers": [], "path_params": {"id": "x"}}

    async def tag() -> str:
        return ""

    async def wait() -> None:
        async with turns.unchanged(Request(scope), tag):
            pass

    async with create_task_group() as group, turns.unchanged(Request(scope), tag):
        group.start_soon(wait)
        await checkpoint()
        group.cancel_scope.cancel()

    assert len(turns) == 0
