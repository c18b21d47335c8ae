"""What happens where the disk is full, or read-only: on a small disk of its own."""

from __future__ import annotations

import errno
import importlib
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from anyio import fail_after, to_thread
from anyio.lowlevel import checkpoint

from asyncflow import (
    Configuration,
    Orchestrator,
    Scenario,
    ScenarioConfig,
    Status,
    StoreFailed,
    StoreUnavailable,
    Submission,
    SubmissionFailed,
    SubmissionStatus,
)
from asyncflow.drivers.pickle import PickleDriver
from asyncflow.entities.data_node import node_of
from asyncflow.recovery import recovery
from asyncflow.stores.sqlite import SqliteStore
from asyncflow.worker.values import fetch, keep
from tests.support.flows import configuration

SIZE = 2 * 1024 * 1024
"""The bytes of the disk."""

TOO_MUCH = 5 * SIZE


def mount(*options: object) -> bool:
    """Tell whether a mount succeeded; it does where we are root."""
    command = ["mount", *map(str, options)]
    return shutil.which("mount") is not None and not (
        subprocess.run(command, capture_output=True, check=False).returncode
    )


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()

    if sys.platform != "linux":
        pytest.skip("needs a tmpfs")

    if not mount("-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", folder):
        pytest.skip("may not mount")

    try:
        yield folder
    finally:
        # Workers that end in a moment may still have a file of it open.
        subprocess.run(["umount", "--lazy", folder], check=True)


PAGE = 4096


def fill(disk: Path, pages: int = 0) -> None:
    """Leave no more than some pages free: the file ``filler`` takes the rest."""

    def write() -> None:
        with (disk / "filler").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(PAGE))

    with pytest.raises(OSError, match="No space left on device"):
        write()

    size = (disk / "filler").stat().st_size
    os.truncate(disk / "filler", max(size - pages * PAGE, 0))


# ------------------------------------------------------------------------------ values


def test_a_value_that_finds_no_room(disk: Path) -> None:
    path = disk / "größe.value"
    keep("old" * 100_000, str(path), "value", sync=True)

    for target in (path, disk / "other.value"):
        with pytest.raises(OSError, match="No space left on device") as caught:
            keep(bytes(TOO_MUCH), str(target), "value", sync=True)

        assert caught.value.errno == errno.ENOSPC
        assert caught.value.filename == str(target)
        assert str(target) in str(caught.value)
        again = pickle.loads(pickle.dumps(caught.value))
        assert (again.errno, again.filename) == (errno.ENOSPC, str(target))

    assert os.listdir(disk) == [path.name]
    assert fetch(str(path)) == "old" * 100_000


def test_a_file_of_the_users_that_finds_no_room(disk: Path) -> None:
    path = disk / "mine.pickle"
    path.write_bytes(pickle.dumps("old"))
    driver = PickleDriver(str(path))

    with pytest.raises(OSError, match=f"No space left on device: free .*: '{path}"):
        driver.write(bytes(TOO_MUCH), "/elsewhere/1.value", "mine")

    assert os.listdir(disk) == [path.name]
    assert driver.read(None) == "old"


# -------------------------------------------------------------------------------- jobs


def make(size: int) -> bytes:
    return bytes(size)


def flow(config: Configuration, executor: str, storage_type: str) -> ScenarioConfig:
    """Declare a task that makes a value of as many bytes as its input says."""
    size = config.configure_data_node("size", default_data=100_000)
    made = config.configure_data_node("made", storage_type)
    task = config.configure_task("make", make, size, made, executor=executor)
    return config.configure_scenario("flow", task)


@pytest.mark.anyio
@pytest.mark.parametrize("storage_type", ["pickle", "in_memory"])
@pytest.mark.parametrize("executor", ["process", "thread"])
async def test_a_job_whose_value_finds_no_room(
    disk: Path, executor: str, storage_type: str
) -> None:
    config = configuration(workers=1)
    cfg = flow(config, executor, storage_type)
    values = disk / "runs.values"

    async with Orchestrator(config, disk / "runs.db") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.submit()
        version = node_of(scenario.made).version
        files = await to_thread.run_sync(os.listdir, values)
        await scenario.size.write(TOO_MUCH)

        with pytest.raises(SubmissionFailed, match="No space left on device"):
            await (run := scenario.submit())

        (job,) = run.jobs
        assert job.status is Status.FAILED
        assert job.reason.startswith(
            "OSError: [Errno 28] data node 'made' cannot be written: No space left on "
        )
        assert str(values) in job.reason
        assert node_of(scenario.made).version is version
        assert await scenario.made.read() == bytes(100_000)
        assert await to_thread.run_sync(os.listdir, values) == files

        await scenario.size.write(10)
        await scenario.submit()
        assert await scenario.made.read() == bytes(10)
        record = (await orchestrator.jobs(status="FAILED"))[0]
        assert record.reason == job.reason


