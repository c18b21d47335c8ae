"""What is bounded: files, logs, texts, caches and descriptors do not grow with use."""

from __future__ import annotations

import gc
import os
import signal
import sys
import weakref
from pathlib import Path

import pytest
from anyio import fail_after
from anyio.lowlevel import checkpoint

from asyncflow import (
    JobAttemptFailed,
    JobFinished,
    Orchestrator,
    RemoteTraceback,
    Scenario,
    Status,
    report,
)
from asyncflow.dispatch.attempt import Attempt
from asyncflow.worker import current, shortened
from tests.support import flows
from tests.support.flows import configuration

pytestmark = pytest.mark.anyio


# --------------------------------------------------------- files of workers that are dead


MODULES = ".modules"


def end(how: str) -> str:
    """Print a bit, then end as asked, or return the folder of this worker's files."""
    print("x" * 1000, flush=True)

    if how == "exit":
        os._exit(3)

    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)

    while how == "stay":
        signal.pause()

    return os.path.dirname(os.readlink("/proc/self/fd/1"))


async def folder_of(scenario: Scenario) -> Path:
    """Return where workers have their files."""
    await scenario.source.write("return")
    await scenario.submit()
    return Path(await scenario.result.read())


def files_in(folder: Path) -> list[str]:
    """Return the files of workers; those of the user's modules are for all workers."""
    suffixes = {one: one.suffix for one in folder.iterdir()}
    return sorted(
        one.name for one, kind in suffixes.items() if kind not in ("", MODULES)
    )


async def until_empty(folder: Path) -> None:
    with fail_after(20):
        while files_in(folder):
            await checkpoint()


async def test_files_of_retired_workers_are_removed() -> None:
    config = configuration(workers=1, max_jobs_per_worker=1)
    cfg = flows.single(config, end)

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        for _ in range(4):
            folder = await folder_of(scenario)

        await until_empty(folder)


@pytest.mark.parametrize("how", ["exit", "kill", "stay"])
async def test_files_of_dead_workers_are_removed(how: str) -> None:
    config = configuration(workers=1)
    cfg = flows.single(config, end, crash_retries=0)

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        for _ in range(2):
            folder = await folder_of(scenario)
            assert len(files_in(folder)) == 5
            await scenario.source.write(how)
            submission = scenario.submit()

            if how == "stay":
                with fail_after(20):
                    async for line in submission.jobs[0].follow():
                        assert line
                        submission.cancel()

            await submission.wait()
            (job,) = submission.jobs
            assert job.status in (Status.FAILED, Status.CANCELED)
            assert "x" * 1000 in await job.output()
            await until_empty(folder)


# ------------------------------------------------------- what is said of jobs that failed

MEGABYTE = 1024 * 1024


class Large(ValueError):
    """An error whose message and pickle are large."""


def raise_large(size: int) -> None:
    raise Large("first" + "x" * size + "last")


async def raise_large_async(size: int) -> None:
    raise_large(size)


def raise_from_large(size: int) -> None:
    error = ValueError("small")
    error.add_note("n" * size)

    try:
        raise_large(size)
    except Large as cause:
        raise error from cause


@pytest.mark.parametrize(
    ("function", "executor"),
    [
        (raise_large, "process"),
        (raise_large, "thread"),
        (raise_large, "inline"),
        (raise_from_large, "process"),
        (raise_from_large, "thread"),
        (raise_large_async, "inline"),
    ],
)
@pytest.mark.blocking_jobs
async def test_what_is_said_of_an_error_is_bounded(
    function: flows.Function, executor: str, tmp_path: Path
) -> None:
    config = configuration(workers=1)
    cfg = flows.single(config, function, 5 * MEGABYTE, executor=executor, retry=3)

    async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
        submission = (await orchestrator.create_scenario(cfg)).submit()
        reasons = [
            event.reason
            async for event in submission
            if isinstance(event, JobFinished | JobAttemptFailed)
        ]
        (job,) = submission.jobs
        assert len(job.attempts) == 2
        tracebacks = [job.stacktrace, *(one.traceback for one in job.attempts)]
        reasons += [job.reason, *(one.reason for one in job.attempts)]
        assert all(0 < len(one) <= shortened.REASON for one in reasons)
        assert all(0 < len(one) <= shortened.TRACEBACK for one in tracebacks)

        if function is not raise_from_large:
            assert job.reason.startswith("Large: firstxxx")
            assert job.reason.endswith("xxxlast")
            assert f"{5 * MEGABYTE + 16 - 1936} characters left out" in job.reason

        assert "raise_large" in job.stacktrace
        await orchestrator.flush()
        (record,) = await orchestrator.jobs()
        assert record.reason == job.reason
        assert len(str(record)) < 4 * shortened.TRACEBACK

    assert (tmp_path / "runs.db").stat().st_size < MEGABYTE


