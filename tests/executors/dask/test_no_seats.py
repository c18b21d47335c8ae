"""Jobs that wait for a seat where no Dask worker is there: each way to end them does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from anyio import create_task_group, fail_after, to_thread
from anyio.lowlevel import checkpoint

from asyncflow import Orchestrator, Status, Submission, SubmissionStatus
from asyncflow.abc import Returned
from asyncflow.executors.dask.executor import DaskExecutor
from tests.support import dask_cluster, programs
from tests.support.calls import Notes, call
from tests.support.counted_jobs import begin_and_wait, noted, until_begun
from tests.support.dask_cluster import configuration
from tests.support.dask_programs import Programs
from tests.support.flows import double, single

pytestmark = [pytest.mark.anyio, pytest.mark.limit(120)]


@pytest.fixture(scope="module")
def empty() -> Iterator[dask_cluster.Hosts]:
    """Give a scheduler without workers."""
    with dask_cluster.hosts(0) as found:
        yield found


@pytest.fixture
def hosts() -> Iterator[dask_cluster.Hosts]:
    """Give a scheduler without workers, for a test that adds some."""
    with dask_cluster.hosts(0) as found:
        yield found


@pytest.fixture
def one() -> Iterator[dask_cluster.Hosts]:
    """Give one worker, that may be killed."""
    with dask_cluster.hosts(1) as found:
        yield found


async def until_waiting(executor: object, count: int = 1) -> None:
    """Wait until so many batches wait for a seat."""
    assert isinstance(executor, DaskExecutor)

    while len(executor._cluster.seats._waiting) < count:
        await checkpoint()


async def until_it_waits(orchestrator: Orchestrator) -> None:
    """Wait until a job of an orchestrator waits for a seat."""
    assert orchestrator._session.engine is not None
    await until_waiting(orchestrator._session.engine.scheduler.executors["process"])


async def test_a_cancel(empty: dask_cluster.Hosts) -> None:
    config = configuration(empty.address)
    cfg = single(config, double)

    with fail_after(40):
        async with Orchestrator(config) as orchestrator:
            scenario = await orchestrator.create_scenario(cfg)
            submission = scenario.submit()
            await until_it_waits(orchestrator)
            submission.cancel(reason="nobody wants it")
            await submission.wait()

    assert submission.status is SubmissionStatus.CANCELED
    assert submission.jobs[0].status is Status.CANCELED
    assert submission.jobs[0].reason == "nobody wants it"


async def test_the_time_of_a_run_is_up(empty: dask_cluster.Hosts) -> None:
    config = configuration(empty.address)
    cfg = single(config, double)

    with fail_after(40):
        async with Orchestrator(config) as orchestrator:
            scenario = await orchestrator.create_scenario(cfg)
            submission = await scenario.submit(run_timeout=0.3).wait()

    (job,) = submission.jobs
    assert submission.status is SubmissionStatus.FAILED
    assert job.status is Status.FAILED
    assert job.reason.startswith("TIMED_OUT")


async def test_the_orchestrator_is_left(empty: dask_cluster.Hosts) -> None:
    config = configuration(empty.address)
    cfg = single(config, double)

    with fail_after(40):
        async with Orchestrator(config) as orchestrator:
            scenario = await orchestrator.create_scenario(cfg)
            submission = scenario.submit()
            await until_it_waits(orchestrator)

    assert submission.status is SubmissionStatus.CANCELED


PROGRAM = """
import anyio, sys
from asyncflow import Orchestrator
from tests.executors.dask.test_no_seats import until_it_waits
from tests.support.dask_cluster import configuration
from tests.support.flows import double, single

async def main(address, folder):
    config = configuration(address)
    cfg = single(config, double)

    async with Orchestrator(config, f"{folder}/runs.db") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = await scenario.submit().accepted()
        await until_it_waits(orchestrator)
        print("waits", flush=True)
        await submission