def print_much(size: int) -> int:
    print("x" * size)
    return size


@pytest.mark.anyio
async def test_jobs_go_on_where_their_workers_find_no_room(
    disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(disk))
    (tmp_path / "module_too_large.py").write_text("#" * TOO_MUCH)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "module_too_large", None)  # removed at the end
    del sys.modules["module_too_large"]
    importlib.import_module("module_too_large")  # its text is kept for workers
    config = configuration(workers=1)
    size = config.configure_data_node("size", default_data=10)
    made = config.configure_data_node("made")
    task = config.configure_task("print_much", print_much, size, made)
    cfg = config.configure_scenario("flow", task)

    async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.submit()
        await to_thread.run_sync(fill, disk)
        await scenario.size.write(50_000)

        for _ in range(3):
            (job,) = (await scenario.submit()).jobs
            assert "bytes left out" in await job.output()
            assert await scenario.made.read() == 50_000

        await to_thread.run_sync((disk / "filler").unlink)
        (job,) = (await scenario.submit()).jobs
        assert await job.output() == "x" * 50_000 + "\n"


@pytest.mark.anyio
async def test_a_write_by_hand_that_finds_no_room(disk: Path) -> None:
    config = configuration()
    node = config.configure_data_node("node", default_data="x" * 100_000)
    large = config.configure_data_node("large", default_data=bytes(TOO_MUCH))
    fine = config.configure_scenario("fine", None, node)
    too_much = config.configure_scenario("too_much", None, [node, large])

    async with Orchestrator(config, disk / "runs.db") as orchestrator:
        scenario = await orchestrator.create_scenario(fine)
        values = orchestrator.store.values_folder
        files = await to_thread.run_sync(os.listdir, values)

        with pytest.raises(
            OSError, match=f"No space left on device: free .*: '{values}/"
        ):
            await scenario.node.write(bytes(TOO_MUCH))

        assert await scenario.node.read() == "x" * 100_000
        assert len(await scenario.node.edits()) == 1

        with pytest.raises(
            OSError, match=f"No space left on device: free .*: '{values}/"
        ):
            await orchestrator.create_scenario(too_much)

        assert await to_thread.run_sync(os.listdir, values) == files
        assert len(await orchestrator.scenarios()) == 1
        await scenario.node.write("small")
        assert await scenario.node.read() == "small"


# --------------------------------------------------------------------------- the store


async def scenario_of(orchestrator: Orchestrator, scenario_id: str) -> Scenario:
    scenario = await orchestrator.get(scenario_id)
    assert isinstance(scenario, Scenario)
    return scenario


@pytest.mark.anyio
@pytest.mark.blocking_jobs
async def test_a_store_that_finds_no_room_goes_on_when_there_is_some(
    disk: Path,
) -> None:
    config = configuration("development")
    cfg = flow(config, "inline", "pickle")

    async with Orchestrator(config, disk / "runs.db") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.size.write(1000)
        await scenario.submit(text="before")
        await to_thread.run_sync(fill, disk)
        runs = [scenario.submit(text="x" * 5_000) for _ in range(2)]

        with fail_after(20):
            while orchestrator.statistics().store_error is None:
                await checkpoint()

        error = orchestrator.statistics().store_error or ""
        assert "the disk is full" in error
        assert "free some space: what was flushed before is kept" in error
        runs += [scenario.submit(text="during") for _ in range(2)]
        assert orchestrator.statistics().queued > 0
        await to_thread.run_sync((disk / "filler").unlink)

        with fail_after(20):
            for run in runs:
                await run

        assert orchestrator.statistics().store_error is None
        assert len(await orchestrator.submissions(status="COMPLETED")) == 5


