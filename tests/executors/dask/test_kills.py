"""Kills of jobs, of Dask workers and of their nannies: what dies, and what does not.

Side effects are counted in files that jobs append to.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from anyio import Event, fail_after, to_thread
from anyio.lowlevel import checkpoint

from asyncflow import Orchestrator, Status
from asyncflow.abc import Crashed, Killed, Returned
from tests.support import dask_cluster, flows, hard_jobs
from tests.support.calls import Notes, call
from tests.support.counted_jobs import (
    await_file,
    begin_and_wait,
    note_or_wait,
    noted,
    until_begun,
)
from tests.support.dask_cluster import configuration
from tests.support.dask_programs import Programs
from tests.support.flows import single
from tests.support.processes import await_death, lives

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.limit(120),
    pytest.mark.may_leave("file", reason="a killed process removes no folder"),
]

CALLS = 32
SLOW = 10
GRACE = 0.5
SOON = 5
"""Seconds; it is a tenth of one where nothing else runs."""


async def test_a_dask_worker_is_killed_in_the_middle_of_a_batch(
    cluster: dask_cluster.Hosts, tmp_path: Path
) -> None:
    slow = f"JOB_{SLOW}"
    given = [(str(tmp_path), index, index == SLOW) for index in range(CALLS)]
    calls = [
        call(note_or_wait, tmp_path, value, job_id=f"JOB_{index}")
        for index, value in enumerate(given)
    ]
    heard = Notes()

    async with Programs.opened(cluster.address) as programs:
        executor = await programs.open("one")

        async def run() -> None:
            while slow not in heard.outcomes:  # what one is too slow for travels again
                left = [one for one in calls if one.job_id not in heard.outcomes]
                await executor.run(left, heard)

        programs.group.start_soon(run)
        ((_, worker),) = await to_thread.run_sync(until_begun, tmp_path, 1)

        while len(heard.outcomes) < SLOW or calls[-1].job_id not in heard.of(
            "returned"
        ):
            await checkpoint()

        begun = time.monotonic()
        os.kill(worker, signal.SIGKILL)

        while slow not in heard.outcomes:
            await checkpoint()

        assert time.monotonic() - begun < SOON

    crashed = heard.outcomes.pop(slow)
    assert isinstance(crashed, Crashed)
    assert "has gone" in str(crashed.detail)
    assert [*heard.outcomes] == [f"JOB_{index}" for index in range(SLOW)]
    assert {type(one) for one in heard.outcomes.values()} == {Returned}
    assert noted(tmp_path / "ran") == [str(index) for index in range(SLOW + 1)]


async def test_all_processes_of_jobs_on_a_host_are_killed(tmp_path: Path) -> None:
    """The Dask worker stays, one job has crashed, and the others run there once each."""
    slow = f"JOB_{SLOW}"
    given = [(str(tmp_path), index, index == SLOW) for index in range(CALLS)]
    calls = [
        call(note_or_wait, tmp_path, value, job_id=f"JOB_{index}")
        for index, value in enumerate(given)
    ]
    heard = Notes()

    with dask_cluster.hosts(1) as hosts:
        async with Programs.opened(hosts.address) as programs:
            executor = await programs.open("one")
            has_ended = Event()

            async def run() -> None:
                while left := [
                    one for one in calls if one.job_id not in heard.outcomes
                ]:
                    await executor.run(left, heard)

                has_ended.set()

            programs.group.start_soon(run)
            ((job, worker),) = await to_thread.run_sync(until_begun, tmp_path, 1)
            pool = {one.pid for one in await executor.list_workers()}
            assert job in pool
            assert worker not in pool

            for pid in pool:
                os.kill(pid, signal.SIGKILL)

            await has_ended.wait()
            assert lives(worker)
            assert {one.pid for one in await executor.list_workers()}.isdisjoint(pool)

    crashed = heard.outcomes.pop(slow)
    assert isinstance(crashed, Crashed)
    assert crashed.is_charged
    assert {type(one) for one in heard.outcomes.values()} == {Returned}
    assert sorted(map(int, noted(tmp_path / "ran"))) == [*range(CALLS)]


@pytest.mark.parametrize("is_nanny", [False, True], ids=["worker", "nanny"])
async def test_a_worker_that_its_nanny_starts_again_does_not_run_it_again(
    tmp_path: Path, is_nanny: bool
) -> None:
    """It has the address that the one before it had."""
    with dask_cluster.hosts(1, "--nanny") as hosts, fail_after(90):
        (nanny,) = hosts.workers.values()
        config = configuration(hosts.address)
        cfg = single(config, begin_and_wait, str(tmp_path), crash_retries=0)

        async with Orchestrator(config) as orchestrator:
            scenario = await orchestrator.create_scenario(cfg)
            submission = scenario.submit()
            (first,) = await to_thread.run_sync(until_begun, tmp_path, 1)

            if is_nanny:
                await to_thread.run_sync(hosts.replace, nanny.pid)
            else:
                os.kill(first[1], signal.SIGKILL)

            await submission.wait()
            assert submission.jobs[0].status is Status.FAILED
            await to_thread.run_sync(await_death, first[0])
            (tmp_path / "go").touch()
            await scenario.submit()

    begun = [text.partition(":")[2] for text in noted(tmp_path / "begun")]
    assert len(begun) == len({*begun}) == 2, "each in a Dask worker of its own"
    assert len(noted(tmp_path / "ended")) == 1


@pytest.mark.parametrize(
    "hard",
    [
        hard_jobs.hold_gil,
        hard_jobs.fork_ten,
        hard_jobs.run_stubborn_shell,
        hard_jobs.tidy_up_too_slowly,
    ],
)
async def test_a_job_that_is_hard_to_end_ends_alone(
    shared: dask_cluster.Hosts, tmp_path: Path, hard: flows.Function
) -> None:
    """It holds Python's lock, takes SIGTERM, or has children that do.

    Each tells where it was."""
    quiet, hard_one = (
        call(function, tmp_path, str(given), job_id=f"JOB_{function.__name__}")
        for function, given in (
            (begin_and_wait, tmp_path),
            (hard, tmp_path / "group"),
        )
    )

    async with Programs.opened(shared.address) as programs:
        executor = await programs.open("one", kill_grace=GRACE)
        beside = programs.run(executor, quiet)
        heard = programs.run(executor, hard_one)
        ((sibling, _),) = await to_thread.run_sync(until_begun, tmp_path, 1)
        await to_thread.run_sync(await_file, tmp_path / "group")
        group = int((tmp_path / "group").read_text())
        begun = time.monotonic()
        executor.kill(hard_one)
        await heard.has_ended.wait()
        assert time.monotonic() - begun < GRACE + SOON
        assert hard_jobs.members(group) == [], "they are dead when that is told"
        assert lives(sibling)
        (tmp_path / "go").touch()
        await beside.has_ended.wait()

    killed = heard.outcomes[hard_one.job_id]
    assert isinstance(killed, Killed)
    assert f"in {hard.__name__}" in killed.stack
    assert isinstance(beside.outcomes[quiet.job_id], Returned)
