"""What a run wrote can be read as long as its handle is used."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from pathlib import Path
from weakref import ref

import pytest
from anyio.lowlevel import checkpoint

from asyncflow import (
    Configuration,
    NoData,
    Orchestrator,
    Scenario,
    ScenarioConfig,
    Submission,
)
from asyncflow.entities.job import state_of
from asyncflow.stores.sqlite import SqliteStore

pytestmark = pytest.mark.anyio

LARGE = 200_000
"""The length of a value that has a file of its own."""


def text(number: int) -> str:
    return str(number)


def large_text(number: int) -> str:
    return str(number) * LARGE


def noisy_text(number: int) -> str:
    print(number)
    return str(number)


@pytest.fixture
def store(path: str) -> SqliteStore:
    return SqliteStore(path)


def sweep(
    config: Configuration,
    function: Callable[[int], str],
    storage_type: str = "pickle",
    *,
    executor: str = "process",
    skippable: bool = False,
) -> ScenarioConfig:
    radius = config.configure_data_node("radius", default_data=0)
    result = config.configure_data_node("result", storage_type)
    task = config.configure_task(
        "work", function, radius, result, skippable, executor=executor
    )
    return config.configure_scenario("sweep", task)


def files(folder: Path) -> list[str]:
    values = folder / "runs.values"
    return [one.name for one in values.iterdir() if one.suffix == ".value"]


async def run(scenario: Scenario, radius: int) -> Submission:
    await scenario.radius.write(radius)
    return await scenario.submit()


async def kept(scenario: Scenario, store: SqliteStore) -> int:
    """Return how many values of the result the store has."""
    gc.collect()

    for _ in range(3):  # what handles have told in their ends is heard, and written
        await checkpoint()

    await store.flush()
    return len(await store.versions(node_id=scenario.result.id, is_kept=True))


@pytest.mark.smoke
@pytest.mark.parametrize("storage_type", ["pickle", "in_memory"])
@pytest.mark.parametrize("function", [text, large_text, noisy_text])
@pytest.mark.parametrize("place", ["file", ":memory:"])
async def test_each_run_of_a_sweep_has_its_result(
    config: Configuration,
    path: str,
    storage_type: str,
    function: Callable[[int], str],
    place: str,
) -> None:
    cfg = sweep(config, function, storage_type)

    async with Orchestrator(config, path if place == "file" else place) as one:
        scenario = await one.create_scenario(cfg)
        runs = []

        for value in range(1, 6):
            await scenario.radius.write(value)
            runs.append(scenario.submit())

        await asyncio.gather(*runs)
        values = [await one.read("result") for one in runs]
        assert values == [await one.outputs["result"].read() for one in runs]
        assert [one[0] for one in values] == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize("function", [text, large_text, noisy_text])
@pytest.mark.parametrize("is_read", [False, True])
async def test_what_nobody_can_read_goes(
    config: Configuration,
    store: SqliteStore,
    tmp_path: Path,
    function: Callable[[int], str],
    *,
    is_read: bool,
) -> None:
    cfg = sweep(config, function)

    async with Orchestrator(config, store) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        runs = [await run(scenario, value) for value in range(1, 6)]
        assert await kept(scenario, store) == 5

        if is_read:
            assert [(await one.read("result"))[0] for one in runs] == [*"12345"]

        if function is large_text:
            assert len(files(tmp_path)) == 5

        del runs[1:]
        assert await kept(scenario, store) == 3
        assert (await runs[0].read("result"))[0] == "1"
        runs.clear()
        assert await kept(scenario, store) == 2

    assert len(files(tmp_path)) == (2 if function is large_text else 0)


@pytest.mark.parametrize("function", [text, large_text, noisy_text])
async def test_handles_that_are_dropped_keep_nothing_without_the_garbage_collector(
    config: Configuration, store: SqliteStore, function: Callable[[int], str]
) -> None:
    cfg = sweep(config, function, "in_memory")

    async with Orchestrator(config, store) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        gc.collect()
        gc.disable()

        try:
            for value in range(1, 8):
                one = await run(scenario, value)
                assert (await one.read("result"))[0] == str(value)
                assert [job.status for job in one.jobs] == ["COMPLETED"]

                del one
            await store.flush()
            versions = await store.versions(node_id=scenario.result.id, is_kept=True)
            assert len(versions) == 2
        finally:
            gc.enable()


async def test_a_job_keeps_what_its_run_wrote(config: Configuration, path: str) -> None:
    cfg = sweep(config, noisy_text)

    async with Orchestrator(config, path) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        (job,) = (await run(scenario, 1)).jobs
        facts = state_of(job).record()

        for value in range(2, 5):
            await run(scenario, value)

        assert await job.submission.read("result") == "1"
        assert job.submission.jobs == (job,)
        assert state_of(job).record() == facts
        assert (await job.output()).strip() == "1"

        handle = ref(job)
        submission = job.submission
        del job
        gc.collect()
        assert handle() is None
        (job,) = submission.jobs
        assert state_of(job).record() == facts


async def test_what_a_run_skipped_is_its_own(
    config: Configuration, store: SqliteStore
) -> None:
    cfg = sweep(config, text, skippable=True)

    async with Orchestrator(config, store) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await run(scenario, 1)
        again = await scenario.submit()
        assert [job.status for job in again.jobs] == ["SKIPPED"]

        for value in range(2, 5):
            await run(scenario, value)

        gc.collect()
        assert await again.read("result") == "1"
        assert await kept(scenario, store) == 3
        del again
        assert await kept(scenario, store) == 2


async def test_what_was_deleted_is_kept_no_more(
    config: Configuration, store: SqliteStore, tmp_path: Path
) -> None:
    cfg = sweep(config, large_text)

    async with Orchestrator(config, store) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        runs = [await run(scenario, value) for value in range(1, 6)]
        assert await kept(scenario, store) == 5
        await orchestrator.delete(runs[0].id)
        assert await kept(scenario, store) == 4
        assert (await runs[1].read("result"))[0] == "2"
        await orchestrator.delete(scenario.id)
        assert not await kept(scenario, store)

        with pytest.raises(NoData):
            await runs[1].read("result")

        del runs
        assert not await kept(scenario, store)
        assert not await store.versions(node_id=scenario.result.id)

    assert not files(tmp_path)


async def test_a_deleted_run_whose_handle_is_used_keeps_nothing_more(
    config: Configuration, store: SqliteStore
) -> None:
    """It has skipped two tasks: what each has written is dropped by a later run."""
    tasks = [
        config.configure_task(
            name,
            text,
            config.configure_data_node(f"{name}_in", default_data=1),
            config.configure_data_node(f"{name}_out"),
            skippable=True,
        )
        for name in "ab"
    ]
    cfg = config.configure_scenario("two", tasks)

    async with Orchestrator(config, store) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        first = await scenario.submit()
        again = await scenario.submit()
        assert [job.status for job in again.jobs] == ["SKIPPED", "SKIPPED"]
        await scenario.a_in.write(2)
        await scenario.submit()
        await scenario.a_in.write(3)
        await scenario.submit()
        assert await again.read("a_out") == "1"
        await orchestrator.delete(again.id)

        for value in (2, 3):
            await scenario.b_in.write(value)
            await scenario.submit()

        assert await scenario.b_out.read() == "3"
        assert await first.read("b_out") == "1"


async def test_handles_outlive_their_orchestrator(
    config: Configuration, store: SqliteStore, tmp_path: Path
) -> None:
    cfg = sweep(config, large_text)

    async with Orchestrator(config, store) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        runs = [await run(scenario, value) for value in range(1, 6)]
        assert await kept(scenario, store) == 5

    assert len(files(tmp_path)) == 2
    run_id = runs[0].id
    del runs
    gc.collect()

    async with Orchestrator(config, store) as orchestrator:
        one = await orchestrator.get_submission(run_id)

        with pytest.raises(NoData, match="is not kept"):
            await one.read("result")


async def test_handles_on_runs_of_others(config: Configuration, path: str) -> None:
    cfg = sweep(config, text)

    async with (
        Orchestrator(config, path) as one,
        Orchestrator(config, path) as other,
    ):
        scenario = await one.create_scenario(cfg)
        first = await run(scenario, 1)
        mine = await run(scenario, 2)
        theirs = await other.get_submission(mine.id)
        same = theirs.entity
        assert isinstance(same, Scenario)

        for value in range(3, 6):
            await run(same, value)

        assert await theirs.read("result") == "2"
        await scenario.result.read()  # looks what the other has written
        assert await mine.read("result") == "2"
        assert await first.read("result") == "1"
