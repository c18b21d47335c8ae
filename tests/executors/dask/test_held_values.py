"""Values in memory stay on the hosts of a cluster, and go from one to the other."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from anyio import fail_after, to_thread
from distributed import Client

from asyncflow import Configuration, JobFinished, Orchestrator, Status, Submission
from asyncflow.config.sections import ScenarioConfig
from asyncflow.executors.dask import held
from tests.support import dask_cluster
from tests.support.counted_jobs import (
    await_file,
    begin_and_wait,
    note,
    noted,
    until_begun,
)
from tests.support.dask_cluster import configuration

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.limit(120),
    pytest.mark.may_leave("file", reason="a killed process removes no folder"),
]

SIZE = 3 * held.PIECE + 5


@pytest.fixture
def hosts() -> Iterator[dask_cluster.Hosts]:
    """Give two workers whose scratch files are on file systems of their own."""
    one, other = ("--local-directory", "/dev/shm"), ("--local-directory", "/var/tmp")

    with dask_cluster.hosts(1, *one) as found:
        found.options = other
        found.add(dask_cluster.free_port())
        found.wait()
        yield found


def make(folder: str, name: str, count: int) -> bytes:
    """Make a value, while so many are being made."""
    began = Path(folder, f"began-{name}")
    began.touch()

    while len([*Path(folder).glob("began-*")]) < count:
        time.sleep(0.01)

    return name.encode() * SIZE


def make_one(folder: str) -> bytes:
    return make(folder, "a", 2)


def make_other(folder: str) -> bytes:
    return make(folder, "b", 2)


def join(one: bytes, other: bytes) -> tuple[int, int, bytes]:
    return len(one), len(other), one[-1:] + other[-1:]


def joining(config: Configuration, folder: Path) -> ScenarioConfig:
    where = config.configure_data_node("where", default_data=str(folder))
    one = config.configure_in_memory_data_node("one")
    other = config.configure_in_memory_data_node("other")
    joined = config.configure_data_node("joined")
    awaited = config.configure_data_node("awaited")
    measured = config.configure_data_node("measured")
    return config.configure_scenario(
        "joining",
        [
            config.configure_task("make_one", make_one, where, one),
            config.configure_task("make_other", make_other, where, other),
            config.configure_task("join", join, [one, other], joined),
            config.configure_task("measure_awaited", measure_awaited, one, awaited),
            config.configure_task(
                "measure", measure, other, measured, executor="thread"
            ),
        ],
    )


async def measure_awaited(one: bytes) -> int:
    return len(one)


def measure(other: bytes) -> int:
    return len(other)


def there(address: str) -> dict[str, list[str]]:
    """Return the values that each worker holds."""
    with Client(address, set_as_default=False) as client:
        found: dict[str, list[str]] = client.run(held.names)
        return found


async def test_a_value_goes_from_worker_to_worker(
    hosts: dask_cluster.Hosts, tmp_path: Path
) -> None:
    config = configuration(hosts.address)
    cfg = joining(config, tmp_path)

    with fail_after(100):
        async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
            scenario = await orchestrator.create_scenario(cfg)
            await scenario.submit()
            assert await scenario.joined.read() == (SIZE, SIZE, b"ab")
            assert await scenario.awaited.read() == SIZE
            assert await scenario.measured.read() == SIZE
            found = await to_thread.run_sync(there, hosts.address)
            assert sorted(map(len, found.values())) == [1, 2]
            assert os.listdir(tmp_path / "runs.values") == [".store"]
            assert await scenario.one.read() == b"a" * SIZE
            await scenario.one.write(b"c" * SIZE)
            await scenario.tasks["join"].submit()
            assert await scenario.joined.read() == (SIZE, SIZE, b"cb")

        found = await to_thread.run_sync(there, hosts.address)
        assert [*found.values()] == [[], []]


def begin(folder: str) -> int:
    """Wait until the value is lost that was made before."""
    begin_and_wait(folder)
    return 1


def use(value: bytes, _: int) -> int:
    return len(value)


def make_noted(folder: str) -> bytes:
    until_begun(Path(folder), 1)  # so it is on the other worker
    note(f"{folder}/made", str(os.getppid()))
    return b"x" * SIZE


def losing(config: Configuration, folder: Path, **options: Any) -> ScenarioConfig:
    where = config.configure_data_node("where", default_data=str(folder))
    value = config.configure_in_memory_data_node("value")
    gate = config.configure_data_node("gate")
    used = config.configure_data_node("used")
    return config.configure_scenario(
        "losing",
        [
            config.configure_task("make", make_noted, where, value, **options),
            config.configure_task("begin", begin, [where], gate),
            config.configure_task("use", use, [value, gate], used),
        ],
    )


async def until_finished(submission: Submission) -> None:
    """Wait until the first job has finished."""
    async for event in submission:
        if isinstance(event, JobFinished):
            return


@pytest.mark.parametrize("on_restart", ["rerun", "fail"])
async def test_a_value_that_is_lost_is_made_again(
    hosts: dask_cluster.Hosts,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    on_restart: str,
) -> None:
    config = configuration(hosts.address)
    cfg = losing(config, tmp_path, on_restart=on_restart)

    with fail_after(100):
        async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
            scenario = await orchestrator.create_scenario(cfg)
            submission = scenario.submit()
            await until_finished(submission)
            (worker,) = noted(tmp_path / "made")
            await to_thread.run_sync(hosts.replace, int(worker))
            (tmp_path / "go").touch()
            await submission.wait()

    statuses = [job.status for job in submission.jobs]
    told = [
        one.message for one in caplog.records if "lost with its host" in one.message
    ]
    assert len(told) == 1

    if on_restart == "fail":
        assert statuses == [Status.COMPLETED, Status.COMPLETED, Status.FAILED]
        assert len(noted(tmp_path / "made")) == 1
    else:
        assert statuses == [Status.COMPLETED] * 3
        assert len(noted(tmp_path / "made")) == 2
        assert [one.kind for one in submission.jobs[0].attempts] == ["HOST_LEFT"]


async def begin_all(address: str, folder: str) -> None:
    """Make the value, and wait to be killed."""
    config = configuration(address)
    cfg = losing(config, Path(folder))

    async with Orchestrator(config, f"{folder}/runs.db") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await until_finished(submission := scenario.submit())
        note(f"{folder}/is_made", "x")
        await submission


PROGRAM = """
import anyio, sys
from tests.executors.dask.test_held_values import begin_all
anyio.run(begin_all, *sys.argv[1:])
"""


async def test_a_value_is_there_for_who_takes_its_run_over(
    hosts: dask_cluster.Hosts, tmp_path: Path
) -> None:
    command = (sys.executable, "-c", PROGRAM, hosts.address, str(tmp_path))

    with subprocess.Popen(command) as process:  # noqa: ASYNC220  # it is killed
        with fail_after(60):
            await to_thread.run_sync(await_file, tmp_path / "is_made")

        process.kill()

    (tmp_path / "go").touch()
    config = configuration(hosts.address)
    losing(config, tmp_path)

    with fail_after(100):
        async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
            (record,) = await orchestrator.submissions()
            submission = await orchestrator.get(record.id)
            assert isinstance(submission, Submission)
            await submission.wait()
            assert {job.status for job in submission.jobs} == {Status.COMPLETED}
            assert len(noted(tmp_path / "made")) == 1

    found = await to_thread.run_sync(there, hosts.address)
    assert [*found.values()] == [[], []]
