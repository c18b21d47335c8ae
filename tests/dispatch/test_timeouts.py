"""Limits hold: time-outs and cancels end any job, in time, with all that it started."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from anyio import Event, fail_after, get_cancelled_exc_class, sleep_forever, to_thread
from anyio.lowlevel import checkpoint

from asyncflow import (
    Configuration,
    Job,
    JobStarted,
    Orchestrator,
    Scenario,
    ScenarioConfig,
    Status,
    Submission,
    SubmissionFailed,
    SubmissionStatus,
    current_job,
)
from asyncflow.dispatch.timeouts import RunTimeouts
from asyncflow.entities.submission import run_of
from tests.support import flows, hard_jobs
from tests.support.flows import chain, configuration, fan, single, statuses
from tests.support.hard_jobs import HARD, members

pytestmark = pytest.mark.anyio

GRACE = 0.3
"""From SIGTERM to SIGKILL here, in seconds."""

OVER = 0.5 + 2.0
"""How much later a job may be dead: half a second, and what a busy machine costs."""

PATIENCE = 40.0
"""How long whatever may take, in seconds."""

hard = pytest.mark.parametrize("function", HARD, ids=[one.__name__ for one in HARD])


def declare(workers: int = 1) -> Configuration:
    return configuration(workers=workers, kill_grace=GRACE)


@asynccontextmanager
async def submitted(
    function: Callable[[str], object], path: Path, **options: Any
) -> AsyncIterator[tuple[Orchestrator, Submission]]:
    """Submit a job; afterwards the next one must run."""
    config = declare()
    cfg = single(config, function, str(path), **options)
    sound = config.configure_task(
        "sound", flows.increment, None, config.configure_data_node("sound_result")
    )
    other = config.configure_scenario("other", sound)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        with fail_after(PATIENCE):
            yield orchestrator, scenario.submit()
            after = await orchestrator.create_scenario(other)
            await after.submit()
            assert await after.sound_result.read() == 1


async def begun(path: Path) -> int:
    """Wait until a job has begun; return its process group."""

    def wait() -> int:
        while not path.exists():
            time.sleep(0.01)

        return int(path.read_text())

    return await to_thread.run_sync(wait, abandon_on_cancel=True)


async def check_dead(path: Path) -> None:
    group = int(await to_thread.run_sync(path.read_text))
    assert await to_thread.run_sync(members, group) == []


async def check_stack(job: Job, function: Callable[..., object]) -> None:
    """The stack of the function is kept, with the job and with what it printed."""
    assert f"in {function.__name__}" in job.stacktrace
    assert "trip.py" not in job.stacktrace
    assert f"in {function.__name__}" in await job.output()


@hard
async def test_a_time_out_ends_it(
    function: Callable[[str], object], tmp_path: Path
) -> None:
    path = tmp_path / "begun"

    async with submitted(function, path, run_timeout=1.5) as (_, submission):
        with pytest.raises(SubmissionFailed, match="TIMED_OUT"):
            await submission

        await check_dead(path)
        (job,) = submission.jobs
        assert job.status is Status.FAILED
        assert job.reason == "TIMED_OUT: it ran longer than its run_timeout of 1.5 s"
        await check_stack(job, function)

    assert job.execution_duration is not None
    assert 1.4 < job.execution_duration < 1.5 + GRACE + OVER


@hard
async def test_a_cancel_ends_it(
    function: Callable[[str], object], tmp_path: Path
) -> None:
    path = tmp_path / "begun"

    async with submitted(function, path) as (_, submission):
        await begun(path)
        asked = time.monotonic()
        submission.cancel("not any more")
        assert statuses(submission.jobs) == ["RUNNING"]
        await submission.wait()
        took = time.monotonic() - asked

        await check_dead(path)
        (job,) = submission.jobs
        assert job.status is Status.CANCELED
        assert job.reason == "not any more"
        await check_stack(job, function)

    assert took < GRACE + OVER


def crowd(config: Configuration, folder: Path, **options: Any) -> ScenarioConfig:
    """Declare twenty hard jobs."""
    tasks = [
        config.configure_task(
            f"hard{index}",
            HARD[index % len(HARD)],
            config.configure_data_node(
                f"path{index}", default_data=str(folder / str(index))
            ),
            **options,
        )
        for index in range(20)
    ]
    return config.configure_scenario("crowd", tasks)


@pytest.mark.parametrize("limit", ["run_timeout", "cancel"])
async def test_twenty_at_once(limit: str, tmp_path: Path) -> None:
    config = declare(workers=20)
    options = {"run_timeout": 3.0} if limit == "run_timeout" else {}
    cfg = crowd(config, tmp_path, **options)
    paths = [tmp_path / str(index) for index in range(20)]

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        with fail_after(PATIENCE):
            submission = scenario.submit()

            for path in paths:
                await begun(path)

            asked = time.monotonic()

            if limit == "cancel":
                submission.cancel()

            await submission.wait()

        took = time.monotonic() - asked

        for path in paths:
            await check_dead(path)

        expected = Status.CANCELED if limit == "cancel" else Status.FAILED
        assert submission.counts() == {expected: 20}
        durations = [job.execution_duration or 0 for job in submission.jobs]

        # Twenty searches of /proc on a busy machine take their time, too.
        if limit == "cancel":
            assert took < GRACE + 2 * OVER
        else:
            assert max(durations) < 3.0 + GRACE + 2 * OVER


@pytest.mark.smoke
async def test_a_handler_of_the_job_has_the_grace(tmp_path: Path) -> None:
    path = tmp_path / "begun"

    async with submitted(hard_jobs.exit_at_sigterm, path) as (_, submission):
        await begun(path)
        submission.cancel()
        await submission.wait()
        await check_dead(path)

    assert submission.status is SubmissionStatus.CANCELED
    assert (tmp_path / "begun.asked").exists()


async def test_a_handler_that_is_too_slow_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "begun"

    async with submitted(hard_jobs.tidy_up_too_slowly, path) as (_, submission):
        await begun(path)
        asked = time.monotonic()
        submission.cancel()
        await submission.wait()
        took = time.monotonic() - asked
        await check_dead(path)

    assert submission.status is SubmissionStatus.CANCELED
    assert (tmp_path / "begun.asked").exists()
    assert GRACE <= took < GRACE + OVER


async def test_a_job_that_ends_by_itself_in_time_is_completed(tmp_path: Path) -> None:
    path = tmp_path / "begun"

    async with submitted(hard_jobs.tidy_up, path) as (_, submission):
        group = await begun(path)
        submission.cancel()
        await submission.wait()
        assert statuses(submission.jobs) == ["COMPLETED"]
        assert await submission.entity.data_nodes["result"].read() == "tidy"
        assert await to_thread.run_sync(members, group) == []


async def test_a_cancel_of_what_has_ended_changes_nothing(tmp_path: Path) -> None:
    config = declare()

    async with Orchestrator(config) as orchestrator:
        cfg = single(config, flows.double)
        scenario = await orchestrator.create_scenario(cfg)
        submission = await scenario.submit()
        (job,) = submission.jobs

        assert not orchestrator.cancel(job)
        assert not orchestrator.cancel(submission)
        job.cancel()
        submission.cancel()
        await submission

    assert statuses(submission.jobs) == ["COMPLETED"]
    assert run_of(submission).ending.cancel_reason is None


async def test_cancel_of_one_job(tmp_path: Path) -> None:
    """What needs it is abandoned; all others go on."""
    config = declare(workers=2)
    source = config.configure_data_node("source", default_data=str(tmp_path / "begun"))
    nodes = [config.configure_data_node(f"node{index}") for index in range(3)]
    tasks = [
        config.configure_task("hard", hard_jobs.run_stubborn_shell, source, nodes[0]),
        config.configure_task("needs", flows.identity, nodes[0], nodes[1]),
        config.configure_task("other", flows.identity, source, nodes[2]),
    ]
    cfg = config.configure_scenario("three", tasks)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        with fail_after(PATIENCE):
            submission = scenario.submit()
            jobs = {job.task.config_id: job for job in submission.jobs}
            await begun(tmp_path / "begun")
            assert orchestrator.cancel(jobs["hard"], reason="changed my mind")
            await submission.wait()

        await check_dead(tmp_path / "begun")
        assert not orchestrator.cancel(jobs["hard"])

    assert jobs["hard"].status is Status.CANCELED
    assert jobs["hard"].reason == "changed my mind"
    assert jobs["needs"].status is Status.ABANDONED
    assert jobs["needs"].reason == "it needs hard, which was cancelled"
    assert jobs["other"].status is Status.COMPLETED


async def test_cancel_of_a_job_that_waits() -> None:
    config = declare()

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(
            chain(config, flows.double, flows.double, flows.double)
        )
        submission = scenario.submit()
        submission.jobs[1].cancel()
        await submission.wait()

    assert statuses(submission.jobs) == ["COMPLETED", "CANCELED", "ABANDONED"]


async def test_a_run_timeout_of_a_submission(tmp_path: Path) -> None:
    """What runs has failed, the rest is cancelled; what had ended stays."""
    config = declare()
    path = tmp_path / "begun"
    source = config.configure_data_node("source", default_data=str(path))
    nodes = [config.configure_data_node(f"node{index}") for index in range(3)]
    tasks = [
        config.configure_task("first", flows.identity, source, nodes[0]),
        config.configure_task("hard", hard_jobs.run_sleep, nodes[0], nodes[1]),
        config.configure_task("last", flows.identity, nodes[1], nodes[2]),
    ]
    cfg = config.configure_scenario("row", tasks)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        with fail_after(PATIENCE):
            submission = scenario.submit(run_timeout=2)

            with pytest.raises(SubmissionFailed, match="TIMED_OUT"):
                await submission

        await check_dead(path)

    assert statuses(submission.jobs) == ["COMPLETED", "FAILED", "CANCELED"]
    why = "TIMED_OUT: the run took longer than its run_timeout of 2 s"
    assert [job.reason for job in submission.jobs] == ["", why, why]
    assert submission.finished_at is not None
    took = (submission.finished_at - submission.submitted_at).total_seconds()
    assert 1.9 < took < 2 + GRACE + OVER


# ----------------------------------------------------------------------- async jobs


async def wait_stubbornly(_: object) -> None:
    """Wait again after the first cancel, longer than it may."""
    try:
        await sleep_forever()
    except get_cancelled_exc_class():
        await sleep_forever()


@pytest.mark.parametrize("limit", ["task", "submission"])
async def test_an_async_job_is_cancelled_when_its_time_is_up(limit: str) -> None:
    config = declare()
    options: dict[str, Any] = {"run_timeout": 0.2} if limit == "task" else {}
    cfg = single(config, wait_stubbornly, **options)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        with fail_after(PATIENCE), pytest.raises(SubmissionFailed, match="TIMED_OUT"):
            await scenario.submit(run_timeout=0.2 if limit == "submission" else None)


async def test_cancel_of_one_async_job() -> None:
    config = declare(workers=2)
    began = Event()

    async def wait_or_return(_: object) -> int:
        job = current_job()

        if job is not None and job.task == "f0":
            began.set()
            await sleep_forever()

        return 1

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(fan(config, wait_or_return, 2))

        with fail_after(PATIENCE):
            submission = scenario.submit()
            await began.wait()
            submission.jobs[0].cancel()
            await submission.wait()

    assert statuses(submission.jobs) == ["CANCELED", "COMPLETED"]


# ----------------------------------------------------------- jobs that travel together


def sleep_if_named(name: str) -> str:
    """Sleep in the job of one task, and return at once in all others."""
    job = current_job()
    assert job is not None

    if job.task == name:
        time.sleep(hard_jobs.LONG)

    return name


async def many(orchestrator: Orchestrator, config: Configuration) -> Scenario:
    """Create a scenario of jobs that are known to be short, but for `f30`."""
    cfg = fan(config, sleep_if_named, 60, run_timeout=5.0)
    scenario = await orchestrator.create_scenario(cfg)
    await scenario.source.write("nobody")
    await scenario.submit()
    await scenario.source.write("f30")
    return scenario


async def test_a_time_out_hits_its_own_job_alone() -> None:
    config = declare(workers=2)

    async with Orchestrator(config) as orchestrator:
        with fail_after(PATIENCE):
            scenario = await many(orchestrator, config)
            submission = await scenario.submit().wait()

    check_only_one_ended(submission, Status.FAILED)


async def test_a_cancel_hits_its_own_job_alone() -> None:
    config = declare(workers=2)

    async with Orchestrator(config) as orchestrator:
        with fail_after(PATIENCE):
            scenario = await many(orchestrator, config)
            submission = scenario.submit()

            async for event in submission:
                if isinstance(event, JobStarted) and event.task == "f30":
                    submission.jobs[30].cancel()

    check_only_one_ended(submission, Status.CANCELED)


def check_only_one_ended(submission: Submission, status: Status) -> None:
    """All others have completed, at the first attempt and without waiting for it."""
    hit = submission.jobs[30]
    others = [job for job in submission.jobs if job is not hit]
    assert hit.status is status
    assert {job.status for job in others} == {Status.COMPLETED}
    assert not any(job.attempts for job in submission.jobs)
    assert max(job.execution_duration or 0 for job in others) < 4.0


pytestmark = pytest.mark.anyio


class Runs:
    def __init__(self) -> None:
        self.ended: list[int] = []
        self.is_over = Event()

    def time_out(self, run: int) -> None:
        self.ended.append(run)
        self.is_over.set()


async def test_a_run_whose_time_is_up_is_ended_once() -> None:
    runs = Runs()
    timeouts = RunTimeouts(runs)
    timeouts.watch(1, time.time() - 60, 30.0)  # submitted by another process
    timeouts.watch(2, time.time(), 3600.0)

    with fail_after(10):
        await runs.is_over.wait()

    assert runs.ended == [1]
    assert len(timeouts) == 1
    timeouts.stop_all()
    assert not len(timeouts)


async def test_a_run_that_ends_in_time_is_left_alone() -> None:
    runs = Runs()
    timeouts = RunTimeouts(runs)
    timeouts.watch(1, time.time() - 60, 30.0)
    timeouts.stop(1)
    timeouts.stop(7)  # never watched
    await checkpoint()
    await checkpoint()
    assert runs.ended == []
