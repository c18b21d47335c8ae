"""Paths with the name, the date, the cycle of a scenario in them: each has its own file."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from asyncflow import Configuration, Frequency, Orchestrator, Scope, UsageError
from asyncflow.errors import NotCopied

pytestmark = pytest.mark.anyio

DAY = datetime(2026, 3, 4, 12)  # noqa: DTZ001  # as users write it


def declared(config: Configuration, path: str) -> None:
    own = config.configure_json_data_node("own", path, default_data=[1])
    common = config.configure_json_data_node(
        "common", "all/{cycle}.json", default_data=[2], scope=Scope.CYCLE
    )
    config.configure_scenario("flow", [], [own, common], frequency=Frequency.DAILY)


async def test_each_scenario_has_a_file_of_its_own(
    config: Configuration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared(config, "out/{name}/{date}-{cycle}-{scenario_id}.json")
    cfg = config.scenarios["flow"]
    store = tmp_path / "runs.db"
    monkeypatch.chdir(tmp_path)

    async with Orchestrator(config, store) as orchestrator:
        one = await orchestrator.create_scenario(cfg, DAY, "one")
        two = await orchestrator.create_scenario(cfg, DAY, "two", exist_ok=True)
        name = f"2026-03-04-{one.cycle.name if one.cycle else ''}-{one.id}.json"
        path = tmp_path / "out" / "one" / name
        assert one.own.path == str(path)
        assert path.read_text() == "[1]"
        await one.own.write([3])
        assert (await one.own.read(), await two.own.read()) == ([3], [1])
        assert one.common.id == two.common.id
        assert one.common.path == two.common.path
        assert len([*(tmp_path / "all").iterdir()]) == 1

        copy = await one.duplicate(name="three")
        assert await copy.own.read() == [3]
        await copy.own.write([4])
        assert await one.own.read() == [3]
        ids = one.id, copy.id

    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")

    async with Orchestrator(config, store) as orchestrator:
        found: list[Any] = [await orchestrator.get(one) for one in ids]
        assert [await scenario.own.read() for scenario in found] == [[3], [4]]
        assert found[0].own.path == str(path)
        await found[0].update(name="other")  # the file stays where it is
        assert found[0].own.path == str(path)


async def test_what_a_path_cannot_have(
    config: Configuration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    declared(config, "{name}.json")
    cfg = config.scenarios["flow"]

    async with Orchestrator(config, ":memory:") as orchestrator:
        for name in ("../up", "a/b", "..", ""):
            with pytest.raises(UsageError, match=r"\{name\}.*no name of a file"):
                await orchestrator.create_scenario(cfg, name=name)

        with pytest.raises(UsageError, match=r"'own' has \{name\}.*name=\.\.\."):
            await orchestrator.create_scenario(cfg)

        one = await orchestrator.create_scenario(cfg, name="one")

        with pytest.raises(NotCopied, match="is there already"):
            await one.duplicate()

        assert len(await orchestrator.scenarios()) == 1


async def test_relative_paths_begin_in_the_folder(
    config: Configuration, tmp_path: Path
) -> None:
    declared(config, "{name}.json")
    cfg = config.scenarios["flow"]

    async with Orchestrator(config, ":memory:", folder=tmp_path) as orchestrator:
        one = await orchestrator.create_scenario(cfg, name="one")
        assert one.own.path == str(tmp_path / "one.json")
        assert (tmp_path / "one.json").read_text() == "[1]"

    with pytest.raises(TypeError, match="folder is a text, or a Path"):
        Orchestrator(config, ":memory:", folder=3)  # type: ignore[arg-type]  # that is the test


def test_what_is_no_fact_of_a_scenario_is_a_problem(config: Configuration) -> None:
    config.configure_json_data_node("a", "x/{nam}.json")
    config.configure_json_data_node("b", "x/{name}.json", scope=Scope.GLOBAL)
    config.configure_json_data_node("c", "x/{date}.json", scope=Scope.CYCLE)
    config.configure_parquet_data_node("d", "x/{a,b}-*.parquet")
    found = {one.section: one.remedy for one in config.problems()}
    assert found["DATA_NODE.a"] == "use one of {scenario_id}, {name}, {cycle}, {date}"
    assert found["DATA_NODE.b"] == "leave it out: all scenarios share the file"
    assert found["DATA_NODE.c"] == "use one of {cycle}"
    assert "DATA_NODE.d" not in found