async def test_an_error_that_is_large_travels_as_text() -> None:
    config = configuration(workers=1)
    cfg = flows.single(config, raise_large, 100)

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        for size, kind in ((100, Large), (5 * MEGABYTE, RemoteTraceback)):
            await scenario.source.write(size)
            submission = await scenario.submit().wait()
            assert type(submission.jobs[0].error().__cause__) is kind  # type: ignore[union-attr]  # it failed


async def test_the_reason_of_a_cancel_is_bounded() -> None:
    config = configuration(workers=1)
    cfg = flows.single(config, raise_large, 1)

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = scenario.submit()
        submission.cancel(reason="r" * MEGABYTE)
        await submission.wait()
        assert len(submission.jobs[0].reason) <= shortened.REASON
        (record,) = await orchestrator.submissions()
        assert len(record.reason) <= shortened.REASON


def report_much(size: int) -> None:
    report(1, 1, "m" * size)


@pytest.mark.parametrize("executor", ["process", "thread"])
async def test_the_message_of_a_report_is_bounded(executor: str) -> None:
    config = configuration(workers=1)
    cfg = flows.single(config, report_much, MEGABYTE, executor=executor)

    async with Orchestrator(config, ":memory:") as orchestrator:
        submission = await (await orchestrator.create_scenario(cfg)).submit()
        progress = submission.jobs[0].progress
        assert progress is not None
        assert progress.message == "m" * current.MESSAGE


def return_unpicklable(value: object) -> None:
    class Odd(dict[str, object]):
        def __reduce__(self) -> tuple[object, ...]:
            raise TypeError("t" * MEGABYTE)

    return {"k" * MEGABYTE: Odd()}  # type: ignore[return-value]


async def test_what_is_said_of_a_value_that_cannot_be_kept_is_bounded() -> None:
    config = configuration(workers=1)
    cfg = flows.single(config, return_unpicklable)

    async with Orchestrator(config, ":memory:") as orchestrator:
        submission = (await orchestrator.create_scenario(cfg)).submit()
        await submission.wait()
        reason = submission.jobs[0].reason
        assert "value" in reason or "result" in reason
        assert len(reason) <= shortened.REASON


# ------------------------------------------------------------- what is declared and sent


@pytest.mark.parametrize("executor", ["process", "thread"])
async def test_what_is_declared_anew_lets_the_old_go(executor: str) -> None:
    config = configuration(workers=1)
    old: list[weakref.ref[object]] = []

    async with Orchestrator(config, ":memory:") as orchestrator:
        for _ in range(3):
            config.clear()
            config.configure_job_executions("standalone", 1, echo=False)
            table = bytes(1000)
            cfg = flows.single(
                config, lambda _, kept=table: len(kept), executor=executor
            )
            scenario = await orchestrator.create_scenario(cfg)
            await scenario.submit()
            assert await scenario.result.read() == 1000
            old += [weakref.ref(cfg), weakref.ref(cfg.task_configs[0])]
            del cfg, scenario

        await orchestrator.drain()

        with fail_after(20):
            while [one() for one in old[:4]] != [None] * 4:
                gc.collect()
                await checkpoint()


@pytest.mark.parametrize("executor", ["process", "thread"])
async def test_what_travelled_goes_without_a_garbage_collection(executor: str) -> None:
    config = configuration(workers=1)
    cfg = flows.single(config, str, executor=executor)

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        gc.collect()
        gc.disable()

        try:
            for _ in range(3):
                await scenario.submit()

            await orchestrator.drain()

            with fail_after(20):
                while any(isinstance(one, Attempt) for one in gc.get_objects()):
                    await checkpoint()
        finally:
            gc.enable()


def arguments(_: object) -> list[str]:
    return sys.argv[1:]


async def test_a_worker_has_no_arguments_of_ours() -> None:
    config = configuration(workers=1)
    cfg = flows.single(config, arguments)

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.submit()
        assert await scenario.result.read() in ([], sys.argv[1:])
