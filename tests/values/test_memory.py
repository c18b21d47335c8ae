"""Large values that end with their orchestrator are in memory where it has room."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from anyio import fail_after
from anyio.lowlevel import checkpoint

from asyncflow import Configuration, Orchestrator, Scenario
from asyncflow.folder import MEMORY

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.blocking_jobs,
    pytest.mark.skipif(not os.path.isdir(MEMORY), reason="no file system in memory"),
]

LARGE = 100_000


def made() -> bytes:
    return bytes(LARGE)


def links(folder: str) -> dict[str, str]:
    """Return where the links lead that are among the values."""
    return {
        entry.name: os.readlink(entry.path)
        for entry in os.scandir(folder)
        if entry.is_symlink()
    }


def in_memory() -> list[str]:
    return os.listdir(MEMORY)


async def run(orchestrator: Orchestrator, config: Configuration) -> Scenario:
    scenario = await orchestrator.create_scenario(config.scenarios["flow"])
    await scenario.submit()
    return scenario


@pytest.fixture
def config(config: Configuration) -> Configuration:
    large = config.configure_in_memory_data_node("large")
    size = config.configure_data_node("size")
    config.configure_scenario(
        "flow",
        [
            config.configure_task("make", made, None, large),
            config.configure_task("measure", len, large, size),
        ],
    )
    return config


@pytest.mark.parametrize("mode", ["standalone", "development"])
async def test_they_are_in_memory_and_go_with_it(
    config: Configuration, tmp_path: Path, mode: str
) -> None:
    config.configure_job_executions(mode, 1)

    async with Orchestrator(config, store=tmp_path / "store.db") as orchestrator:
        folder = orchestrator.store.values_folder
        assert folder is not None
        await run(orchestrator, config)

        with fail_after(10):
            while not links(folder):  # the folder, in the background
                await checkpoint()

        scenario = await run(orchestrator, config)
        found = links(folder)
        (home,) = [found.pop(name) for name in [*found] if name.endswith("-memory")]
        assert home.startswith(f"{MEMORY}/asyncflow-memory-")
        assert {os.path.dirname(one) for one in found.values()} == {home}
        assert {*os.listdir(home)} == {"lock", *found}

        assert len(await scenario.large.read()) == LARGE
        assert await scenario.size.read() == LARGE
        other = await scenario.duplicate()
        await orchestrator.delete(scenario.id)
        assert len(await other.large.read()) == LARGE

    assert os.path.basename(home) not in in_memory()
    assert not links(folder)
