"""Sequences: some tasks of a scenario, submitted on their own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from asyncflow import (
    Configuration,
    Orchestrator,
)
from asyncflow.entities.sequence import Sequence
from asyncflow.entities.submittable import dag_of
from tests.support import flows
from tests.support.entities import make_scenario

pytestmark = pytest.mark.anyio


@pytest.fixture
async def orchestrator(config: Configuration) -> AsyncIterator[Orchestrator]:
    async with Orchestrator(config) as opened:
        yield opened


async def test_a_sequence_and_a_task_run_on_their_own(
    config: Configuration, orchestrator: Orchestrator
) -> None:
    nodes = [config.configure_data_node(f"n{i}", default_data=i) for i in range(4)]
    tasks = [
        config.configure_task(f"t{i}", flows.double, nodes[i], nodes[i + 1])
        for i in range(3)
    ]
    cfg = config.configure_scenario("whole", tasks, sequences={"tail": tasks[1:]})
    scenario = await orchestrator.create_scenario(cfg)

    await scenario.tail.submit()
    assert [await scenario.data_nodes[f"n{i}"].read() for i in range(4)] == [0, 1, 2, 4]

    await scenario.t0.submit()
    assert await scenario.n1.read() == 0
    assert await scenario.n2.read() == 2


async def test_a_sequence_knows_its_part_of_the_scenario() -> None:
    config = Configuration()
    a, b, c = (config.configure_data_node(name) for name in "abc")
    tasks = [
        config.configure_task("one", flows.double, a, b),
        config.configure_task("two", flows.double, b, c),
    ]
    cfg = config.configure_scenario("s", tasks, sequences={"tail": tasks[1:], "no": []})
    scenario = await make_scenario(cfg)
    tail = scenario.tail
    assert isinstance(tail, Sequence)
    assert tail.tasks == {"two": scenario.two}
    assert tail.data_nodes == {"b": scenario.b, "c": scenario.c}
    assert dag_of(tail).ids == ("two",)
    assert dag_of(tail).sources == ("b",)
    assert tail.scenario_id == tail.owner_id == scenario.id
    assert tail.id == f"SEQUENCE_tail_{scenario.id}"
    assert repr(tail) == "<Sequence tail: two>"
    assert dag_of(scenario.no).ids == ()
