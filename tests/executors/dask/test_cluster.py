"""Jobs in a cluster: what standalone mode promises holds on its hosts."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from anyio import fail_after, to_thread

from asyncflow import (
    Job,
    Orchestrator,
    Status,
    Submission,
    SubmissionFailed,
    SubmissionStatus,
    report,
)
from tests.support import flows
from tests.support.dask_cluster import configuration
from tests.support.flows import chain, fan, single, until_started
from tests.support.processes import lives

pytestmark = pytest.mark.anyio

LONG = 600
"""Seconds that no test waits."""


def mark(path: str) -> None:
    with open(path, "a") as file:
        file.write("x")


def hang_with_child(path: str) -> None:
    child = subprocess.Popen(["sleep", str(LONG)])
    Path(f"{path}.new").write_text(f"{os.getpid()} {child.pid}")
    Path(f"{path}.new").rename(path)
    time.sleep(LONG)


def print_then_wait(path: str) -> None:
    print("first line", flush=True)
    report(0.5, message="half")

    while not os.path.exists(path):
        time.sleep(0.01)


def wait_if_asked(path: str) -> None:
    if path:
        await_file(Path(path))


def exit_once(path: str) -> str:
    mark(path)

    if len(Path(path).read_text()) == 1:
        os._exit(3)

    return Path(path).read_text()


def await_file(file: Path) -> None:
    while not file.exists():
        time.sleep(0.01)


def pids_in(file: Path) -> list[int]:
    return [int(pid) for pid in file.read_text().split()]


def take_memory(_: object) -> int:
    return len(bytearray(1 << 30))


async def run(
    address: str, function: flows.Function, value: object, **options: Any
) -> tuple[Submission, Job]:
    config = configuration(address)

    with fail_after(40):
        async with Orchestrator(config) as orchestrator:
            cfg = single(config, function, value, **options)
            scenario = await orchestrator.create_scenario(cfg)
            submission = await scenario.submit().wait()
            return submission, submission.jobs[0]


async def test_values_go_there_and_back(address: str) -> None:
    config = configuration(address)

    async with Orchestrator(config) as orchestrator:
        assert orchestrator.max_nb_of_workers == 2
        cfg = chain(config, *[flows.double] * 5)
        scenario = await orchestrator.create_scenario(cfg)

        for _ in range(2):
            await scenario.submit()
            assert await scenario.n5.read() == 32


async def test_who_shares_a_batch_with_a_slow_job_runs_elsewhere(
    address: str, tmp_path: Path
) -> None:
    config = configuration(address)
    cfg = single(config, wait_if_asked, "")
    gate = tmp_path / "gate"

    with fail_after(40):
        async with Orchestrator(config) as orchestrator:
            scenarios = [await orchestrator.create_scenario(cfg) for _ in range(9)]
            await flows.make_short(orchestrator, scenarios[0])
            await scenarios[4].source.write(str(gate))
            runs = [scenario.submit() for scenario in scenarios]  # all at once

            for place in (*range(4), *range(5, 9)):
                await runs[place]

            await until_started(runs[4])
            assert runs[4].jobs[0].status is Status.RUNNING
            gate.touch()
            await runs[4]


async def test_a_large_value_goes_by_file(address: str, path: str) -> None:
    config = configuration(address)

    async with Orchestrator(config, path) as orchestrator:
        cfg = single(config, flows.double, b"x" * 300_000)
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.submit()
        assert await scenario.result.read() == b"x" * 600_000


async def test_an_error_has_its_traceback_and_its_cause(address: str) -> None:
    submission, job = await run(address, flows.fail, 1)
    assert job.status is Status.FAILED
    assert job.reason == "ValueError: no 1"
    assert "jobs.py" in job.stacktrace
    error = submission.error()
    assert isinstance(error, SubmissionFailed)
    assert isinstance(error.exceptions[0].__cause__, ValueError)


async def test_what_a_job_prints_and_reports_is_seen_while_it_runs(
    address: str, tmp_path: Path
) -> None:
    config = configuration(address)
    file = tmp_path / "go"

    with fail_after(30):
        async with Orchestrator(config) as orchestrator:
            cfg = single(config, print_then_wait, str(file))
            scenario = await orchestrator.create_scenario(cfg)
            submission = scenario.submit()
            await until_started(submission)
            (job,) = submission.jobs

            lines = job.follow()
            assert await anext(lines) == "first line\n"

            assert job.progress is not None
            assert job.progress.message == "half"  # it came with the line, or before
            file.touch()
            await submission
            assert await job.output() == "first line\n"
            assert [line async for line in lines] == []


async def test_a_cancel_ends_a_job_and_its_children(
    address: str, tmp_path: Path
) -> None:
    config = configuration(address, kill_grace=0.3)
    file = tmp_path / "pids"

    with fail_after(30):
        async with Orchestrator(config) as orchestrator:
            cfg = single(config, hang_with_child, str(file))
            scenario = await orchestrator.create_scenario(cfg)
            submission = scenario.submit()
            await until_started(submission)

            await to_thread.run_sync(await_file, file)
            pids = pids_in(file)
            submission.cancel()
            await submission.wait()
            assert submission.status is SubmissionStatus.CANCELED

            assert not any(map(lives, pids)), "they are dead when that is told"


async def test_limits_of_time_end_a_job(address: str, tmp_path: Path) -> None:
    value = str(tmp_path / "pids")
    _, job = await run(address, hang_with_child, value, run_timeout=0.3)
    assert job.status is Status.FAILED
    assert "run_timeout" in job.reason
    _, job = await run(address, hang_with_child, value, stall_timeout=0.3)
    assert job.status is Status.FAILED
    assert not any(map(lives, pids_in(Path(value))))


@pytest.mark.skipif(sys.platform != "linux", reason="the system has no such limit")
async def test_a_limit_of_memory(address: str) -> None:
    _, job = await run(address, take_memory, 1, memory_limit=300_000_000)
    assert job.status is Status.FAILED
    assert "memory_limit" in job.reason


async def test_a_crash_is_told_and_tried_again(address: str, tmp_path: Path) -> None:
    file = str(tmp_path / "marks")
    _, job = await run(address, exit_once, file, crash_retries=0)
    assert job.status is Status.FAILED
    assert "exit code 3" in job.reason
    os.unlink(file)
    _, job = await run(address, exit_once, file, crash_retries=1)
    assert job.status is Status.COMPLETED
    assert [one.number for one in job.attempts] == [1]


async def test_many_short_jobs_each_run_once(address: str, tmp_path: Path) -> None:
    config = configuration(address)
    source = config.configure_data_node("source", default_data=str(tmp_path / "marks"))
    tasks = [
        config.configure_task(
            f"t{i}", mark, source, config.configure_data_node(f"r{i}")
        )
        for i in range(300)
    ]
    cfg = config.configure_scenario("many", tasks)

    with fail_after(40):
        async with Orchestrator(config) as orchestrator:
            scenario = await orchestrator.create_scenario(cfg)
            await scenario.submit()

    assert len((tmp_path / "marks").read_text()) == 300


@pytest.mark.parametrize("is_far", [False, True])
async def test_workers_are_listed(address: str, tmp_path: Path, is_far: bool) -> None:
    config = configuration(address)

    if not is_far:
        config.configure_job_executions("standalone", 2, echo=False)

    file = tmp_path / "go"

    with fail_after(30):
        async with Orchestrator(config) as orchestrator:
            cfg = single(config, print_then_wait, str(file))
            scenario = await orchestrator.create_scenario(cfg)
            submission = scenario.submit()
            await until_started(submission)
            (job,) = submission.jobs
            busy = [one for one in await orchestrator.workers() if one.job_id]
            assert job.worker == f"{busy[0].host}:{busy[0].pid}"
            file.touch()
            await submission
            idle = await orchestrator.workers()
            (record,) = await orchestrator.jobs()

    assert [one.job_id for one in busy] == [job.id]
    assert record.worker == job.worker
    assert busy[0].state == "busy"
    assert busy[0].host == socket.gethostname()
    assert busy[0].pid in [one.pid for one in idle]
    assert {one.state for one in idle} == {"idle"}
    assert all(one.memory > 1_000_000 for one in idle)


async def test_needs_are_held(address: str, tmp_path: Path) -> None:
    config = configuration(address, resources={"gpu": 1})
    cfg = fan(config, flows.double, 4, needs={"gpu": 1})

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = await scenario.submit()

    assert {job.status for job in submission.jobs} == {Status.COMPLETED}
