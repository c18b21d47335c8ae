"""A storage type, an executor, a mode: one file each, and a call that registers it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from anyio import fail_after

from asyncflow import Configuration, DataNode, Orchestrator, ScenarioConfig, UsageError
from asyncflow.alternatives import DRIVERS, EXECUTORS, MODES, STORES
from asyncflow.entities.data_node import node_of
from asyncflow.errors import ConfigError
from asyncflow.stores.memory import MemoryStore
from tests.support import flows, toy_executor
from tests.support.toy_driver import ToyDriver
from tests.support.toy_executor import ToyExecutor

TEXT = "a" * 5_000
"""A value that is smaller once it is compressed."""


@pytest.fixture(autouse=True)
def _toys() -> Iterator[None]:
    DRIVERS.register("toy", "tests.support.toy_driver:ToyDriver")
    EXECUTORS.register("toy", ToyExecutor)
    MODES.register("toy", ToyExecutor)
    toy_executor.ran.clear()

    yield

    for kind in (DRIVERS, EXECUTORS, MODES):
        kind.unregister("toy")


def declare(
    config: Configuration, level: int = 3, executor: str = "process"
) -> ScenarioConfig:
    given = config.configure_data_node("given", "toy", default_data=TEXT, level=level)
    made = config.configure_data_node("made", "toy", level=level, note="mine")
    task = config.configure_task("copy", flows.identity, given, made, executor=executor)
    return config.configure_scenario("toys", task)


def problems(config: Configuration) -> list[tuple[str, str, str]]:
    return [(one.field, one.message, one.remedy) for one in config.problems()]


@pytest.mark.smoke
@pytest.mark.anyio
@pytest.mark.parametrize("executor", ["process", "thread", "toy"])
async def test_a_run_with_a_new_storage_type(
    config: Configuration, path: str, executor: str
) -> None:
    cfg = declare(config, executor=executor)

    with fail_after(40):
        async with Orchestrator(config, store=path) as orchestrator:
            scenario = await orchestrator.create_scenario(cfg)
            await scenario.submit()
            await scenario.submit()
            assert await scenario.made.read() == TEXT
            made = node_of(scenario.made)
            assert len(made.versions) == 2
            assert isinstance(made.driver, ToyDriver)
            assert made.driver.options.level == 3

        async with Orchestrator(config, store=path) as orchestrator:
            found = await orchestrator.get(scenario.made.id)
            assert isinstance(found, DataNode)
            assert await found.read() == TEXT

    files = [file for file in Path(path).parent.rglob("*") if file.is_file()]
    sizes = [file.stat().st_size for file in files if "values" in str(file)]
    assert len(sizes) >= 3
    assert all(size < len(TEXT) / 10 for size in sizes), "it was compressed"
    assert toy_executor.ran == ["copy"] * 2 * (executor == "toy")


@pytest.mark.anyio
async def test_a_mode_of_ones_own(path: str) -> None:
    config = flows.configuration("toy")
    cfg = declare(config)

    with fail_after(40):
        async with Orchestrator(config, store=path) as orchestrator:
            assert orchestrator.max_nb_of_workers == 3

            with pytest.raises(UsageError, match="in toy mode 3 jobs run at a time"):
                orchestrator.max_nb_of_workers = 2

            scenario = await orchestrator.create_scenario(cfg)
            await scenario.submit()
            assert await scenario.made.read() == TEXT

    assert toy_executor.ran == ["copy"]


@pytest.mark.anyio
async def test_an_executor_that_was_not_opened_is_refused(
    config: Configuration, path: str
) -> None:
    async with Orchestrator(config, store=path) as orchestrator:
        scenario = await orchestrator.create_scenario(declare(config, executor="toy"))

        with pytest.raises(UsageError, match="the executor 'toy' of task 'copy'"):
            scenario.submit()


def test_options_are_apart_from_properties(config: Configuration) -> None:
    declare(config)
    made = config.data_nodes["made"]
    assert (made.options, made.properties) == ({"level": 3}, {"note": "mine"})
    assert not made.owns_place
    assert config.problems() == ()


def test_options_go_through_a_file(config: Configuration, tmp_path: Path) -> None:
    config.configure_data_node("made", "toy", level=3, marker="ä", note="mine")
    file = tmp_path / "config.toml"
    config.export(file)
    assert "level = 3\n" in file.read_text()

    other = Configuration()
    other.load(file)
    assert other.data_nodes["made"].same_content(config.data_nodes["made"])

    file.write_text(file.read_text().replace("level = 3", "level = 4"))
    config.load(file)
    assert config.data_nodes["made"].options == {"level": 4, "marker": "ä"}

    file.write_text('[DATA_NODE.made]\nstorage_type = "pickle"\n')
    config.load(file)
    assert config.data_nodes["made"].options == {}
    assert config.data_nodes["made"].properties["level"] == 4


def test_a_wrong_option_in_a_file_is_told_with_its_line(
    config: Configuration, tmp_path: Path
) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[DATA_NODE.made]\nstorage_type = "toy"\nlevel = 30\nlevl = 1\n')

    with pytest.raises(ConfigError) as told:
        config.load(file)

    found = [(one.line, one.field) for one in told.value.problems]
    assert found == [(3, "level"), (4, "levl")]


def test_a_wrong_option_is_a_problem(config: Configuration) -> None:
    config.configure_data_node("made", "toy", level=30)
    ((field, message, remedy),) = problems(config)
    assert field == "level"
    assert "30" in message
    assert remedy == "give a level from 0 to 9"


@pytest.mark.parametrize("name", ["levle", "lvel", "Level", "levels"])
def test_a_misspelt_option_is_a_problem(config: Configuration, name: str) -> None:
    options: dict[str, Any] = {name: 3}
    config.configure_data_node("made", "toy", **options)
    ((field, _, remedy),) = problems(config)
    assert field == name
    assert "did you mean 'level'" in remedy


def test_an_option_is_of_its_storage_type_alone(config: Configuration) -> None:
    node = config.configure_data_node("made", level=3)
    assert (node.options, node.properties) == ({}, {"level": 3})
    config.configure_data_node("at", "toy", default_path="x")
    assert [one[:2] for one in problems(config)] == [
        ("default_path", "a 'toy' data node has no file")
    ]


def test_a_misspelt_storage_type_is_a_problem(config: Configuration) -> None:
    config.configure_data_node("made", "tyo")
    ((field, _, remedy),) = problems(config)
    assert field == "storage_type"
    assert remedy.startswith("did you mean 'toy'? choose one of 'pickle', 'in_memory',")
    assert remedy.endswith(", 'toy'")


class NeedyDriver(ToyDriver):
    extra = "needy"
    requires = ("zlib", "module_that_nobody_has")


def test_a_missing_package_is_a_problem(config: Configuration) -> None:
    DRIVERS.register("toy", NeedyDriver)
    config.configure_data_node("made", "toy")
    assert problems(config) == [
        (
            "storage_type",
            "the storage type 'toy' needs module_that_nobody_has",
            "pip install '.[needy]'",
        )
    ]


@pytest.mark.parametrize("target", ["tests.support.nowhere:Toy", "tests.support:Toy"])
def test_what_cannot_be_loaded_is_a_problem(config: Configuration, target: str) -> None:
    for kind in (DRIVERS, EXECUTORS, MODES):
        kind.register("toy", target)

    declare(config, executor="toy")
    config.configure_job_executions("toy")
    fields = [field for field, message, _ in problems(config) if "load" in message]
    assert fields == ["mode", "storage_type", "storage_type", "executor"]


async def waits(value: int) -> int:
    return value


def test_an_executor_says_what_it_cannot_do(config: Configuration) -> None:
    config.configure_task("late", flows.identity, executor="toy", run_timeout=1)
    config.configure_task("waits", waits, executor="toy")
    config.configure_task("far", flows.identity, executor="tyo")
    assert [(field, message) for field, message, _ in problems(config)] == [
        ("run_timeout", "a toy runs to its end"),
        ("executor", "a toy awaits nothing"),
        ("executor", "'tyo' is not known"),
    ]


class ToyStore(MemoryStore):
    @classmethod
    def at(cls, address: str) -> ToyStore:
        store = cls()
        store.address = address
        return store

    address: str = ""


@pytest.mark.anyio
async def test_a_store_of_ones_own(config: Configuration) -> None:
    STORES.register("toys", ToyStore)

    try:
        async with Orchestrator(config, store="toys://host/box") as orchestrator:
            scenario = await orchestrator.create_scenario(declare(config))
            await scenario.submit()
            store = orchestrator.store
    finally:
        STORES.unregister("toys")

    assert isinstance(store, ToyStore)
    assert store.address == "toys://host/box"
