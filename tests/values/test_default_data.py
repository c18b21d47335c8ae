"""Default data: written once, where it needs a file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from asyncflow import Configuration, Orchestrator, Scenario, Scope
from tests.support import flows

pytestmark = [pytest.mark.anyio, pytest.mark.blocking_jobs]

LARGE = 100_000


def names(orchestrator: Orchestrator) -> list[int]:
    """Return how many names each file of a value has."""
    folder = orchestrator.store.values_folder
    assert folder is not None
    stats = [entry.stat() for entry in os.scandir(folder) if entry.name[0] != "."]
    return sorted({stat.st_ino: stat.st_nlink for stat in stats}.values())


@pytest.mark.parametrize("is_compared", [False, True])
@pytest.mark.parametrize("storage_type", ["pickle", "in_memory"])
async def test_large_default_data_is_written_once_and_outlives_whoever_has_it(
    config: Configuration, tmp_path: Path, storage_type: str, *, is_compared: bool
) -> None:
    node = config.configure_data_node("large", storage_type, default_data=bytes(LARGE))
    size = config.configure_data_node("size")
    task = config.configure_task("measure", len, node, size, skippable=is_compared)
    flow = config.configure_scenario("flow", task)

    async with Orchestrator(config, store=tmp_path / "store.db") as orchestrator:
        scenarios = [await orchestrator.create_scenario(flow) for _ in range(3)]
        assert names(orchestrator) == [3]

        await scenarios[0].large.write(b"")
        await orchestrator.delete(scenarios[2].id)
        await scenarios[1].submit()
        assert await scenarios[1].size.read() == LARGE

        # The file that was named last is gone.
        again = await orchestrator.create_scenario(flow)
        assert len(await again.large.read()) == LARGE
        assert names(orchestrator) == [1, 2]


async def test_who_configures_it_anew_gets_the_new_one(
    config: Configuration, tmp_path: Path
) -> None:
    async def created(orchestrator: Orchestrator, value: object) -> Scenario:
        node = config.configure_data_node("large", default_data=value)
        task = config.configure_task("double", flows.double, node)
        flow = config.configure_scenario("flow", task)
        return await orchestrator.create_scenario(flow)

    value = bytearray(LARGE)

    async with Orchestrator(config, store=tmp_path / "store.db") as orchestrator:
        first = await created(orchestrator, value)
        value[0] = 1  # in place
        second = await created(orchestrator, value)
        assert [(await one.large.read())[0] for one in (first, second)] == [0, 1]


async def test_what_is_given_is_its_own_and_small_values_are_read_anew(
    config: Configuration, tmp_path: Path
) -> None:
    small, large = [1], bytes(LARGE)
    nodes = [
        config.configure_data_node("large", default_data=large),
        config.configure_data_node("small", default_data=small),
        config.configure_data_node("shared", scope=Scope.GLOBAL, default_data=large),
    ]
    task = config.configure_task("keep", flows.identity, nodes[0])
    flow = config.configure_scenario("flow", task, nodes[1:])

    async with Orchestrator(config, store=tmp_path / "store.db") as orchestrator:
        await orchestrator.create_scenario(flow)
        small.append(2)
        second = await orchestrator.create_scenario(flow, large=b"y" * LARGE)
        assert await second.small.read() == [1, 2]
        assert await second.large.read() == b"y" * LARGE
        assert names(orchestrator) == [1, 1, 1]  # and the shared one
