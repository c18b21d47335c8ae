"""What hosts do that are frozen, small, flooded or taken away; and who may reach them.

Side effects are counted in files that jobs append to.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from anyio import Event, create_task_group, fail_after, to_thread

from asyncflow import Orchestrator, Status, report
from asyncflow.abc import Crashed
from tests.support import dask_cluster
from tests.support.calls import Notes, call
from tests.support.counted_jobs import begin_and_wait, note, noted, until_begun
from tests.support.dask_cluster import configuration
from tests.support.dask_programs import Programs
from tests.support.flows import chain, double, fan, single
from tests.support.processes import await_death, cpu_seconds, lives

pytestmark = [pytest.mark.anyio, pytest.mark.limit(120)]

SMALL = "200MB"
LARGE = 220_000_000


async def test_a_worker_is_frozen_until_it_is_taken_for_dead(
    impatient: dask_cluster.Hosts, tmp_path: Path
) -> None:
    config = configuration(impatient.address)
    cfg = single(config, begin_and_wait, str(tmp_path), crash_retries=1)

    with fail_after(90):
        async with Orchestrator(config) as orchestrator:
            scenario = await orchestrator.create_scenario(cfg)
            submission = scenario.submit()
            (first,) = await to_thread.run_sync(until_begun, tmp_path, 1)
            os.kill(first[1], signal.SIGSTOP)
            _, second = await to_thread.run_sync(until_begun, tmp_path, 2)
            os.kill(first[1], signal.SIGCONT)
            await to_thread.run_sync(await_death, first[0])
            assert lives(second[0])
            (tmp_path / "go").touch()
            await submission

    assert len(noted(tmp_path / "ended")) == 1
    assert [one.number for one in submission.jobs[0].attempts] == [1]


def make_large(_: object) -> bytes:
    return bytes(LARGE)


def measure(value: bytes) -> int:
    return len(value)


async def test_a_value_is_larger_than_the_memory_of_a_worker(tmp_path: Path) -> None:
    """It passes through files; the nanny ends no worker for it."""
    options = ("--nanny", "--memory-limit", SMALL)

    with dask_cluster.hosts(1, *options) as hosts, fail_after(90):
        config = configuration(hosts.address)
        cfg = chain(config, make_large, measure)

        async with Orchestrator(config, str(tmp_path / "runs.db")) as orchestrator:
            scenario = await orchestrator.create_scenario(cfg)
            first = await scenario.submit()
            (before,) = await orchestrator.workers()  # its host has told of itself
            submission = await scenario.submit(force=True)
            assert await scenario.n2.read() == LARGE
            assert before.pid in {one.pid for one in await orchestrator.workers()}

    jobs = [*first.jobs, *submission.jobs]
    assert {len(job.attempts) for job in jobs} == {0}


LINES = 1_000_000
REPORTS = 10_000


def flood(_: object) -> None:
    for index in range(LINES):
        print("x" * 99)

        if index % (LINES // REPORTS) == 0:
            report(index / LINES)


async def test_a_job_prints_and_reports_much(
    shared: dask_cluster.Hosts, tmp_path: Path
) -> None:
    config = configuration(shared.address, max_log_size=100_000)
    cfg = single(config, flood)

    with fail_after(90):
        async with Orchestrator(config) as orchestrator:
            scenario = await orchestrator.create_scenario(cfg)
            before, begun = cpu_seconds(shared.scheduler.pid), time.monotonic()
            submission = await scenario.submit()
            used = cpu_seconds(shared.scheduler.pid) - before
            assert len(await submission.jobs[0].output()) < 150_000

    assert used < 0.05 * (time.monotonic() - begun) + 0.1


async def test_what_has_not_started_on_a_host_that_leaves_is_given_back(
    cluster: dask_cluster.Hosts, tmp_path: Path
) -> None:
    calls = [
        call(begin_and_wait, tmp_path, str(tmp_path)),
        *(call(double, tmp_path, job_id=f"JOB_{number}") for number in (2, 3)),
    ]

    heard = Notes()

    async with Programs.opened(cluster.address) as programs:
        executor = await programs.open("one")
        has_ended = Event()

        async def run() -> None:
            while not heard.outcomes:  # a process that is slow to begin gives all back
                await executor.run(calls, heard)

            has_ended.set()

        programs.group.start_soon(run)
        (first,) = await to_thread.run_sync(until_begun, tmp_path, 1)
        await to_thread.run_sync(cluster.retire, first[1])
        await has_ended.wait()

    outcome = heard.outcomes.pop("JOB_1")
    assert isinstance(outcome, Crashed)
    assert not outcome.is_charged
    assert heard.outcomes == {}
    assert len(noted(tmp_path / "begun")) == 1
    assert {*heard.of("returned")} >= {"JOB_2", "JOB_3"}


def count(path: str) -> None:
    note(path, "x")


async def test_two_programs_share_a_cluster_and_a_store(
    shared: dask_cluster.Hosts, tmp_path: Path
) -> None:
    store = str(tmp_path / "runs.db")

    async def run(name: str) -> None:
        config = configuration(shared.address)
        cfg = fan(config, double, 300)

        async with Orchestrator(config, store) as orchestrator:
            scenario = await orchestrator.create_scenario(cfg)
            submission = await scenario.submit()
            assert {job.status for job in submission.jobs} == {Status.COMPLETED}
            assert {run.id for run in await orchestrator.submissions()} >= {
                submission.id
            }

    with fail_after(90):
        async with create_task_group() as group:
            group.start_soon(run, "one")
            group.start_soon(run, "two")

    assert await to_thread.run_sync(shared.left) == ([], [])
