"""Large values at an address, between hosts that share no folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from anyio import fail_after, to_thread

from asyncflow import Orchestrator
from asyncflow.drivers._values_at import ValuesAt
from asyncflow.errors import ClusterFailed
from tests.support import flows
from tests.support.dask_cluster import configuration

pytestmark = pytest.mark.anyio

ROWS = [{"a": number} for number in range(30_000)]


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder behind an address; no host but this one sees the other folder."""

    def elsewhere(self: ValuesAt) -> tuple[Any, ...]:
        return ValuesAt, (self.address, self.options, f"{self.mark}-not-here")

    monkeypatch.setattr(ValuesAt, "__reduce__", elsewhere)
    folder = tmp_path / "there"
    folder.mkdir()
    return folder


def twice(rows: list[Any]) -> list[Any]:
    return rows + rows


def large(value: int) -> bytes:
    return bytes(value)


def count(value: bytes) -> int:
    return len(value)


def files(folder: Path) -> list[str]:
    return sorted(name for name in os.listdir(folder) if not name.startswith("."))


async def test_values_go_by_an_address(
    address: str, there: Path, tmp_path: Path
) -> None:
    config = configuration(address)
    source = config.configure_csv_data_node(
        "source", default_data=ROWS, exposed_type="list[dict]"
    )
    more = config.configure_csv_data_node("more", exposed_type="list[dict]")
    size = config.configure_data_node("size", default_data=500_000)
    data = config.configure_in_memory_data_node("data")
    counted = config.configure_json_data_node(
        "counted", default_path=str(tmp_path / "counted.json")
    )
    cfg = config.configure_scenario(
        "all",
        [
            config.configure_task("twice", twice, source, more),
            config.configure_task("large", large, size, data),
            config.configure_task("count", count, data, counted),
        ],
    )

    async with Orchestrator(
        config, tmp_path / "runs.db", values=f"local://{there}"
    ) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        with fail_after(50):
            await scenario.submit()
            await scenario.submit()

        assert await scenario.counted.read() == 500_000
        assert len(await scenario.data.read()) == 500_000
        assert len(await scenario.more.read()) == 60_000
        assert len(await scenario.more.read(in_process=False)) == 60_000
        await scenario.more.append(ROWS)
        assert len(await scenario.more.read()) == 90_000

        made = {name.partition(".")[0] for name in files(tmp_path / "runs.values")}
        assert {name.partition(".")[0] for name in files(there)} - made

    assert [os.path.splitext(name)[1] for name in files(there)].count(".value") == 0


async def test_a_host_that_cannot_write_there_is_told_of(
    address: str, there: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def elsewhere(self: ValuesAt) -> tuple[Any, ...]:
        return ValuesAt, (f"{self.address}/runs.db/below", self.options, self.mark)

    monkeypatch.setattr(ValuesAt, "__reduce__", elsewhere)
    (there / "runs.db").touch()
    config = configuration(address)

    with pytest.raises(ClusterFailed, match="values cannot be kept from"):
        await Orchestrator(
            config, tmp_path / "runs.db", values=f"local://{there}"
        ).open()


async def test_a_dead_job_leaves_nothing_there(
    address: str, there: Path, tmp_path: Path
) -> None:
    config = configuration(address)
    cfg = flows.single(
        config, flows.exit_hard, b"x" * 200_000, storage_type="pickle", crash_retries=0
    )

    async with Orchestrator(
        config, tmp_path / "runs.db", values=f"local://{there}"
    ) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        with fail_after(50):
            submission = scenario.submit()
            await submission.wait()

    assert len(await to_thread.run_sync(files, there)) == 1
