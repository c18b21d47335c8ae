"""Runs that are paused: no job of theirs starts until they are resumed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from anyio import create_task_group, fail_after, to_thread

import asyncflow.sync as tp
from asyncflow import (
    Configuration,
    JobFinished,
    JobStarted,
    Orchestrator,
    ScenarioConfig,
    Scope,
    Status,
    Submission,
    SubmissionCanceled,
    SubmissionStatus,
    UsageError,
)
from asyncflow.entities.watching import watching
from tests.support import flows
from tests.support.programs import environment

pytestmark = pytest.mark.anyio


def wait_for(folder: str) -> str:
    """Wait for the file ``go``."""
    flows.wait_for_file(f"{folder}/go")
    return folder


def declared(
    folder: Path, mode: str = "standalone"
) -> tuple[Configuration, ScenarioConfig]:
    """Declare two tasks in a row, the first of which waits for a file."""
    config = Configuration()
    config.configure_job_executions(mode, max_nb_of_workers=1, echo=False)
    first = config.configure_data_node("first", default_data=str(folder))
    second, third = (config.configure_data_node(name) for name in ("second", "third"))
    one = config.configure_task("one", wait_for, first, second)
    two = config.configure_task("two", len, second, third)
    return config, config.configure_scenario("flow", [one, two])


@asynccontextmanager
async def started(
    folder: Path, orchestrator: Orchestrator, cfg: ScenarioConfig
) -> AsyncIterator[Submission]:
    """Give a run whose first job runs, and waits for the file ``go``."""
    submission = (await orchestrator.create_scenario(cfg)).submit()

    with fail_after(30):
        async for event in submission:
            if isinstance(event, JobStarted):
                break

        yield submission


async def until_one_has_ended(folder: Path, submission: Submission) -> None:
    (folder / "go").touch()

    async for event in submission:
        if isinstance(event, JobFinished) and event.task == "one":
            return


@pytest.mark.smoke
@pytest.mark.parametrize("place", [":memory:", "runs.db"])
async def test_what_runs_goes_on_and_what_is_ready_waits(
    tmp_path: Path, place: str
) -> None:
    config, cfg = declared(tmp_path)
    store = place if place == ":memory:" else tmp_path / place

    async with (
        Orchestrator(config, store) as orchestrator,
        started(tmp_path, orchestrator, cfg) as submission,
    ):
        await submission.pause()
        await submission.pause()  # again: nothing new
        assert submission.is_paused
        await until_one_has_ended(tmp_path, submission)
        await orchestrator.drain()  # it is not waited for
        other = await (await orchestrator.create_scenario(cfg)).submit()
        assert other.status is SubmissionStatus.COMPLETED  # though it came later
        statuses = [job.status for job in submission.jobs]
        assert statuses == [Status.COMPLETED, Status.PENDING]
        assert submission.status is SubmissionStatus.PENDING
        (record,) = await orchestrator.submissions(is_finished=False)
        assert record.is_paused

        await submission.resume()
        await submission
        records = await orchestrator.submissions()
        assert [record.is_paused for record in records] == [False, False]


async def test_what_waits_for_a_paused_run_is_not_waited_for(tmp_path: Path) -> None:
    config, cfg = declared(tmp_path)

    async with (
        Orchestrator(config, tmp_path / "runs.db") as orchestrator,
        started(tmp_path, orchestrator, cfg) as submission,
    ):
        await submission.pause()
        behind = [submission.entity.submit() for _ in range(2)]
        await until_one_has_ended(tmp_path, submission)
        other = (await orchestrator.create_scenario(cfg)).submit()

        with fail_after(30):
            await orchestrator.drain()  # with what else there is to do

        assert other.is_finished
        assert {run.status for run in behind} == {SubmissionStatus.BLOCKED}
        await submission.resume()

        with fail_after(30):
            await orchestrator.drain()

        assert all(run.is_finished for run in (submission, *behind))


async def test_what_waits_for_one_job_of_a_paused_run_does_the_others(
    tmp_path: Path,
) -> None:
    config = Configuration()
    config.configure_job_executions("standalone", max_nb_of_workers=1, echo=False)
    shared, own, read, more = (
        config.configure_data_node(name, scope=scope)
        for name, scope in (
            ("shared", Scope.GLOBAL),
            ("own", Scope.SCENARIO),
            ("read", Scope.SCENARIO),
            ("more", Scope.SCENARIO),
        )
    )
    start = config.configure_data_node("start", default_data=str(tmp_path))
    write = config.configure_task("write", wait_for, start, shared)
    use = config.configure_task("use", len, shared, read)
    wait = config.configure_task("wait", wait_for, start, own)
    then = config.configure_task("then", len, own, more)
    writing = config.configure_scenario("writing", [write])
    using = config.configure_scenario("using", [use, wait, then])

    async with Orchestrator(config, ":memory:") as orchestrator:
        paused = (await orchestrator.create_scenario(writing)).submit()
        await paused.pause()
        run = (await orchestrator.create_scenario(using)).submit()

        with fail_after(30):
            async with create_task_group() as group:
                group.start_soon(orchestrator.drain)

                async for event in run:
                    if isinstance(event, JobStarted):
                        (tmp_path / "go").touch()
                        break

        status = {job.task.config_id: job.status for job in run.jobs}
        assert status["then"] is Status.COMPLETED
        assert status["use"] is Status.BLOCKED
        await paused.resume()
        await run


async def test_a_run_can_be_paused_before_it_begins(tmp_path: Path) -> None:
    config, cfg = declared(tmp_path)
    (tmp_path / "go").touch()

    async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = scenario.submit(idempotency_key="key")
        waiting = scenario.submit(wait_for_data=True)

        with fail_after(30):
            await submission.pause()
            await waiting.pause()
            await orchestrator.drain()
            assert {job.status for job in submission.jobs} <= {
                Status.PENDING,
                Status.BLOCKED,
            }
            await submission.resume()
            await submission
            assert not waiting.is_finished
            await waiting.resume()
            await waiting


async def test_a_paused_run_can_be_cancelled(tmp_path: Path) -> None:
    config, cfg = declared(tmp_path)

    async with (
        Orchestrator(config, ":memory:") as orchestrator,
        started(tmp_path, orchestrator, cfg) as submission,
    ):
        await submission.pause()
        await until_one_has_ended(tmp_path, submission)
        submission.cancel("no more")

        with pytest.raises(SubmissionCanceled, match="no more"):
            await submission

        assert not submission.is_paused
        await submission.pause()  # it has ended: nothing happens
        assert not submission.is_paused
        other = await (await orchestrator.create_scenario(cfg)).submit()
        assert other.status is SubmissionStatus.COMPLETED


async def test_a_run_stays_paused_where_its_orchestrator_is_left(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config, cfg = declared(tmp_path)

    async with (
        Orchestrator(config, tmp_path / "runs.db") as orchestrator,
        started(tmp_path, orchestrator, cfg) as submission,
    ):
        await submission.pause()
        await until_one_has_ended(tmp_path, submission)

    assert "leaves 1 paused run in the store" in caplog.text
    await resumed(tmp_path, submission.id)


async def resumed(folder: Path, submission_id: str) -> None:
    """See that a run is there, still paused; have it go on."""
    config, _ = declared(folder)

    async with Orchestrator(config, folder / "runs.db") as orchestrator:
        await orchestrator.drain()
        submission = await orchestrator.get_submission(submission_id)
        assert submission.is_paused
        assert not submission.is_finished

        with fail_after(30):
            await submission.resume()
            await submission

        assert [job.status for job in submission.jobs] == [Status.COMPLETED] * 2


PROGRAM = """
import os, sys
from pathlib import Path
import anyio
from asyncflow import Orchestrator
from tests.runtime.test_pausing import declared, started, until_one_has_ended

