"""Which store, executors and drivers an orchestrator works with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from asyncflow.abc import Executor, Store
from asyncflow.config.sections import DataNodeConfig, JobConfig
from asyncflow.executors.inline import InlineExecutor
from asyncflow.runtime import wiring
from asyncflow.runtime.wiring import (
    DEFAULT_STORE,
    VARIABLE,
    as_store,
    driver_of,
    open_workers,
    usable_cpus,
    wrap_executor,
)
from asyncflow.stores.memory import MemoryStore
from asyncflow.stores.sqlite import SqliteStore


def test_a_store_is_itself() -> None:
    store = MemoryStore()
    assert as_store(store) is store


@pytest.mark.parametrize("empty", [None, "", "  "])
def test_an_address_is_looked_for_in_three_places(
    empty: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert isinstance(as_store(":memory:"), MemoryStore)
    monkeypatch.setenv(VARIABLE, "named.db")
    named = as_store(empty)
    assert isinstance(named, SqliteStore)
    assert (named.path, named.variable) == ("named.db", VARIABLE)
    monkeypatch.delenv(VARIABLE)
    default = as_store(empty)
    assert isinstance(default, SqliteStore)
    assert (default.path, default.variable) == (DEFAULT_STORE, "")


class Wrapper:
    """Stands around what is picked."""

    def __init__(self) -> None:
        self.stores: list[Store] = []
        self.executors: list[Executor] = []

    def wrap_store(self, store: Store) -> Store:
        self.stores.append(store)
        return MemoryStore()

    def wrap_executor(self, executor: Executor) -> Executor:
        self.executors.append(executor)
        return InlineExecutor()


@pytest.fixture
def wrapper() -> Iterator[Wrapper]:
    found = Wrapper()
    wiring.wrappers.append(found)
    yield found
    wiring.wrappers.remove(found)


def test_faults_stand_around_what_is_picked(wrapper: Wrapper) -> None:
    store, executor = MemoryStore(), InlineExecutor()
    assert as_store(store) is not store
    assert wrap_executor(executor) is not executor
    assert wrapper.stores == [store]
    assert wrapper.executors == [executor]


def test_drivers_that_have_nothing_of_their_own_are_one(tmp_path: Path) -> None:
    folder = str(tmp_path)
    one, other = [driver_of(folder, DataNodeConfig(id=name)) for name in "ab"]
    assert one is other
    in_memory = DataNodeConfig(id="a", storage_type="in_memory")
    assert type(driver_of(folder, in_memory)) is not type(one)


def test_a_relative_path_begins_in_the_directory(tmp_path: Path) -> None:
    config = DataNodeConfig(id="a", storage_type="pickle", default_path="a.p")
    driver = driver_of(str(tmp_path), config)
    assert driver.path == str(tmp_path / "a.p")
    assert driver_of(str(tmp_path), config) is not driver


@pytest.mark.anyio
async def test_a_mode_that_runs_all_jobs_has_no_workers() -> None:
    async with AsyncExitStack() as stack:
        assert await open_workers(JobConfig(mode="development"), stack) is None


def test_there_is_a_cpu() -> None:
    assert usable_cpus() >= 1
