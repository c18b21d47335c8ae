"""Verbs of data nodes that Taipy has, on both faces."""

from __future__ import annotations

from pathlib import Path

import pytest

import asyncflow.sync as tp
from asyncflow import (
    Configuration,
    DataNode,
    MongoDefaultDocument,
    Orchestrator,
    UsageError,
)
from asyncflow.entities.reasons import HasNoFile, IsBeingEdited, WasNeverWritten

pytestmark = pytest.mark.blocking_jobs


def declared(folder: Path) -> Configuration:
    config = Configuration()
    config.configure_job_executions("development")
    nodes = [
        config.configure_csv_data_node("sales", str(folder / "sales.csv")),
        config.configure_json_data_node("plan", encoder=None),
        config.configure_in_memory_data_node("memory", 5),
    ]
    config.configure_scenario("s", [], nodes)
    return config


@pytest.mark.anyio
async def test_the_async_face(tmp_path: Path) -> None:
    config = declared(tmp_path)

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario("s")
        nodes = scenario.data_nodes
        sales, plan, memory = nodes["sales"], nodes["plan"], nodes["memory"]
        assert [type(one) for one in await sales.is_downloadable()] == [WasNeverWritten]
        await sales.write_with_column_names([(1, "a"), (2, "b")], ["number", "name"])
        assert (tmp_path / "sales.csv").read_text() == "number,name\n1,a\n2,b\n"
        assert await sales.is_downloadable()
        assert sales.is_uploadable()
        some = await sales.read_with_kwargs(usecols=["name"])
        assert list(some.columns) == ["name"]
        assert list((await sales.read()).columns) == ["number", "name"]  # that once
        await plan.write({"a": 1})
        assert await plan.is_downloadable()  # though it is small
        await check(memory)
        await sales.lock_edit("me")
        (reason,) = sales.is_uploadable()
        assert isinstance(reason, IsBeingEdited)
        assert (plan.encoder, memory.decoder) == (None, None)


async def check(memory: DataNode) -> None:
    for reasons in (await memory.is_downloadable(), memory.is_uploadable()):
        assert [type(one) for one in reasons] == [HasNoFile]
        assert reasons.reasons == f"{memory.id} has no file"

    with pytest.raises(UsageError, match="'in_memory' data node has no options"):
        await memory.read_with_kwargs(nrows=1)


def test_the_blocking_face(tmp_path: Path) -> None:
    config = declared(tmp_path)

    with tp.Orchestrator(config, ":memory:"):
        scenario = tp.create_scenario("s")
        sales = scenario.data_nodes["sales"]
        sales.write_with_column_names([[1, 2]], ["a", "b"])
        assert list(sales.read_with_kwargs(usecols=["b"]).columns) == ["b"]
        assert sales.is_downloadable()
        assert sales.is_uploadable()
        assert (sales.encoder, sales.decoder) == (None, None)
        before = scenario.subscriptions
        scenario.subscribe(print, ["first"])
        ((function, given),) = scenario.subscriptions
        assert (before, function, given) == ((), print, ["first"])
        assert isinstance(scenario, tp.Submittable)


def test_sections_and_documents(tmp_path: Path) -> None:
    config = declared(tmp_path)
    assert config.data_nodes["sales"].name == "DATA_NODE"
    assert config.scenarios["s"].name == "SCENARIO"
    document = MongoDefaultDocument(name="a", size=2)
    assert vars(document) == {"name": "a", "size": 2}
