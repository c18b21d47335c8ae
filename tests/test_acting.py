"""Who asks for what is done."""

from __future__ import annotations

from typing import Any

import pytest
from anyio import create_task_group, fail_after

from asyncflow import (
    EntityCreated,
    EntityDeleted,
    EntityUpdated,
    Orchestrator,
    acting_as,
)
from asyncflow.acting import acting_user
from tests.support import flows

pytestmark = pytest.mark.anyio


def test_the_inner_block_counts_and_ends() -> None:
    with acting_as("ada"):
        with acting_as("grace"):
            assert acting_user() == "grace"

        assert acting_user() == "ada"

    assert acting_user() is None


def test_who_asks_has_a_name() -> None:
    nobody: Any = None

    with pytest.raises(TypeError, match="name of who asks"):
        acting_as(nobody).__enter__()


async def test_it_holds_for_tasks_that_are_started_in_the_block() -> None:
    found: list[str | None] = []

    async def ask() -> None:
        found.append(acting_user())

    async with create_task_group() as group:
        with acting_as("ada"):
            group.start_soon(ask)

        group.start_soon(ask)

    assert sorted(found, key=str) == [None, "ada"]


async def test_events_of_entities_tell_it(orchestrator: Orchestrator) -> None:
    config = flows.chain(orchestrator.config, flows.double)
    kinds = (EntityCreated, EntityUpdated, EntityDeleted)

    async with orchestrator.events(*kinds) as events:
        with acting_as("ada"):
            scenario = await orchestrator.create_scenario(config)
            await scenario.n0.write(5)

        await scenario.update(name="b")
        run = scenario.submit(properties={"submitted_by": "grace"})
        await run
        told = []

        with fail_after(40):
            async for event in events:
                told.append((event.entity_type, event.user))

                if event.entity_type == "SUBMISSION" and isinstance(
                    event, EntityUpdated
                ):
                    break

    names = {"DATA_NODE", "TASK", "SCENARIO"}
    assert {name for name, user in told if user == "ada"} == names
    assert ("SCENARIO", None) in told
    assert {name for name, user in told if user == "grace"} == {
        *("SUBMISSION", "JOB", "DATA_NODE")
    }