async def main():
    folder = Path(sys.argv[1])
    config, cfg = declared(folder)

    async with (
        Orchestrator(config, folder / "runs.db") as orchestrator,
        started(folder, orchestrator, cfg) as submission,
    ):
        await submission.pause()
        await until_one_has_ended(folder, submission)
        await orchestrator.flush()
        print(submission.id, flush=True)
        os.kill(os.getpid(), 9)

anyio.run(main)
"""


async def test_a_run_stays_paused_where_its_process_is_killed(tmp_path: Path) -> None:
    program = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    done = await to_thread.run_sync(
        lambda: subprocess.run(
            program, capture_output=True, text=True, env=environment(), timeout=50
        )
    )
    assert done.returncode == -9, done.stderr
    await resumed(tmp_path, done.stdout.strip())


async def test_another_orchestrator_can_pause_a_run(tmp_path: Path) -> None:
    config, cfg = declared(tmp_path)
    path = tmp_path / "runs.db"

    async with (
        Orchestrator(config, path) as here,
        Orchestrator(config, path) as there,
        started(tmp_path, here, cfg) as submission,
    ):
        seen = await there.get_submission(submission.id)

        with watching(await here.get_submission(submission.id)) as change:
            await seen.pause()

            with fail_after(30):
                await change()  # who looks is told

        assert submission.is_paused
        assert seen.is_paused
        await until_one_has_ended(tmp_path, submission)
        await here.drain()
        assert not submission.is_finished
        await seen.resume()
        await submission
        await seen
        assert not seen.is_paused


async def test_who_cannot_be_reached_cannot_pause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, cfg = declared(tmp_path)
    path = tmp_path / "runs.db"
    monkeypatch.setattr("asyncflow.recovery.remote_runs.PATIENCE", 0.2)
    (tmp_path / "go").touch()

    async with Orchestrator(config, path) as here, Orchestrator(config, path) as there:
        scenario = await here.create_scenario(cfg)
        submission = await scenario.submit().accepted()
        await submission.pause()
        seen = await there.get_submission(submission.id)
        record = await there._opened().store.get(submission.orchestrator_id)
        assert record is not None
        there._opened().store.save(record._replace(address="/nowhere"))  # type: ignore[call-arg]

        with pytest.raises(UsageError, match="cannot be reached"):
            await seen.resume()

        await submission.resume()
        await submission


def test_the_blocking_face_has_it(tmp_path: Path) -> None:
    config, cfg = declared(tmp_path)

    with tp.Orchestrator(config, tmp_path / "runs.db") as orchestrator:
        submission = orchestrator.create_scenario(cfg).submit()
        submission.pause()
        assert submission.is_paused
        (tmp_path / "go").touch()
        submission.resume()
        assert submission.wait(30).is_finished
        assert not submission.is_paused
