"""Values as texts that a form can show and change."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest

from asyncflow import NoData, Orchestrator
from asyncflow.entities.typed import LONGEST, Typed, as_typed, typed
from tests.support import flows


class Name(str):
    __slots__ = ()


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (None, "NoneType", "null"),
        (True, "bool", "true"),
        (3, "int", "3"),
        (0.1, "float", "0.1"),
        ("a\nb", "str", "a\nb"),
        (date(2026, 1, 2), "datetime.date", "2026-01-02"),
        (
            datetime(2026, 1, 2, tzinfo=UTC),
            "datetime.datetime",
            "2026-01-02T00:00:00+00:00",
        ),
        ([], "list", "[]"),
    ],
)
def test_a_value_is_a_text(value: object, kind: str, text: str) -> None:
    assert typed(value) == Typed(kind, text)


def test_what_json_holds_is_a_text() -> None:
    value = {"a": [1, None, "\u00e9"], "b": {}}
    found = typed(value)
    assert found is not None
    assert json.loads(found.text) == value
    long = [100_000] * 20
    found = typed(long)
    assert found is not None
    assert found.text.count("\n") == 21
    assert json.loads(found.text) == long


@pytest.mark.parametrize(
    "value",
    [
        *((1, 2), [(1, 2)], {1: 2}, {"a": {1}}, float, Name("x"), [float("nan")]),
        *(
            "null \0",
            "\x1b[31m",
            "\r\n",
            "\udc80",
            "x" * (LONGEST + 1),
            pytest.param(10**5000, id="far"),
        ),
    ],
)
def test_what_no_form_gives_back_is_none(value: object) -> None:
    assert typed(value) is None


@pytest.mark.anyio
async def test_the_value_of_a_data_node_is_a_text(orchestrator: Orchestrator) -> None:
    config = flows.chain(orchestrator.config, flows.double)
    scenario = await orchestrator.create_scenario(config)
    assert await as_typed(scenario.n0) == Typed("int", "1")

    with pytest.raises(NoData):
        await as_typed(scenario.n1)
