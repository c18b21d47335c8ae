"""The list of scenarios."""

from __future__ import annotations

import html
import re
from datetime import date, datetime
from os import getpid

import pytest

from asyncflow import Frequency, Orchestrator, ScenarioConfig
from asyncflow.web.pages import scenarios
from tests.support import flows
from tests.support.web import HOSTILE, client, links
from tests.web.pages.test_data_node import Unloadable

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("shared_workers")]


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
        assert answer.status_code == 404
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


def typed_flow(orchestrator: Orchestrator) -> ScenarioConfig:
    """Declare a scenario with an input of each type."""
    config = orchestrator.config
    defaults = {
        "count": 3,
        "rate": 0.5,
        "is_fast": False,
        "day": date(2026, 1, 2),
        "moment": datetime.fromisoformat("2026-01-02T03:04"),
        "options": {"a": 1},
        "names": ["x"],
        "title": "plain",
        "pair": (1, 2),
    }
    nodes = [
        config.configure_in_memory_data_node(name, default_data=value)
        for name, value in defaults.items()
    ]
    nodes.append(config.configure_in_memory_data_node("annotated"))
    made = config.configure_in_memory_data_node("made")
    return config.configure_scenario(
        "typed", config.configure_task("gather", gather, nodes, made)
    )


def gather(
    count: int,
    rate: float,
    is_fast: bool,
    day: date,
    moment: datetime,
    options: dict[str, int],
    names: list[str],
    title: str,
    pair: tuple[int, int],
    annotated: int,
) -> list[object]:
    return [count, rate, is_fast, day, moment, options, names, title, pair, annotated]


GIVEN = {
    "input-count": "4",
    "input-rate": "2",
    "input-is_fast": "true",
    "input-day": "2026-11-28",
    "input-moment": "2026-11-28T09:30",
    "input-options": '{"b": [2]}',
    "input-names": "[]",
    "input-title": "5",
    "input-annotated": "7",
}
MEANT = [
    *(4, 2.0, True, date(2026, 11, 28), datetime.fromisoformat("2026-11-28T09:30")),
    *({"b": [2]}, [], "5", (1, 2), 7),
]


async def test_values_have_the_types_of_their_fields(
    orchestrator: Orchestrator,
) -> None:
    typed_flow(orchestrator)

    async with client(orchestrator) as browser:
        form = await browser.get("scenarios/create", params={"config": "typed"})
        assert 'type="date"' in form.text
        assert 'name="input-pair"' not in form.text
        assert "No form has the values of pair" in form.text
        answer = await browser.post(
            "scenarios/create", data={"config": "typed"} | GIVEN
        )
        assert answer.status_code == 303, answer.text
        place = answer.headers["location"].rpartition("/")[2].partition("?")[0]
        scenario = await orchestrator.get_scenario(place)
        await scenario.submit()
        made = await scenario.data_nodes["made"].read()
        assert made == MEANT
        assert [*map(type, made)] == [*map(type, MEANT)]

        # A run alone: what is there stays.
        form = await browser.get(f"scenarios/{scenario.id}/submit")
        assert "empty for what is there: 2026-11-28" in form.text
        answer = await browser.post(
            f"scenarios/{scenario.id}/submit", data={"input-annotated": "8"}
        )
        assert answer.status_code == 303, answer.text
        run = await orchestrator.get_submission(
            answer.headers["location"].rpartition("/")[2]
        )
        await run
        assert (await scenario.data_nodes["made"].read())[-1] == 8
        assert await scenario.data_nodes["annotated"].read() == 7

        # The same over REST: a text is a date there.
        body = {"inputs": {"day": "2026-12-24"}}
        answer = await browser.post(
            f"api/scenarios/{scenario.id}/submit", params={"wait": 30}, json=body
        )
        assert answer.json()["status"] == "COMPLETED"
        assert (await scenario.data_nodes["made"].read())[3] == date(2026, 12, 24)
        body = {"inputs": {"day": "soon"}}
        answer = await browser.post(f"api/scenarios/{scenario.id}/submit", json=body)
        assert answer.status_code == 422
        (config,) = (await browser.get("api/configs")).json()
        assert config["kinds"]["day"] == "a date"


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("count", "many", "a number"),
        ("rate", "0,5", "a decimal number"),
        ("is_fast", "perhaps", "true or false"),
        ("day", "2026-13-01", "a date"),
        ("moment", "noon", "a time"),
        ("options", "[1]", "an object, in JSON"),
        ("names", "[1", "a list, in JSON"),
        ("annotated", "1.5", "a whole number"),
    ],
)
async def test_what_is_wrong_is_said_at_the_field_and_nothing_is_lost(
    orchestrator: Orchestrator, name: str, text: str, why: str
) -> None:
    scenario = await orchestrator.create_scenario(typed_flow(orchestrator))
    given = GIVEN | {f"input-{name}": text}

    async with client(orchestrator) as browser:
        for place in ("scenarios/create", f"scenarios/{scenario.id}/submit"):
            answer = await browser.post(
                place, data={"config": "typed", "name": HOSTILE} | given
            )
            assert answer.status_code == 422
            assert f"it is {why}; got" in html.unescape(answer.text)
            assert answer.text.count('aria-invalid="true"') == 1
            assert f'href="#field-input-{name}"' in answer.text
            assert "<b>" not in answer.text

            for other, typed in GIVEN.items():
                if other not in (f"input-{name}", "input-is_fast"):
                    assert typed in html.unescape(answer.text)

    assert len(await orchestrator.scenarios()) == 1
    assert await orchestrator.submissions() == []


async def test_what_a_validator_refuses_is_said_at_the_field(
    orchestrator: Orchestrator,
) -> None:
    config = orchestrator.config
    source = config.configure_in_memory_data_node(
        "source", default_data=1, validator=is_small
    )
    made = config.configure_in_memory_data_node("made")
    config.configure_scenario(
        "checked", config.configure_task("double", flows.double, source, made)
    )

    async with client(orchestrator) as browser:
        answer = await browser.post(
            "scenarios/create",
            data={"config": "checked", "name": "kept", "input-source": "100"},
        )
        assert answer.status_code == 409
        assert "too large" in answer.text
        assert 'aria-invalid="true"' in answer.text
        assert 'value="kept"' in answer.text
        assert 'value="100"' in answer.text
        nothing = await browser.post("scenarios/create", data={"config": "x"})
        assert nothing.status_code == 404

    assert await orchestrator.scenarios() == []


def is_small(number: int) -> None:
    if number > 10:
        raise ValueError("too large")
