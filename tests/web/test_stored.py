"""How much is stored."""

from __future__ import annotations

from pathlib import Path

import pytest
from anyio import Path as AsyncPath

from asyncflow import Orchestrator
from asyncflow.web.stored import stored
from tests.support import flows

pytestmark = pytest.mark.anyio


async def test_files_that_a_killed_process_has_left_are_named(tmp_path: Path) -> None:
    config = flows.configuration()
    cfg = flows.single(config, flows.double, storage_type="pickle")
    path = tmp_path / "runs.db"

    async with Orchestrator(config, path) as dead:
        await dead.create_scenario(cfg, inputs={"source": [*range(100_000)]})
        (record,) = await dead.store.orchestrators()

    async with Orchestrator(config, path) as orchestrator:
        folder = orchestrator.store.values_folder
        assert folder is not None
        before = await stored(orchestrator)
        assert before.database is not None
        assert before.database > 10_000
        assert (before.logs, before.small_values, before.tables) == (0, 0, {})
        assert (before.files == 1, before.values > 200_000) == (True, True)
        assert before.lost == 0
        assert await orchestrator.store.makers() >= {record.id}
        await AsyncPath(folder, f"{record.id}-1").write_bytes(b"abc")
        found = await stored(orchestrator)
        assert (found.lost, found.lost_bytes) == (1, 3)
        assert found.lost_names == (f"{record.id}-1",)


async def test_a_store_in_memory_has_no_file(orchestrator: Orchestrator) -> None:
    found = await stored(orchestrator)
    assert (found.database, found.logs, found.small_values) == (None, None, None)


async def test_files_at_an_address_are_counted(tmp_path: Path) -> None:
    config = flows.configuration()
    cfg = flows.single(config, flows.double, storage_type="pickle")
    path, there = tmp_path / "runs.db", tmp_path / "there"
    values = f"local://{there}"

    async with Orchestrator(config, path, values=values) as dead:
        await dead.create_scenario(cfg, inputs={"source": [*range(100_000)]})
        (record,) = await dead.store.orchestrators()

    async with Orchestrator(config, path, values=values) as orchestrator:
        before = await stored(orchestrator)
        assert (before.files, before.unlisted) == (1, None)
        assert await orchestrator.store.makers() >= {record.id}
        await AsyncPath(there, f"{record.id}-lost.value").write_bytes(b"abc")
        found = await stored(orchestrator)
        assert (found.files, found.values - before.values) == (2, 3)
        assert found.lost_names == (f"{record.id}-lost.value",)
