"""What ends Dask workers, schedulers and submitters: nothing is lost, twice or stuck.

Side effects are counted in files that jobs append to.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from anyio import fail_after, to_thread

from asyncflow import Orchestrator, Status, Submission
from tests.support import dask_cluster
from tests.support.counted_jobs import (
    await_file,
    begin_and_wait,
    noted,
    until_begun,
)
from tests.support.dask_cluster import configuration
from tests.support.flows import single, until_started
from tests.support.processes import lives

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.limit(120),
    pytest.mark.may_leave("file", reason="a killed process removes no folder"),
]


@pytest.mark.parametrize("crash_retries", [0, 1])
async def test_a_dask_worker_is_killed(
    cluster: dask_cluster.Hosts, tmp_path: Path, crash_retries: int
) -> None:
    config = configuration(cluster.address)
    cfg = single(config, begin_and_wait, str(tmp_path), crash_retries=crash_retries)

    with fail_after(60):
        async with Orchestrator(config) as orchestrator:
            scenario = await orchestrator.create_scenario(cfg)
            submission = scenario.submit()
            (first,) = await to_thread.run_sync(until_begun, tmp_path, 1)
            os.kill(first[1], signal.SIGKILL)

            if crash_retries:
                await to_thread.run_sync(until_begun, tmp_path, 2)
                (tmp_path / "go").touch()

            await submission.wait()

    (job,) = submission.jobs
    assert not lives(first[0]), "its jobs go down with it"
    assert job.status is (Status.COMPLETED if crash_retries else Status.FAILED)
    assert len(noted(tmp_path / "begun")) == 1 + crash_retries
    assert len(noted(tmp_path / "ended")) == crash_retries
    reason = job.attempts[0].reason if crash_retries else job.reason
    assert "has gone" in reason


async def test_another_worker_at_the_same_address_does_not_run_it_again(
    cluster: dask_cluster.Hosts, tmp_path: Path
) -> None:
    config = configuration(cluster.address)
    cfg = single(config, begin_and_wait, str(tmp_path), crash_retries=0)

    with fail_after(60):
        async with Orchestrator(config) as orchestrator:
            scenario = await orchestrator.create_scenario(cfg)
            submission = scenario.submit()
            (first,) = await to_thread.run_sync(until_begun, tmp_path, 1)
            await to_thread.run_sync(cluster.replace, first[1])
            await submission.wait()
            assert submission.jobs[0].status is Status.FAILED
            (tmp_path / "go").touch()
            await scenario.submit()

    assert len(noted(tmp_path / "begun")) == 2
    assert len(noted(tmp_path / "ended")) == 1


async def test_the_scheduler_is_killed_and_comes_again(
    cluster: dask_cluster.Hosts, tmp_path: Path
) -> None:
    config = configuration(cluster.address)
    cfg = single(config, begin_and_wait, str(tmp_path), crash_retries=1)

    with fail_after(90):
        async with Orchestrator(config) as orchestrator:
            scenario = await orchestrator.create_scenario(cfg)
            submission = scenario.submit()
            await to_thread.run_sync(until_begun, tmp_path, 1)
            await to_thread.run_sync(cluster.restart)
            await to_thread.run_sync(until_begun, tmp_path, 2)
            (tmp_path / "go").touch()
            await submission

    assert len(noted(tmp_path / "ended")) == 1


async def test_the_network_is_cut_for_a_moment(
    shared: dask_cluster.Hosts, tmp_path: Path
) -> None:
    with dask_cluster.proxy(shared.address) as proxy:
        config = configuration(proxy.address)
        cfg = single(config, begin_and_wait, str(tmp_path), crash_retries=0)

        with fail_after(60):
            async with Orchestrator(config) as orchestrator:
                scenario = await orchestrator.create_scenario(cfg)
                submission = scenario.submit()
                await to_thread.run_sync(until_begun, tmp_path, 1)
                await to_thread.run_sync(proxy.cut)
                (tmp_path / "go").touch()
                await to_thread.run_sync(await_file, tmp_path / "ended")
                await to_thread.run_sync(proxy.mend)
                await submission

    assert len(noted(tmp_path / "begun")) == len(noted(tmp_path / "ended")) == 1


PROGRAM = """
import anyio, sys
from asyncflow import Orchestrator
from tests.support.counted_jobs import begin_and_wait
from tests.support.dask_cluster import configuration
from tests.support.flows import single

async def main(address, folder):
    config = configuration(address)
    cfg = single(config, begin_and_wait, folder)

    async with Orchestrator(config, f"{folder}/runs.db") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await (await scenario.submit().accepted())

anyio.run(main, *sys.argv[1:])
"""


async def test_the_submitter_is_killed(
    shared: dask_cluster.Hosts, tmp_path: Path
) -> None:
    """What it has begun goes on, and the next one hears how it ends."""
    command = (sys.executable, "-c", PROGRAM, shared.address, str(tmp_path))

    with subprocess.Popen(command) as process:  # noqa: ASYNC220  # it takes a moment
        await to_thread.run_sync(until_begun, tmp_path, 1)
        process.kill()

    config = configuration(shared.address)
    single(config, begin_and_wait, str(tmp_path))

    with fail_after(60):
        async with Orchestrator(config, str(tmp_path / "runs.db")) as orchestrator:
            (record,) = await orchestrator.submissions()
            submission = await orchestrator.get(record.id)
            assert isinstance(submission, Submission)
            await until_started(submission)
            (tmp_path / "go").touch()
            await submission
            assert submission.jobs[0].status is Status.COMPLETED

    assert len(noted(tmp_path / "begun")) == len(noted(tmp_path / "ended")) == 1


async def test_a_worker_that_leaves_ends_what_runs(
    cluster: dask_cluster.Hosts, tmp_path: Path
) -> None:
    """It is retired, as when a cluster is made smaller: no job is charged with that."""
    config = configuration(cluster.address)
    cfg = single(config, begin_and_wait, str(tmp_path), crash_retries=0)

    with fail_after(60):
        async with Orchestrator(config) as orchestrator:
            scenario = await orchestrator.create_scenario(cfg)
            submission = scenario.submit()
            await until_started(submission)
            (first,) = await to_thread.run_sync(until_begun, tmp_path, 1)
            await to_thread.run_sync(cluster.retire, first[1])
            (tmp_path / "go").touch()
            await submission.wait()

    assert submission.jobs[0].status is Status.COMPLETED, submission.jobs[0].reason
