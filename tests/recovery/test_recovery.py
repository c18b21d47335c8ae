"""What a killed program has begun goes on in another one."""

from __future__ import annotations

import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from anyio import fail_after, to_thread

from asyncflow import (
    Orchestrator,
    Scenario,
    StoreFailed,
    Submission,
    SubmissionFailed,
    SubmissionStatus,
)
from asyncflow.stores.sqlite import SqliteStore
from tests.programs.recovery_program import SIZE, declare
from tests.support import flows, programs
from tests.support.flows import configuration, single, statuses
from tests.support.programs import environment

pytestmark = pytest.mark.anyio


def begun(folder: Path) -> list[str]:
    return (folder / "begun").read_text().split()


async def killed(folder: Path, kind: str = "pickle", on_restart: str = "rerun") -> str:
    """Kill a program whose second job runs; return the id of its submission."""
    return await to_thread.run_sync(_killed, folder, kind, on_restart)


def _killed(folder: Path, kind: str, on_restart: str) -> str:
    line = programs.killed(
        "tests.programs.recovery_program",
        *(folder, kind, on_restart),
        folder=folder,
        is_time=lambda: "second" in begun(folder),
    )
    assert line.startswith("SUBMISSION_")
    return line


async def got(orchestrator: Orchestrator, submission_id: str) -> Submission:
    found = await orchestrator.get(submission_id)
    assert isinstance(found, Submission)
    return found


@pytest.mark.parametrize("kind", ["pickle", "in_memory"])
async def test_a_run_goes_on_where_it_stopped(tmp_path: Path, kind: str) -> None:
    submission_id = await killed(tmp_path, kind)
    (tmp_path / "go").touch()
    config, _ = declare(tmp_path, kind)

    async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
        with fail_after(20):
            await orchestrator.drain()

        submission = await got(orchestrator, submission_id)
        await submission
        assert statuses(submission.jobs) == ["COMPLETED"] * 3
        assert submission.properties == {"note": "x"}
        assert isinstance(submission.entity, Scenario)
        assert await submission.entity.result.read() == SIZE + 1
        assert await orchestrator.submissions(is_finished=False) == []

    assert begun(tmp_path) == ["first", "second", "second", "third"]
    values = list((tmp_path / "runs.values").glob("*.value"))
    assert len(values) == (kind == "pickle")


@pytest.mark.smoke
async def test_a_job_that_must_not_run_twice_fails(tmp_path: Path) -> None:
    submission_id = await killed(tmp_path, on_restart="fail")
    config, _ = declare(tmp_path, on_restart="fail")

    async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
        submission = await got(orchestrator, submission_id)

        with (
            fail_after(20),
            pytest.raises(SubmissionFailed, match="orchestrator was k"),
        ):
            await submission

        assert statuses(submission.jobs) == ["COMPLETED", "FAILED", "ABANDONED"]
        (job,) = await orchestrator.jobs(status="FAILED")
        assert "on_restart is 'fail'" in job.reason

    assert begun(tmp_path) == ["first", "second"]


async def test_who_does_not_know_a_run_leaves_it_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    submission_id = await killed(tmp_path)
    (tmp_path / "go").touch()
    stranger = configuration()
    single(stranger, flows.double)

    async with Orchestrator(stranger, tmp_path / "runs.db") as orchestrator:
        assert "cannot go on here" in caplog.text
        assert "'row', which this program does not declare" in caplog.text
        (record,) = await orchestrator.submissions(is_finished=False)
        assert record.id == submission_id

    config, _ = declare(tmp_path)

    async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
        with fail_after(20):
            await (await got(orchestrator, submission_id))


async def test_a_run_that_nobody_knows_any_more_can_be_deleted(tmp_path: Path) -> None:
    submission_id = await killed(tmp_path)

    async with Orchestrator(configuration(), tmp_path / "runs.db") as orchestrator:
        (record,) = await orchestrator.submissions(is_finished=False)
        await orchestrator.delete(submission_id)
        assert await orchestrator.submissions() == []
        await orchestrator.delete(record.scenario_id)
        assert list((tmp_path / "runs.values").glob("*.value")) == []


async def test_tasks_that_have_changed_do_not_go_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await killed(tmp_path)
    config, _ = declare(tmp_path)
    config.clear()
    config.configure_scenario("row", [])

    async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
        assert "which has other tasks now" in caplog.text
        assert len(await orchestrator.submissions(is_finished=False)) == 1


async def test_who_leaves_early_leaves_it_to_the_next(tmp_path: Path) -> None:
    submission_id = await killed(tmp_path)
    config, _ = declare(tmp_path)

    for _ in range(2):
        async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
            assert not (await got(orchestrator, submission_id)).is_finished

        async with SqliteStore(tmp_path / "runs.db") as store:
            (record,) = await store.submissions(is_finished=False)
            assert record.id == submission_id

    (tmp_path / "go").touch()

    async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
        with fail_after(20):
            await (await got(orchestrator, submission_id))


async def test_an_adopted_run_can_be_cancelled(tmp_path: Path) -> None:
    submission_id = await killed(tmp_path)
    config, _ = declare(tmp_path)

    async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
        submission = await got(orchestrator, submission_id)
        submission.cancel("not any more")

        with fail_after(20):
            await submission.wait()

        assert submission.status is SubmissionStatus.CANCELED
        (record,) = await orchestrator.submissions()
        assert (record.status, record.reason) == ("CANCELED", "not any more")


async def test_one_of_several_takes_it_over(tmp_path: Path) -> None:
    submission_id = await killed(tmp_path)
    (tmp_path / "go").touch()
    config, _ = declare(tmp_path)

    async with AsyncExitStack() as stack:
        heirs = [
            await stack.enter_async_context(Orchestrator(config, tmp_path / "runs.db"))
            for _ in range(3)
        ]

        with fail_after(20):
            for heir in heirs:
                await (await got(heir, submission_id))

    assert begun(tmp_path) == ["first", "second", "second", "third"]


async def test_who_watches_takes_it_over_when_its_owner_dies(tmp_path: Path) -> None:
    config, _ = declare(tmp_path)
    command = [sys.executable, "-m", "tests.programs.recovery_program"]

    def start() -> tuple[subprocess.Popen[str], str]:
        program = subprocess.Popen(
            [*command, tmp_path, "pickle", "rerun"],
            cwd=tmp_path,
            env=environment(),
            stdout=subprocess.PIPE,
            text=True,
        )
        assert program.stdout is not None
        return program, program.stdout.readline().strip()

    program, submission_id = await to_thread.run_sync(start)

    with program:
        async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
            submission = await got(orchestrator, submission_id)
            assert not submission.is_adopted
            (tmp_path / "go").touch()
            program.kill()

            with fail_after(20):
                await submission

            assert await submission.entity.data_nodes["result"].read() == SIZE + 1


async def test_who_was_taken_for_dead_writes_nothing_any_more(tmp_path: Path) -> None:
    config = configuration()
    scenario_cfg = single(config, flows.double)
    orchestrator = Orchestrator(config, tmp_path / "runs.db")
    await orchestrator.__aenter__()
    scenario = await orchestrator.create_scenario(scenario_cfg)

    async with SqliteStore(tmp_path / "runs.db") as other:
        (record,) = await other.orchestrators()
        await other.adopt(record.id, "ORCHESTRATOR_x")

    with pytest.raises(StoreFailed, match="took this one for dead"):
        await scenario.submit()

    with pytest.raises(StoreFailed, match="took this one for dead"):
        await orchestrator.__aexit__(None, None, None)
