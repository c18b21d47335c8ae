"""In what scenarios differ."""

from __future__ import annotations

import pytest

from asyncflow import Orchestrator
from asyncflow.selection import Preview
from asyncflow.web.differing import attributes, differing
from tests.support import flows

pytestmark = pytest.mark.anyio


async def test_values_and_attributes_that_differ_are_found(
    orchestrator: Orchestrator,
) -> None:
    config = flows.chain(orchestrator.config, flows.double)
    one, other = [
        await orchestrator.create_scenario(
            config, inputs={"n0": number}, properties=own
        )
        for number, own in ((1, {"kind": "a"}), (2, {}))
    ]
    await other.add_tag("x")
    assert attributes(one, one) == []
    assert attributes(one, other) == [("kind", "a", ""), ("tags", "", "x")]
    ((name, first, second),) = await differing(one, other)
    assert name == "n0"
    assert isinstance(first, Preview)
    assert isinstance(second, Preview)
    assert (first.rows, second.rows) == (((1,),), ((2,),))
