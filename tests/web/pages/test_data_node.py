"""One data node."""

from __future__ import annotations

import html
import json
import re
from datetime import UTC, date, datetime

import pytest

from asyncflow import Orchestrator
from tests.support import flows
from tests.support.web import HOSTILE, client

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("shared_workers")]


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
            data={"value": "2.5", "comment": HOSTILE},
        )
        assert answer.status_code == 303
        assert await node.read() == 2.5
        edit = await node.get_last_edit()
        assert edit is not None
        assert (edit.editor_id, edit.comment) == ("web", HOSTILE)

        page = await browser.get(f"data-nodes/{node.id}")
        assert "<b>" not in page.text
        assert 'name="value" type="number"' in page.text
        await node.write({1, 2})
        page = await browser.get(f"data-nodes/{node.id}")
        assert 'name="value"' not in page.text  # no form can change a set
        answer = await browser.post(f"data-nodes/{node.id}/write", data={"value": "1"})
        assert answer.status_code == 409

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


async def test_what_is_wrong_with_a_value_is_said_at_its_field(
    orchestrator: Orchestrator,
) -> None:
    config = flows.single(orchestrator.config, flows.double)
    scenario = await orchestrator.create_scenario(config)
    node = scenario.data_nodes["source"]

    async with client(orchestrator) as browser:
        answer = await browser.post(
            f"data-nodes/{node.id}/write", data={"value": "<b>", "comment": HOSTILE}
        )
        assert answer.status_code == 422
        assert "it is a number" in answer.text
        assert 'value="&lt;b&gt;"' in answer.text
        assert HOSTILE.partition("&")[0] in html.unescape(answer.text)
        assert "<b>" not in answer.text

    assert await node.read() == 1


@pytest.mark.parametrize(
    "value",
    [
        *(True, 1.5, "two\nlines, <b>", "", None, 7),
        *({"a": [1, None]}, ["x"], date(2026, 11, 28)),
        *map(
            datetime.fromisoformat, ("2026-11-28T09:30", "2026-11-28T09:30:01.000005")
        ),
        datetime(2026, 11, 28, 9, 30, tzinfo=UTC),
    ],
)
async def test_a_form_gives_back_the_value_that_it_shows(
    orchestrator: Orchestrator, value: object
) -> None:
    config = flows.single(orchestrator.config, flows.double)
    scenario = await orchestrator.create_scenario(config)
    node = scenario.data_nodes["source"]
    await node.write(value)

    async with client(orchestrator) as browser:
        page = await browser.get(f"data-nodes/{node.id}")
        typed = shown_in(page.text)
        answer = await browser.post(
            f"data-nodes/{node.id}/write",
            data={"value": typed.replace("\n", "\r\n") or ("null", "")[value == ""]},
        )
        assert answer.status_code == 303, answer.text

    again = await node.read()
    assert (type(again), again) == (type(value), value)


def shown_in(page: str) -> str:
    """Return what the field for the value has, as a browser reads it."""
    if found := re.search(
        r'<textarea id="field-value"[^>]*>\n?([^<]*)</textarea>', page
    ):
        return html.unescape(found[1])

    options = r'<select id="field-value".*?<option selected>([^<]*)<'

    if found := re.search(options, page, re.DOTALL):
        return html.unescape(found[1])

    found = re.search(r'<input id="field-value"[^>]* value="([^"]*)"', page)
    assert found is not None
    return html.unescape(found[1])


async def test_where_a_value_comes_from_is_shown(orchestrator: Orchestrator) -> None:
    config = flows.chain(orchestrator.config, flows.double, flows.double)
    scenario = await orchestrator.create_scenario(config, name=HOSTILE)
    await scenario.submit()

    async with client(orchestrator) as browser:
        for name, writers in (("n0", 0), ("n1", 1), ("n2", 2)):
            node = scenario.data_nodes[name]
            page = await browser.get(f"data-nodes/{node.id}/lineage")
            assert page.status_code == 200
            assert "<svg" in page.text
            found = (await browser.get(f"api/data-nodes/{node.id}/lineage")).json()
            assert len(found["writers"]) == writers

        other = await browser.get(f"data-nodes/{scenario.id}/lineage")
        assert other.status_code == 404


async def test_columns_are_told_of(orchestrator: Orchestrator) -> None:
    config = flows.single(orchestrator.config, flows.double, storage_type="pickle")
    scenario = await orchestrator.create_scenario(config)
    node = scenario.data_nodes["source"]
    await node.write([{HOSTILE: 1}, {HOSTILE: 5}, {HOSTILE: None}])

    async with client(orchestrator) as browser:
        page = await browser.get(f"data-nodes/{node.id}?notice=x&column=&is=4")
        assert "Smallest" not in page.text
        found = re.search(r'href="([?][^"]*)#statistics"', page.text)
        assert found is not None
        asked = html.unescape(found[1])
        assert "notice" not in asked
        page = await browser.get(f"data-nodes/{node.id}{asked}")
        cells = re.findall("<td>([^<]*)</td>", page.text.partition("Smallest")[2])
        assert cells[:7] == ["int", "2", "1", "2", "1", "5", "3.0"]
        assert "<b>" not in page.text
        where = {"statistics": "1", "column": HOSTILE, "operator": ">", "is": "2"}
        page = await browser.get(f"data-nodes/{node.id}", params=where)
        cells = re.findall("<td>([^<]*)</td>", page.text.partition("Smallest")[2])
        assert cells[:6] == ["int", "1", "0", "1", "5", "5"]

        place = f"api/data-nodes/{node.id}/statistics"
        (column,) = (await browser.get(place)).json()["columns"]
        assert (column["name"], column["mean"]) == (HOSTILE, 3)
        picked = {"where": f'[[{json.dumps(HOSTILE)}, 2, ">"]]'}
        told = (await browser.get(place, params=picked)).json()
        assert (told["rows"], told["total"]) == (1, 1)

        await node.write(1)
        assert (await browser.get(place)).status_code == 409
        page = await browser.get(f"data-nodes/{node.id}?statistics=1")
        assert "its value has no columns" in page.text
        never = scenario.data_nodes["result"]
        page = await browser.get(f"data-nodes/{never.id}?statistics=1")
        assert page.status_code == 200
        answer = await browser.get(f"api/data-nodes/{never.id}/statistics")
        assert answer.status_code == 409
