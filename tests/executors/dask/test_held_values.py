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
from distributed import Client, Worker

from asyncflow import (
    Configuration,
    JobFinished,
    Orchestrator,
    Status,
    Submission,
    ValueMissing,
)
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


SHM, DISK = "/dev/shm", "/var/tmp"

MOUNTS = f'mount -t tmpfs none {SHM} && mount -t tmpfs none {DISK} && exec "$@"'
UNSEEN = ("unshare", "--mount", "sh", "-c", MOUNTS)
"""The words before a command that have it run where those folders are other ones."""


def pair(*inside: str) -> Iterator[dask_cluster.Hosts]:
    """Give two workers whose scratch files are on file systems of their own.

    :param inside: the words before the command of the second one
    """
    with dask_cluster.hosts(1, "--local-directory", SHM) as found:
        found.options, found.inside = ("--local-directory", DISK), inside
        found.add(dask_cluster.free_port())
        found.wait()
        yield found


@pytest.fixture
def seen() -> Iterator[dask_cluster.Hosts]:
    """Give two workers of one host: each sees the files of the other."""
    yield from pair()


@pytest.fixture
def hosts() -> Iterator[dask_cluster.Hosts]:
    """Give two workers, each with files of its own, as on two hosts. Only root has them."""
    probe = subprocess.run([*UNSEEN, "sh", "true"], capture_output=True, check=False)

    if probe.returncode:
        pytest.skip("may have no mounts of its own")

    yield from pair(*UNSEEN, "sh")


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


def ask_for_none(address: str, folder: str) -> tuple[int, str]:
    """Have one worker ask the other for a value that is not there."""
    with Client(address, set_as_default=False) as client:
        client.run(held.names)  # as where an orchestrator has opened
        one, other = client.scheduler_info()["workers"]
        need = held.Need("x.at_none.pkl", other, folder)
        found: tuple[int, str] = client.run(fetch, need=need, workers=[one])[one]
        return found


async def fetch(dask_worker: Worker, need: held.Need) -> tuple[int, str]:
    """Return how many values are there afterwards, and what was raised."""
    folder = held.folder_of(dask_worker)
    why = ""

    try:
        await folder._fetch(need)
    except OSError as error:
        why = type(error).__name__

    await folder.bring([need])  # it raises nothing
    return len(os.listdir(folder.path)), why


@pytest.mark.parametrize("kind", ["hosts", "seen"])
async def test_a_value_goes_from_worker_to_worker(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    hosts: dask_cluster.Hosts = request.getfixturevalue(kind)
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


async def test_a_job_runs_where_its_value_is(
    hosts: dask_cluster.Hosts, tmp_path: Path
) -> None:
    config = configuration(hosts.address)
    where = config.configure_data_node("where", default_data=str(tmp_path))
    one = config.configure_in_memory_data_node("one")
    other = config.configure_in_memory_data_node("other")
    tasks = [
        config.configure_task("make_one", make_one, where, one),
        config.configure_task("make_other", make_other, where, other),
        config.configure_task("use_one", measure, one),
        config.configure_task("use_other", measure, other),
    ]
    cfg = config.configure_scenario("two", tasks)

    with fail_after(100):
        async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
            scenario = await orchestrator.create_scenario(cfg)
            making = [
                scenario.tasks[name].submit() for name in ("make_one", "make_other")
            ]

            for submission in making:
                await submission

            for name in ("use_one", "use_other"):
                await scenario.tasks[name].submit()

            found = await to_thread.run_sync(there, hosts.address)
            assert [*map(len, found.values())] == [1, 1]


async def test_a_value_that_is_gone_is_missing(
    hosts: dask_cluster.Hosts, tmp_path: Path
) -> None:
    """Who asks a Dask worker for it is told so at once."""
    asked = await to_thread.run_sync(ask_for_none, hosts.address, str(tmp_path))
    assert asked == (0, "FileNotFoundError")


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


async def test_a_reader_of_a_lost_value_is_told_what_to_do(
    seen: dask_cluster.Hosts, tmp_path: Path
) -> None:
    """And that makes it again."""
    config = configuration(seen.address)
    where = config.configure_data_node("where", default_data=str(tmp_path))
    value = config.configure_in_memory_data_node("value")
    size = config.configure_data_node("size")
    tasks = [
        config.configure_task("make", make_alone, where, value),
        config.configure_task("measure", measure, value, size),
    ]
    cfg = config.configure_scenario("alone", tasks)

    with fail_after(100):
        async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
            scenario = await orchestrator.create_scenario(cfg)
            await scenario.submit()
            (worker,) = noted(tmp_path / "made")
            await to_thread.run_sync(seen.replace, int(worker))

            remedy = "write the data node again, or run the task that writes it"

            with pytest.raises(
                ValueMissing, match=f"'value'.*had it has gone: {remedy}"
            ):
                await scenario.value.read()

            submission = await scenario.tasks["measure"].submit().wait()
            assert remedy in submission.jobs[0].reason
            await scenario.submit()
            assert await scenario.size.read() == len(await scenario.value.read())


def make_alone(folder: str) -> bytes:
    note(f"{folder}/made", str(os.getppid()))
    return b"x" * SIZE


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
