"""Duplicates of scenarios: what they have, share and refuse."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from anyio import create_task_group, fail_after

from asyncflow import (
    Configuration,
    DataNode,
    EntityCreated,
    Frequency,
    NotCopied,
    NotFound,
    Orchestrator,
    ScenarioConfig,
    Scope,
    UnauthorizedTag,
    UsageError,
)
from asyncflow.runtime.draft import ScenarioDraft
from tests.support import flows

pytestmark = pytest.mark.anyio

LARGE = b"x" * 200_000


def flow(config: Configuration) -> ScenarioConfig:
    """Declare nodes of every scope: small, large, and never written."""
    config.configure_job_executions("development")
    nodes = [
        config.configure_data_node("small", default_data=1),
        config.configure_data_node("large", default_data=LARGE),
        config.configure_data_node("shared", scope=Scope.GLOBAL, default_data=7),
        config.configure_data_node("of_cycle", scope=Scope.CYCLE, default_data=8),
        config.configure_data_node("volatile", "in_memory", default_data=LARGE),
    ]
    result = config.configure_data_node("result")
    task = config.configure_task(
        "double", flows.double, nodes[0], result, skippable=True
    )
    return config.configure_scenario(
        "flow", task, nodes[1:], frequency=Frequency.DAILY, authorized_tags=["a", "b"]
    )


def files(orchestrator: Orchestrator) -> set[str]:
    folder = orchestrator.store.values_folder
    assert folder is not None
    return {entry.name for entry in os.scandir(folder) if entry.name[0] != "."}


@pytest.mark.smoke
@pytest.mark.blocking_jobs
async def test_a_duplicate_has_what_its_model_has_and_goes_its_own_way(
    config: Configuration, path: str
) -> None:
    cfg, then = flow(config), datetime(2026, 5, 4, tzinfo=UTC)

    async with Orchestrator(config, path) as orchestrator:
        model = await orchestrator.create_scenario(cfg, then, "May", region="EU")
        await model.submit()
        await model.update(tags=["a"])
        await model.small.update(name="how many")
        before = files(orchestrator)

        async with orchestrator.events(EntityCreated) as events:
            copy = await model.duplicate(then, properties={"unit": "kg"})
            told = [(await anext(events)).entity_type for _ in range(6)]

        assert told == [*["DATA_NODE"] * 4, "TASK", "SCENARIO"]
        assert (copy.name, *copy.tags) == ("May", "a")
        assert dict(copy.properties) == {"region": "EU", "unit": "kg"}
        assert copy.creation_date == then
        assert copy.cycle is model.cycle
        assert not copy.is_primary
        assert copy.small.name == "how many"
        assert await copy.read("small", "large", "volatile", "result") == (
            *(1, LARGE, LARGE),
            2,
        )
        assert copy.shared.id == model.shared.id
        assert copy.of_cycle.id == model.of_cycle.id
        (edit,) = await copy.result.edits()
        assert edit.at == model.result.last_edit_date
        assert edit.comment == f"duplicated from {model.result.id}"

        # One file has two names: nothing is written twice.
        folder = str(orchestrator.store.values_folder)
        new = files(orchestrator) - before
        inodes = [os.stat(os.path.join(folder, name)).st_ino for name in new]
        assert len(new) == 2
        assert {os.stat(os.path.join(folder, n)).st_ino for n in before} >= {*inodes}

        # What follows from what was copied does not run again.
        run = await copy.submit()
        assert [str(job.status) for job in run.jobs] == ["SKIPPED"]
        await copy.small.write(5)
        assert await model.small.read() == 1
        await orchestrator.delete(copy.id)
        assert files(orchestrator) == before

        other = await model.duplicate(
            datetime(2026, 5, 5, tzinfo=UTC), None, ["small"], tags=["b"]
        )
        assert other.is_primary
        assert (other.name, *other.tags) == (None, "b")
        assert other.of_cycle.id != model.of_cycle.id
        assert other.result.last_edit_date is None

        # The file stays for the other name, whoever goes first.
        last = await other.duplicate(data=False)
        again = await model.duplicate(then)
        await again.set_primary()
        await orchestrator.delete(model.id)
        assert await again.large.read() == LARGE
        assert await last.large.read() == LARGE

        with pytest.raises(NotFound, match=model.id):
            await model.duplicate()

    async with Orchestrator(config, path) as orchestrator:
        found = await orchestrator.get_scenario(again.id)
        assert await found.read("small", "large", "result") == (1, LARGE, 2)


async def test_what_is_in_a_place_of_the_users_is_copied_where_that_is_said(
    config: Configuration, path: str, tmp_path: Path
) -> None:
    file = tmp_path / "sales.csv"
    config.configure_csv_data_node(
        "sales", default_path=str(file), exposed_type="list[dict]"
    )
    config.configure_csv_data_node("costs", default_path=str(tmp_path / "costs.csv"))
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    config.configure_sql_table_data_node("table", url=url, table_name="items")
    names = ("sales", "costs", "table")
    nodes = [config.data_nodes[name] for name in names]
    kept = config.configure_data_node("kept", default_data=3)
    cfg = config.configure_scenario("flow", additional_data_node_configs=[*nodes, kept])

    async with Orchestrator(config, path) as orchestrator:
        model = await orchestrator.create_scenario(cfg)
        await model.sales.write([{"n": 1}])

        with pytest.raises(NotCopied) as refused:
            await model.duplicate()

        assert [*refused.value.reasons] == [*names]
        assert "sales.csv would be that of both" in str(refused.value)
        assert "place that all scenarios" in refused.value.reasons["table"]

        with pytest.raises(NotCopied, match="there already"):
            await model.duplicate(data=["kept"], paths={"sales": file})

        with pytest.raises(UsageError, match="such data node: did you mean 'sales'"):
            await model.duplicate(data=["saless"])

        with pytest.raises(UsageError, match="no file of yours"):
            await model.duplicate(paths={"kept": "kept.csv"})

        with pytest.raises(TypeError, match="several data nodes"):
            await model.duplicate(data="kept")

        assert len(await orchestrator.scenarios()) == 1
        assert os.listdir(tmp_path).count("may.csv") == 0

        to = tmp_path / "may.csv"
        copy = await model.duplicate(
            data=[kept], paths={"sales": to, nodes[1]: tmp_path / "more.csv"}
        )
        assert to.read_bytes() == file.read_bytes()
        assert not (tmp_path / "more.csv").exists()
        assert copy.sales.path == str(to)
        await copy.sales.write([{"n": 2}])
        assert await model.sales.read() == [{"n": "1"}]
        assert await copy.kept.read() == 3
        names_now = [name for name in os.listdir(tmp_path) if ".csv" in name]
        assert sorted(names_now) == [to.name, file.name]

    async with Orchestrator(config, path) as orchestrator:
        found = await orchestrator.get_scenario(copy.id)
        assert await found.sales.read() == [{"n": "2"}]


async def test_what_is_refused_or_fails_leaves_nothing(
    config: Configuration, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cfg = flow(config)

    async def fails(_: ScenarioDraft) -> None:
        raise OSError("no room")

    async with Orchestrator(config, path) as orchestrator:
        model = await orchestrator.create_scenario(cfg)
        before = files(orchestrator)

        with pytest.raises(UnauthorizedTag):
            await model.duplicate(tags=["c"])

        with monkeypatch.context() as patch:
            patch.setattr(ScenarioDraft, "_records", fails)

            with pytest.raises(OSError, match="no room"):
                await model.duplicate()

        assert files(orchestrator) == before
        assert len(await orchestrator.scenarios()) == 1


async def test_a_duplicate_of_what_another_process_writes_is_as_of_one_moment(
    config: Configuration, path: str
) -> None:
    source = config.configure_data_node("source", default_data=b"0" * 100_000)
    cfg = config.configure_scenario("flow", additional_data_node_configs=[source])

    async with (
        Orchestrator(config, path) as one,
        Orchestrator(config, path) as other,
    ):
        model = await one.create_scenario(cfg)
        there = await other.get_scenario(model.id)

        async def write() -> None:
            for digit in b"123456789":
                await there.source.write(bytes([digit]) * 100_000)

        with fail_after(30):
            async with create_task_group() as group:
                group.start_soon(write)

                copies = [await model.duplicate() for _ in range(10)]

        for copy in copies:
            node: DataNode[bytes] = copy.source
            value = await node.read()
            assert len(value) == 100_000
            assert len({*value}) == 1
