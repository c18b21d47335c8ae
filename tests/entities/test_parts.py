"""What a data node is asked for besides its whole value."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import anyio
import fsspec
import pandas as pd
import pytest

import asyncflow.sync as tp
from asyncflow import (
    Condition,
    Configuration,
    DataNode,
    DataNodeReadingError,
    DataNodeWritingError,
    NoData,
    Operator,
    Orchestrator,
    Scenario,
    UsageError,
    ValueInvalid,
)
from asyncflow.errors import DataNodeIsBeingEdited

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.blocking_jobs,
    pytest.mark.usefixtures("tables_are_warm"),
]

ROWS = [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}, {"a": 3, "b": "y"}]
BIG = [("a", 2, Operator.GREATER_OR_EQUAL)]


def declare(config: Configuration, **options: Any) -> Any:
    node = config.configure_data_node("made", **options)
    return config.configure_scenario("s", additional_data_node_configs=node)


async def node_of(orchestrator: Orchestrator, **options: Any) -> DataNode:
    scenario: Scenario = await orchestrator.create_scenario(
        declare(orchestrator._session.config, **options)
    )
    found: DataNode = scenario.data_nodes["made"]
    return found


@pytest.fixture
async def orchestrator(config: Configuration, tmp_path: Path) -> Any:
    config.configure_job_executions("development")

    async with Orchestrator(config, store=str(tmp_path / "s.db")) as opened:
        yield opened


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"storage_type": "in_memory"},
        {"storage_type": "json"},
        {"storage_type": "csv", "exposed_type": "polars"},
        {"storage_type": "parquet"},
        {"storage_type": "excel", "sheet_name": "one", "exposed_type": "list[dict]"},
    ],
    ids=str,
)
async def test_a_part_is_read(
    orchestrator: Orchestrator, options: dict[str, Any]
) -> None:
    node = await node_of(orchestrator, default_data=ROWS, **options)

    def rows(value: Any) -> Any:
        if isinstance(value, list):
            return value

        to_dicts = getattr(value, "to_dicts", None)
        return to_dicts() if to_dicts else value.to_dict("records")

    assert rows(await node.read(columns="a", where=BIG)) == [{"a": 2}, {"a": 3}]
    assert rows(await node.filter(("b", "x"))) == ROWS[:1]
    either = [("a", 1), ("a", 3)]
    assert rows(await node.filter(either, "or")) == [ROWS[0], ROWS[2]]
    both = Condition("a", 1) | Condition("b", "y") & Condition("a", 3)
    assert rows(await node.read(where=both)) == [ROWS[0], ROWS[2]]
    assert list(await node["a"]) == [1, 2, 3]
    assert rows(await node[["b", "a"]]) == ROWS
    shown = await node.preview(2)
    assert (shown.columns, shown.rows, shown.total) == (
        ("a", "b"),
        ((1, "x"), (2, "y")),
        3,
    )

    with pytest.raises(
        DataNodeReadingError, match=r"'made'.* no column 'c': use .*a, b"
    ):
        await node.read(columns=["c"])


async def test_what_is_wrong_is_told(orchestrator: Orchestrator) -> None:
    node = await node_of(orchestrator)

    with pytest.raises(NoData):
        await node.read(columns=["a"])

    await node.write(ROWS)

    with pytest.raises(ValueError, match="no condition"):
        await node.filter("a > 1")

    with pytest.raises(TypeError, match="None is no column"):
        await node[None]  # type: ignore[index]  # on purpose

    with pytest.raises(DataNodeReadingError, match="no column 3: use one of a, b"):
        await node[3]

    with pytest.raises(ValueError, match="how many rows"):
        await node.preview(-1)

    with pytest.raises(UsageError, match="nothing can be appended to data node 'made'"):
        await node.append(ROWS)

    with pytest.raises(UsageError, match="no file that others read"):
        await node.download()


@pytest.mark.parametrize("path", [None, "own.csv"])
async def test_appends_are_one_after_the_other(
    orchestrator: Orchestrator, tmp_path: Path, path: str | None
) -> None:
    where = None if path is None else str(tmp_path / path)
    node = await node_of(orchestrator, storage_type="csv", default_path=where)
    before = await node.fingerprint()
    await node.append(ROWS[:1], editor_id="ann", comment="first")

    async with anyio.create_task_group() as group:
        for number in range(5):
            group.start_soon(node.append, [{"b": "z", "a": number}])

    frame = await node.read()
    assert sorted(frame["a"][1:]) == [0, 1, 2, 3, 4]
    assert list(frame["b"]) == ["x", *"zzzzz"]
    edits = await node.edits()
    assert len([edit for edit in edits if edit.comment == "first"]) == 1
    assert (await node.fingerprint() != before) is (path is not None)

    with pytest.raises(DataNodeWritingError, match=r"'made': the columns c cannot"):
        await node.append([{"c": 1}])

    unnamed: object = 5

    with pytest.raises(
        DataNodeWritingError, match=r"'made': a value of type int is no"
    ):
        await node.append(unnamed)

    await node.lock_edit("bob")

    with pytest.raises(DataNodeIsBeingEdited):
        await node.append(ROWS, editor_id="ann")

    assert len(await node.read()) == 6


@pytest.mark.parametrize("path", [None, "own.csv"])
async def test_a_file_goes_up_and_down(
    orchestrator: Orchestrator, tmp_path: Path, path: str | None
) -> None:
    where = None if path is None else str(tmp_path / path)
    node = await node_of(
        orchestrator, storage_type="csv", default_path=where, validator=has_a
    )
    file = tmp_path / "new.csv"
    file.write_text("a,b\n1,x\n")
    await node.upload(file, editor_id="ann")
    assert (await node.read()).to_dict("records") == ROWS[:1]
    found = await node.download()
    assert found.suffix == ".csv"
    assert found.read_text() == "a,b\n1,x\n"
    copy = await node.download(tmp_path / "copy.csv")
    assert copy.read_text() == "a,b\n1,x\n"

    file.write_text("b\nx\n")

    with pytest.raises(ValueInvalid, match="'made': its validator has_a"):
        await node.upload(file)

    file.write_bytes(b"a,b\n\xff,x\n")

    with pytest.raises(DataNodeReadingError, match=r"new\.csv.*encoding"):
        await node.upload(file)

    with pytest.raises(FileNotFoundError, match="nowhere"):
        await node.upload(tmp_path / "nowhere.csv")

    assert found.read_text() == "a,b\n1,x\n"
    left = [name for name in os.listdir(tmp_path) if "part" in name or "tmp" in name]
    assert left == []


def has_a(value: pd.DataFrame) -> bool:
    return "a" in value


async def test_a_small_value_goes_down_where_it_is_told(
    orchestrator: Orchestrator, tmp_path: Path
) -> None:
    node = await node_of(orchestrator, storage_type="json", default_data={"a": 1})

    with pytest.raises(UsageError, match="say where"):
        await node.download()

    file = await node.download(tmp_path / "value.json")
    assert json.loads(file.read_text()) == {"a": 1}
    await node.append({"b": 2})
    await node.append({"c": 3})
    assert await node.read() == {"a": 1, "b": 2, "c": 3}
    first = (await node.edits())[1].version
    await node.download(file, version=first)
    assert json.loads(file.read_text()) == {"a": 1, "b": 2}


async def test_files_of_the_home_folder(
    orchestrator: Orchestrator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    node = await node_of(orchestrator, storage_type="json", default_data=1)
    assert await node.download("~/value.json") == tmp_path / "value.json"
    (tmp_path / "other.json").write_text("2")
    await node.upload("~/other.json")
    assert await node.read() == 2

    assert node.owner_id is not None
    scenario = await orchestrator.get_scenario(node.owner_id)
    await scenario.export("~/scenario.zip")
    assert (tmp_path / "scenario.zip").exists()
    again = await orchestrator.import_scenario("~/scenario.zip")
    assert await again.data_nodes["made"].read() == 2


async def test_no_copy_takes_the_place_of_a_folder(
    orchestrator: Orchestrator, tmp_path: Path
) -> None:
    node = await node_of(orchestrator, storage_type="json", default_data=1)

    for folder in (".", tmp_path):
        with pytest.raises(UsageError, match="is a folder: give the path of a file"):
            await node.download(folder)


@pytest.mark.parametrize("place", ["", "memory://"])
async def test_a_folder_goes_down_as_a_zip_file(
    orchestrator: Orchestrator, tmp_path: Path, place: str
) -> None:
    node = await node_of(
        orchestrator,
        storage_type="parquet",
        default_path=f"{place}{tmp_path}/own",
        write_options={"partition_cols": ["b"]},
    )
    await node.write(ROWS)
    assert await node.is_downloadable()
    file = await node.download(tmp_path / "own.zip")

    with ZipFile(file) as packed:
        packed.extractall(tmp_path / "copy")

    found = pd.read_parquet(tmp_path / "copy")
    assert {*found["a"]} == {row["a"] for row in ROWS}

    if place:
        fsspec.filesystem("memory").store.clear()
    else:
        assert await node.download() == tmp_path / "own"


async def test_a_pattern_has_no_file_of_its_own(
    orchestrator: Orchestrator, tmp_path: Path
) -> None:
    pd.DataFrame(ROWS).to_parquet(tmp_path / "a-1.parquet")
    path = tmp_path / "a-*.parquet"
    node = await node_of(orchestrator, storage_type="parquet", default_path=path)

    with pytest.raises(UsageError, match="no file that others read"):
        await node.download(tmp_path / "copy")


async def test_it_is_described(orchestrator: Orchestrator, tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    node = await node_of(orchestrator, storage_type="csv", default_path=path)
    told = node.describe()
    assert told["id"] == node.id
    assert told["place"] == str(path)
    assert (told["storage_type"], told["appends"]) == ("csv", True)


async def test_what_cannot_be_read_names_node_place_and_remedy(
    orchestrator: Orchestrator, tmp_path: Path
) -> None:
    path = tmp_path / "own.json"
    node = await node_of(orchestrator, storage_type="json", default_path=path)

    with pytest.raises(NoData, match=r"'made'.*own\.json"):
        await node.read()

    for content, words in (
        (
            b'{"a": ',
            r"'made' at \S+own.json cannot be read: it is no whole json .*bring",
        ),
        (b'"\xff"', "another encoding .*encoding="),
    ):
        path.write_bytes(content)

        with pytest.raises(DataNodeReadingError, match=words):
            await node.read()

    path.unlink()
    path.mkdir()

    with pytest.raises(DataNodeReadingError, match="it is a folder: move it away"):
        await node.read()


def test_the_blocking_face_has_the_same(config: Configuration, tmp_path: Path) -> None:
    cfg = declare(config, storage_type="csv", default_data=ROWS)
    config.configure_job_executions("development")

    with tp.Orchestrator(config, store=str(tmp_path / "s.db")) as orchestrator:
        node = orchestrator.create_scenario(cfg).made
        assert list(node.read(columns=["a"])["a"]) == [1, 2, 3]
        assert list(node.filter(("b", "y"))["a"]) == [2, 3]
        assert list(node["a"]) == [1, 2, 3]
        node.append(ROWS[:1])
        assert node.preview(1).total == 4
        copy = node.download(tmp_path / "copy.csv")
        node.upload(copy)
        assert len(node.read()) == 4
        assert node.fingerprint() is None
        assert node.describe()["storage_type"] == "csv"
