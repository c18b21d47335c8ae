"""The list of scenarios."""

from __future__ import annotations

import html
import re
from os import getpid

import pytest

from asyncflow import Frequency, Orchestrator
from asyncflow.web.pages import scenarios
from tests.support import flows
from tests.support.web import HOSTILE, client, links
from tests.web.pages.test_data_node import Unloadable

pytestmark = pytest.mark.anyio


async def test_scenarios_are_found_by_what_the_address_says(
    orchestrator: Orchestrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scenarios, "SHOWN", 2)
    config = orchestrator.config.configure_scenario(
        "monthly",
        flows.single(orchestrator.config, flows.double).tasks,
        frequency=Frequency.MONTHLY,
    )
    made = [await orchestrator.create_scenario(config, name=f"s{n}") for n in range(3)]
    first, second, third = (f"scenarios/{scenario.id}" for scenario in made)
    await made[1].add_tag("best")
    cycle = made[0].cycle
    assert cycle is not None

    async with client(orchestrator) as browser:
        cases: list[tuple[dict[str, str | int], list[str]]] = [
            ({}, [third, second]),
            ({"tag": "best"}, [second]),
            ({"name": "s2"}, [third]),
            ({"primary": 1}, [first]),
            ({"config": "monthly", "cycle": cycle.id}, [third, second]),
            ({"config": "single"}, []),
            ({"name": HOSTILE}, []),
        ]

        for asked, found in cases:
            page = await browser.get("scenarios", params=asked)
            assert page.status_code == 200
            assert [*dict.fromkeys(links(page, "scenarios"))] == found, asked
            assert "<b>" not in page.text

        page = await browser.get("scenarios")
        (next_page,) = re.findall(r'rel="next" href="([^"]*)"', page.text)
        page = await browser.get(f"scenarios{html.unescape(next_page)}")
        assert [*dict.fromkeys(links(page, "scenarios"))] == [first]
        assert 'rel="next"' not in page.text
        page = await browser.get("scenarios", params={"after": "x"})
        assert page.status_code == 400


async def test_a_scenario_is_made_with_its_inputs(orchestrator: Orchestrator) -> None:
    flows.chain(orchestrator.config, flows.double, flows.double)

    async with client(orchestrator) as browser:
        form = await browser.get("scenarios/create", params={"config": "chain"})
        assert 'name="input-n0"' in form.text
        assert 'name="input-n1"' not in form.text

        answer = await browser.post(
            "scenarios/create",
            data={"config": "chain", "name": HOSTILE, "input-n0": "21"},
        )
        assert answer.status_code == 303
        place = answer.headers["location"].rpartition("/")[2].partition("?")[0]
        made = await orchestrator.get_scenario(place)
        assert await made.data_nodes["n0"].read() == 21
        assert made.name == HOSTILE

        assert "<b>" not in (await browser.get(f"scenarios/{made.id}")).text
        assert "<b>" not in (await browser.get("scenarios")).text

        answer = await browser.post("scenarios/create", data={"config": "nothing"})
        assert answer.status_code == 409
        answer = await browser.get("scenarios/create", params={"config": "nothing"})
        assert answer.status_code == 404


async def test_scenarios_are_tagged_together(orchestrator: Orchestrator) -> None:
    config = flows.chain(orchestrator.config, flows.double)
    one, two, three = [await orchestrator.create_scenario(config) for _ in range(3)]

    async with client(orchestrator) as browser:
        given = {"id": [one.id, two.id], "tag": HOSTILE}
        await browser.post("scenarios/tag", data=given)
        assert one.tags == two.tags == {HOSTILE}
        assert three.tags == set()
        assert "<b>" not in (await browser.get("scenarios")).text

        answer = await browser.post("scenarios/tag", data={"id": three.id})
        assert "give+a+tag" in answer.headers["location"]
        given = {"id": [one.id], "tag": HOSTILE, "away": "1"}
        await browser.post("scenarios/tag", data=given)
        assert not one.tags
        assert two.tags == {HOSTILE}


async def test_two_scenarios_are_compared(orchestrator: Orchestrator) -> None:
    config = flows.chain(orchestrator.config, flows.double)
    one = await orchestrator.create_scenario(config, inputs={"n0": 1})
    other = await orchestrator.create_scenario(config, inputs={"n0": "<b>"})

    async with client(orchestrator) as browser:
        page = await browser.get("compare", params={"id": [one.id, other.id]})
        assert "n0" in page.text
        assert "&lt;b&gt;" in page.text
        page = await browser.get("compare", params={"id": one.id})
        assert "Pick two" in page.text


async def test_no_value_is_unpickled_here_to_be_compared(
    orchestrator: Orchestrator,
) -> None:
    config = flows.single(orchestrator.config, flows.double, storage_type="pickle")
    one, other = [await orchestrator.create_scenario(config) for _ in range(2)]
    await one.data_nodes["source"].write(Unloadable())

    async with client(orchestrator) as browser:
        page = await browser.get("compare", params={"id": [one.id, other.id]})
        assert "loaded in" in page.text
        assert str(getpid()) not in page.text
