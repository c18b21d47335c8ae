"""One data node."""

from __future__ import annotations

import pytest

from asyncflow import Orchestrator
from tests.support import flows
from tests.support.web import HOSTILE, client

pytestmark = pytest.mark.anyio


class Unloadable:
    """Says where it is loaded."""

    def __reduce__(self) -> tuple[object, ...]:
        return _loaded, ()


def _loaded() -> object:
    from os import getpid

    return {"loaded in": getpid(), HOSTILE: HOSTILE}


async def test_a_value_is_shown_and_written(orchestrator: Orchestrator) -> None:
    config = flows.single(orchestrator.config, flows.double, storage_type="pickle")
    scenario = await orchestrator.create_scenario(config)
    node = scenario.data_nodes["source"]

    async with client(orchestrator) as browser:
        page = await browser.get(f"data-nodes/{node.id}")
        assert "<td>1</td>" in page.text
        answer = await browser.post(
            f"data-nodes/{node.id}/write",
            data={"value": '{"a": [1, 2]}', "comment": HOSTILE},
        )
        assert answer.status_code == 303
        assert await node.read() == {"a": [1, 2]}
        edit = await node.get_last_edit()
        assert edit is not None
        assert (edit.editor_id, edit.comment) == ("web", HOSTILE)

        page = await browser.get(f"data-nodes/{node.id}")
        assert "<b>" not in page.text
        # It is no plain value any more.
        assert 'name="value"' not in page.text

        page = await browser.get(f"data-nodes/{scenario.data_nodes['result'].id}")
        assert "it was never written" in page.text


async def test_no_value_is_unpickled_here(orchestrator: Orchestrator) -> None:
    from os import getpid

    config = flows.single(orchestrator.config, flows.double, storage_type="pickle")
    scenario = await orchestrator.create_scenario(config)
    await scenario.submit()
    node = scenario.data_nodes["source"]
    await node.write(Unloadable())

    async with client(orchestrator) as browser:
        page = await browser.get(f"data-nodes/{node.id}")
        assert "loaded in" in page.text
        assert str(getpid()) not in page.text
        assert "<b>" not in page.text


async def test_a_locked_data_node_is_not_written(orchestrator: Orchestrator) -> None:
    config = flows.single(orchestrator.config, flows.double)
    scenario = await orchestrator.create_scenario(config)
    node = scenario.data_nodes["source"]
    await node.lock_edit("ada")

    async with client(orchestrator) as browser:
        answer = await browser.post(f"data-nodes/{node.id}/write", data={"value": "2"})
        assert answer.status_code == 409
        assert "ada" in answer.text
        assert (await browser.get(f"data-nodes/{scenario.id}")).status_code == 404