anyio.run(main, *sys.argv[1:])
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal(
    hosts: dask_cluster.Hosts, tmp_path: Path, number: signal.Signals
) -> None:
    """The run stays in the store, and the next start goes on with it."""
    with subprocess.Popen(  # noqa: ASYNC220  # it takes a moment
        [sys.executable, "-c", PROGRAM, hosts.address, str(tmp_path)],
        env=programs.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as program:
        try:
            assert program.stdout is not None
            assert await to_thread.run_sync(program.stdout.readline) == "waits\n"
            program.send_signal(number)
            _, told = await to_thread.run_sync(program.communicate, None, 40)
        finally:
            program.kill()

    assert "is kept in the store" in told
    config = configuration(hosts.address)
    single(config, double)

    with fail_after(60):
        async with Orchestrator(config, str(tmp_path / "runs.db")) as orchestrator:
            (record,) = await orchestrator.submissions()
            submission = await orchestrator.get(record.id)
            assert isinstance(submission, Submission)
            hosts.add(dask_cluster.free_port())
            await submission

    assert submission.jobs[0].status is Status.COMPLETED


@pytest.mark.may_leave("file", reason="a killed process removes no folder")
async def test_a_cancel_after_the_last_worker_was_killed(
    one: dask_cluster.Hosts, tmp_path: Path
) -> None:
    config = configuration(one.address)
    cfg = single(config, begin_and_wait, str(tmp_path), crash_retries=1)

    with fail_after(60):
        async with Orchestrator(config) as orchestrator:
            scenario = await orchestrator.create_scenario(cfg)
            submission = scenario.submit()
            (first,) = await to_thread.run_sync(until_begun, tmp_path, 1)
            os.kill(first[1], signal.SIGKILL)
            await until_it_waits(orchestrator)
            submission.cancel(reason="nobody wants it")
            await submission.wait()

    assert submission.jobs[0].status is Status.CANCELED
    assert len(noted(tmp_path / "begun")) == 1


async def test_a_kill_gives_the_others_of_its_batch_back(
    hosts: dask_cluster.Hosts, tmp_path: Path
) -> None:
    calls = [call(double, tmp_path, job_id=f"JOB_{number}") for number in range(3)]
    heard = Notes()

    async with Programs.opened(hosts.address) as opened:
        executor = await opened.open("one")

        async with create_task_group() as group:
            group.start_soon(executor.run, calls, heard)
            await until_waiting(executor)
            executor.kill(calls[1])

        assert heard.told == [], "none has started"
        hosts.add(dask_cluster.free_port())

        while left := {calls[0].job_id, calls[2].job_id} - {*heard.outcomes}:
            again = [one for one in calls if one.job_id in left]
            await executor.run(again, heard)

    assert [*map(type, heard.outcomes.values())] == [Returned, Returned]


async def test_a_kill_ends_the_waiting_of_its_own_batch_alone(
    hosts: dask_cluster.Hosts, tmp_path: Path
) -> None:
    killed, waits = (call(double, tmp_path, job_id=f"JOB_{n}") for n in range(2))
    heard = Notes()

    async with Programs.opened(hosts.address) as opened:
        executor = await opened.open("one")

        async with create_task_group() as group:
            other = opened.run(executor, waits)
            group.start_soon(executor.run, [killed], heard)
            await until_waiting(executor, 2)
            executor.kill(killed)

        hosts.add(dask_cluster.free_port())
        await other.has_ended.wait()

    assert heard.told == []
    assert isinstance(other.outcomes[waits.job_id], Returned)


async def test_a_seat_that_comes_as_it_is_killed_is_for_the_next(
    one: dask_cluster.Hosts, tmp_path: Path
) -> None:
    killed, waits = (call(double, tmp_path, job_id=f"JOB_{n}") for n in range(2))

    async with Programs.opened(one.address) as opened:
        executor = await opened.open("one")
        seats = executor._cluster.seats
        member = await seats.take()
        ended, other = (opened.run(executor, each) for each in (killed, waits))
        await until_waiting(executor, 2)
        seats.give(member)  # to the first
        executor.kill(killed)
        await ended.has_ended.wait()
        await other.has_ended.wait()
        assert member.used == 0

    assert ended.told == []
    assert isinstance(other.outcomes[waits.job_id], Returned)