@pytest.mark.anyio
@pytest.mark.blocking_jobs
async def test_who_leaves_a_store_that_finds_no_room_is_told(disk: Path) -> None:
    config = configuration("development")
    cfg = flow(config, "inline", "pickle")
    path = disk / "runs.db"
    runs: list[Submission] = []

    async def session() -> None:
        store = SqliteStore(path, patience=0.1)

        async with Orchestrator(config, store) as orchestrator:
            scenario = await orchestrator.create_scenario(cfg)
            await scenario.size.write(1000)
            runs.append(await scenario.submit(text="before"))
            await to_thread.run_sync(fill, disk)
            runs.append(scenario.submit(text="x" * 50_000))

            with pytest.raises(StoreUnavailable, match="the disk is full") as caught:
                await orchestrator.submissions()

            assert caught.value.file == str(path)

    with pytest.raises(StoreFailed, match=r"could not be written.*the disk is full"):
        await session()

    await to_thread.run_sync((disk / "filler").unlink)

    async with Orchestrator(config, path) as orchestrator:
        await orchestrator.drain()
        (record,) = await orchestrator.scenarios()
        scenario = await scenario_of(orchestrator, record.id)
        first = await orchestrator.get(runs[0].id)
        assert isinstance(first, Submission)
        assert first.status is SubmissionStatus.COMPLETED
        assert first.properties == {"text": "before"}
        assert await scenario.size.read() == 1000
        assert await scenario.made.read() == bytes(1000)
        await scenario.submit(text="after")


@pytest.mark.anyio
async def test_a_full_disk_has_no_room_for_a_new_store(disk: Path) -> None:
    await to_thread.run_sync(fill, disk)
    config = configuration()
    path = disk / "runs.db"

    with pytest.raises(StoreFailed, match=r"runs\.db failed: .*(full|space)") as caught:
        async with Orchestrator(config, path):
            pass

    assert "space" in caught.value.remedy
    await to_thread.run_sync((disk / "filler").unlink)

    async with Orchestrator(config, path) as orchestrator:
        assert await orchestrator.scenarios() == []


@pytest.mark.anyio
async def test_an_almost_full_disk_opens_or_says_so(disk: Path) -> None:
    config = configuration()
    path = disk / "runs.db"
    opened, refused = [], []

    async with Orchestrator(config, path):
        pass

    for pages in range(30):
        await to_thread.run_sync(fill, disk, pages)

        try:
            async with Orchestrator(config, SqliteStore(path, patience=0.01)):
                opened.append(pages)
        except StoreFailed as error:
            refused.append(error)

    assert opened
    assert refused
    assert {error.file for error in refused} == {str(path)}
    assert all("space" in error.remedy for error in refused)


@pytest.mark.anyio
async def test_a_store_that_finds_no_room_while_nothing_runs(
    disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not the time of its next sign of life that decides what is told."""
    monkeypatch.setattr(recovery, "LEASE", 0.003)
    config = configuration()
    node = config.configure_data_node("node", default_data=1)
    cfg = config.configure_scenario("s", None, node)

    async with Orchestrator(config, disk / "runs.db") as orchestrator:
        await orchestrator.create_scenario(cfg)
        await orchestrator.flush()
        await to_thread.run_sync(fill, disk)

        with fail_after(20):
            while orchestrator.statistics().store_error is None:
                await checkpoint()

        await to_thread.run_sync((disk / "filler").unlink)

        with fail_after(20):
            while orchestrator.statistics().store_error is not None:
                await checkpoint()


@pytest.mark.anyio
@pytest.mark.blocking_jobs
@pytest.mark.parametrize("is_new", [True, False], ids=["new", "old"])
async def test_a_read_only_folder_is_told(disk: Path, is_new: bool) -> None:
    config = configuration("development")
    cfg = flow(config, "inline", "pickle")
    path = disk / "runs.db"

    if not is_new:
        async with Orchestrator(config, path) as orchestrator:
            scenario = await orchestrator.create_scenario(cfg)
            await scenario.submit()

    remount = partial(mount, "-o")
    assert await to_thread.run_sync(remount, "remount,ro", disk)

    with pytest.raises(StoreFailed) as caught:
        async with Orchestrator(config, path):
            pass

    assert caught.value.file == str(path)
    assert str(path) in str(caught.value)
    assert "this user" in caught.value.remedy
    assert await to_thread.run_sync(remount, "remount,rw", disk)

    async with Orchestrator(config, path) as orchestrator:
        assert len(await orchestrator.submissions()) == (not is_new)
