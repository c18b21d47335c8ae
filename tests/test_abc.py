"""The seams: what an executor, a driver and a store have that say no more."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from asyncflow.abc import (
    Call,
    Crashed,
    Driver,
    Executor,
    Log,
    Outcome,
    Progress,
    Store,
    Watch,
)
from asyncflow.stores.memory import MemoryStore
from asyncflow.stores.sqlite import SqliteStore


class PlainDriver(Driver):
    """Says nothing of its own."""

    storage_type = "plain"


class PlainExecutor(Executor):
    """Has what it must have."""

    async def run(self, calls: Sequence[Call], watch: Watch) -> None:
        for call in calls:
            watch.ended(call, Crashed(1))

    def kill(self, call: Call, *, now: bool = False) -> None:
        return None


class PlainWatch(Watch):
    """Keeps outcomes."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Outcome]] = []

    def started(self, call: Call, log: Log | None) -> None:
        return None

    def reported(self, call: Call, progress: Progress) -> None:
        return None

    def ended(self, call: Call, outcome: Outcome) -> None:
        self.told.append((call.job_id, outcome))

    def returned(self, calls: Sequence[Call]) -> None:
        return None


def call(job_id: str) -> Call:
    return Call(job_id, "t", len, None, (), ())


def test_a_driver_keeps_values_where_asyncflow_does(tmp_path: Path) -> None:
    driver, path = PlainDriver(), str(tmp_path / "1.value")
    kept = driver.write([1], path, "node")
    assert driver.publish(kept, path) is kept
    assert driver.read(kept) == [1]
    assert driver.staging_path(path) == path
    assert (driver.place, driver.exists(), driver.staged("O")) == (None, False, ())

    with pytest.raises(LookupError, match="never written"):
        driver.read(None)


@pytest.mark.parametrize(("path", "keeps"), [(None, True), ("/a/b", False)])
def test_a_driver_with_a_place_of_the_users_keeps_no_versions(
    path: str | None, *, keeps: bool
) -> None:
    driver = PlainDriver(path, "options")
    assert driver.keeps_versions is keeps
    assert (driver.path, driver.options) == (path, "options")
    assert vars(PlainDriver()) == {}


async def in_block(executor: Executor) -> Any:
    async with executor as opened:
        await opened.begin()
        await opened.warm(2)
        await opened.shrink(0)
        await opened.wind_down()
        return opened.workers, opened.pin(have_run=True)


@pytest.mark.anyio
async def test_an_executor_need_not_say_more_than_how_it_runs() -> None:
    executor = PlainExecutor.of(None)
    assert isinstance(executor, PlainExecutor)
    assert await in_block(executor) == (0, None)
    watch = PlainWatch()
    await executor.run([call("JOB_1")], watch)
    assert watch.told == [("JOB_1", Crashed(1))]


def test_who_watches_is_told_of_each_of_several() -> None:
    watch, calls = PlainWatch(), [call("JOB_1"), call("JOB_2")]
    watch.all_ended(calls, [Crashed(1), Crashed(2)])
    assert watch.told == [("JOB_1", Crashed(1)), ("JOB_2", Crashed(2))]
    watch.loading(calls[0])
    watch.called(calls[0])
    watch.logged(calls[0], [b""])
    assert len(watch.told) == 2

    with pytest.raises(ValueError, match="shorter"):
        watch.all_ended(calls, [Crashed(1)])


def test_a_store_is_made_of_its_address() -> None:
    store = SqliteStore.at("runs.db")
    assert (store.path, store.variable, store.is_far) == ("runs.db", "", False)


@pytest.mark.anyio
async def test_a_store_need_not_tell_where_its_values_are() -> None:
    async with MemoryStore() as store:
        assert (store.values_folder, store.is_far, store.commits) == (None, False, 0)
        assert await store.shrink() == 0
        store.close_soon(now=True)


@pytest.mark.parametrize("seam", [Driver, Executor, Store, Watch])
def test_a_seam_says_what_it_promises(seam: type[Any]) -> None:
    for name, verb in vars(seam).items():
        if callable(verb) and not name.startswith("_"):
            assert inspect.getdoc(verb), f"{seam.__name__}.{name}"

    if seam is not Driver:
        with pytest.raises(TypeError, match="abstract"):
            seam()
