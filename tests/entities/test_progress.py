"""What a job knows and tells while it runs: `current_job`, progress, its usage."""

from __future__ import annotations

import importlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from anyio import Event, fail_after, sleep_forever, to_thread
from anyio.lowlevel import checkpoint

from asyncflow import (
    CurrentJob,
    Job,
    Orchestrator,
    Progress,
    Status,
    Submission,
    SubmissionFailed,
    current_job,
    progress,
    report,
)
from asyncflow.dispatch import timeouts
from tests.support import flows
from tests.support.flows import configuration, single

PATIENCE = 40.0
"""How long whatever may take, in seconds."""

KINDS = [
    ("standalone", "process"),
    ("standalone", "thread"),
    ("standalone", "inline"),
    ("development", "process"),
]
"""Where a plain function can run."""

everywhere = pytest.mark.parametrize(("mode", "executor"), KINDS)


def know(_: object) -> CurrentJob | None:
    return current_job()


async def know_async(_: object) -> CurrentJob | None:
    await checkpoint()
    return current_job()


async def run(
    function: Callable[..., object],
    value: object = 1,
    *,
    mode: str = "standalone",
    **options: object,
) -> tuple[Job, object]:
    """Run a job; return it, and what it returned."""
    config = configuration(mode, workers=1)
    cfg = single(config, function, value, **options)  # type: ignore[arg-type]  # any

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        with fail_after(PATIENCE):
            submission = await scenario.submit()

        return submission.jobs[0], await scenario.result.read()


@pytest.mark.anyio
@pytest.mark.blocking_jobs
@everywhere
async def test_a_job_knows_which_it_is(mode: str, executor: str) -> None:
    job, known = await run(know, mode=mode, executor=executor)
    assert known == CurrentJob(job.id, job.submission.id, "work", 1)
    assert current_job() is None


@pytest.mark.smoke
@pytest.mark.anyio
async def test_an_async_job_knows_which_it_is() -> None:
    job, known = await run(know_async)
    assert known == CurrentJob(job.id, job.submission.id, "work", 1)


# --------------------------------------------------------------------------- reporting


def report_and_wait(path: str) -> None:
    report(1, 4, "halfway? é")
    flows.wait_for_file(path)
    report(4, 4)


async def progressed(submission: Submission, expected: Progress) -> None:
    (job,) = submission.jobs

    with fail_after(PATIENCE):
        while job.progress != expected:
            assert not job.is_finished
            await checkpoint()


@pytest.mark.anyio
@pytest.mark.parametrize("executor", ["process", "thread"])
async def test_progress_is_live(executor: str, tmp_path: os.PathLike[str]) -> None:
    path = f"{tmp_path}/go"
    config = configuration(workers=1)
    cfg = single(config, report_and_wait, path, executor=executor)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = scenario.submit()
        assert submission.jobs[0].progress is None
        await progressed(submission, Progress(1, 4, "halfway? é"))
        await to_thread.run_sync(lambda: open(path, "w").close())

        with fail_after(PATIENCE):
            await submission

        assert submission.jobs[0].progress == Progress(4, 4)


@pytest.mark.anyio
async def test_progress_of_an_async_job_is_live() -> None:
    go = Event()

    async def work(_: object) -> None:
        report(1, 2)
        await go.wait()

    config = configuration(workers=1)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(single(config, work))
        submission = scenario.submit()
        await progressed(submission, Progress(1, 2))
        go.set()
        await submission


def report_much(_: object) -> int:
    return sum(1 for _ in progress(range(100_000), message="x" * 10_000))


@pytest.mark.anyio
async def test_much_progress_does_no_harm() -> None:
    job, value = await run(report_much)
    assert value == 100_000
    assert job.progress is None or len(job.progress.message) <= 1000


# ---------------------------------------------------------------------- stall_timeout


def report_for_a_while(seconds: float) -> str:
    """Report often; it takes far longer than it may be silent."""
    end = time.monotonic() + seconds

    while time.monotonic() < end:
        report(message="still here")
        time.sleep(0.05)

    return "done"


def stall(_: object) -> None:
    report(1, 2)
    threading.Event().wait()


LOADS = """
import time
time.sleep({seconds})

def work(_):
    {body}
"""


def slow_module(
    folder: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, body: str
) -> Callable[..., object]:
    """Make a module that takes its time to be loaded in a worker; return its function."""
    name = f"slow_{folder.name}"
    path = folder / f"{name}.py"
    path.write_text(LOADS.format(seconds=0, body=body))
    monkeypatch.syspath_prepend(folder)
    found: Callable[..., object] = importlib.import_module(name).work
    path.write_text(LOADS.format(seconds=seconds, body=body))
    return found


@pytest.mark.anyio
async def test_the_time_to_load_a_function_is_no_stall(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    function = slow_module(tmp_path, monkeypatch, 2.0, "return 'done'")
    _, value = await run(function, stall_timeout=1.0)
    assert value == "done"


@pytest.mark.anyio
async def test_a_function_that_is_never_loaded_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timeouts, "LOADING", 0.5)
    function = slow_module(tmp_path, monkeypatch, 600.0, "pass")

    with pytest.raises(SubmissionFailed, match="STALLED: its function was not loaded"):
        await run(function, stall_timeout=0.2)


@pytest.mark.anyio
async def test_who_reports_is_not_stalled() -> None:
    _, value = await run(report_for_a_while, 3.0, stall_timeout=1.5)
    assert value == "done"


@pytest.mark.anyio
@pytest.mark.parametrize("function", [stall, flows.block])
async def test_who_reports_nothing_is_killed(function: flows.Function) -> None:
    config = configuration(workers=1)
    cfg = single(config, function, stall_timeout=0.6)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        with fail_after(PATIENCE), pytest.raises(SubmissionFailed, match="STALLED"):
            await (submission := scenario.submit())

    (job,) = submission.jobs
    assert job.status is Status.FAILED
    assert "reported nothing for its stall_timeout of 0.6 s" in job.reason
    assert f"in {function.__name__}" in job.stacktrace


@pytest.mark.anyio
async def test_an_async_job_that_reports_nothing_is_cancelled() -> None:
    config = configuration(workers=1)

    async def wait(_: object) -> None:
        report(1, 2)
        await sleep_forever()

    cfg = single(config, wait, stall_timeout=0.3)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        with fail_after(PATIENCE), pytest.raises(SubmissionFailed, match="STALLED"):
            await scenario.submit()


# ------------------------------------------------------------------------------- usage


def be_busy(seconds: float) -> None:
    end = time.process_time() + seconds

    while time.process_time() < end:
        pass


@pytest.mark.anyio
@pytest.mark.blocking_jobs
@pytest.mark.parametrize(("mode", "executor"), KINDS[1:])
async def test_usage_in_this_process(mode: str, executor: str) -> None:
    job, _ = await run(be_busy, 0.1, mode=mode, executor=executor)
    usage = job.usage
    assert usage is not None
    assert usage.wall >= 0.09
    assert usage.peak_rss is None
    assert (usage.cpu is None) == (executor != "thread")


@pytest.mark.anyio
async def test_usage_of_a_job_that_failed_and_of_one_that_never_ran() -> None:
    config = configuration(workers=1)
    cfg = flows.chain(config, flows.fail, flows.double)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = await scenario.submit().wait()

    failed, abandoned = submission.jobs
    assert failed.usage is not None
    assert abandoned.usage is None
