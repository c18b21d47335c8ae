"""Running again what did not complete, and nothing else."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from anyio import Event, to_thread

from asyncflow import JobStarted, Orchestrator, Submission, UsageError, current_job
from asyncflow.testing import Faults, run_program
from tests.support.flows import chain, configuration, fail, single, statuses


@pytest.mark.anyio
async def test_one_key_is_one_run(tmp_path: Path) -> None:
    config = configuration(workers=1)
    cfg = chain(config, fail)

    async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        first = await scenario.submit(idempotency_key="one").wait()
        again = await first.retry_failed(idempotency_key="two").wait()
        assert again.id != first.id

    async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
        first = await orchestrator.get_submission(first.id)
        assert first.retry_failed(idempotency_key="two").id == again.id
        assert len(await orchestrator.submissions()) == 2

        with pytest.raises(ValueError, match="idempotency_key is a text"):
            first.retry_failed(idempotency_key="")


@pytest.mark.smoke
@pytest.mark.anyio
async def test_retry_failed_runs_what_did_not_complete(tmp_path: Path) -> None:
    config = configuration(workers=2)
    ran: list[str] = []
    is_mended = False

    async def note(value: int) -> int:
        job = current_job()
        assert job is not None
        ran.append(job.task)
        return value + 1

    async def fail_until_mended(value: int) -> int:
        if not is_mended:
            raise ValueError("not mended")

        return await note(value)

    cfg = chain(config, note, fail_until_mended, note)

    async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = await scenario.submit(priority=2.5, user="Zoë").wait()
        assert statuses(submission.jobs) == ["COMPLETED", "FAILED", "ABANDONED"]
        assert ran == ["t0"]
        edits = len(await scenario.n1.edits())

        is_mended = True
        again = await submission.retry_failed(user="Ann", why="mended")

        assert again.id != submission.id
        assert ran == ["t0", "t1", "t2"]
        assert [job.task.config_id for job in again.jobs] == ["t1", "t2"]
        assert again.priority == 2.5
        assert again.properties == {"user": "Ann", "why": "mended"}
        assert submission.properties == {"user": "Zoë"}
        assert await scenario.n3.read() == 4
        assert len(await scenario.n1.edits()) == edits
        assert statuses(submission.jobs) == ["COMPLETED", "FAILED", "ABANDONED"]

        with pytest.raises(UsageError, match="nothing is left to retry"):
            again.retry_failed()

    async with Orchestrator(config, tmp_path / "runs.db") as later:
        same = await later.get(again.id)
        assert isinstance(same, Submission)
        assert statuses(same.jobs) == ["COMPLETED"] * 2


@pytest.mark.anyio
async def test_retry_failed_waits_for_the_end() -> None:
    config = configuration(workers=1)
    go = Event()

    async def wait(_: object) -> None:
        await go.wait()

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(single(config, wait))
        submission = scenario.submit()

        with pytest.raises(UsageError, match="has not ended: await it first"):
            submission.retry_failed()

        submission.cancel()
        await submission.wait()
        again = submission.retry_failed()
        go.set()
        await again

    assert statuses(again.jobs) == ["COMPLETED"]


@pytest.mark.anyio
async def test_a_run_that_was_killed_goes_on_with_what_was_left_to_retry(
    tmp_path: Path,
) -> None:
    """A part of a scenario can be adopted, too."""
    script = tmp_path / "program.py"
    script.write_text(PART, "utf-8")
    faults = Faults()
    faults.kill_orchestrator_after(JobStarted, task="second", nth=2)
    killed = await to_thread.run_sync(
        lambda: run_program(script, folder=tmp_path, faults=faults)
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr

    again = await to_thread.run_sync(lambda: run_program(script, folder=tmp_path))

    (told,) = again.stderr.splitlines()
    assert told.startswith("1 run that a process has left unfinished goes on here")
    assert again.stdout == "[('second', 'COMPLETED')] 42\n"


PART = """
import os
import anyio
from asyncflow import Config, Orchestrator

def first(number):
    return number

def second(number):
    if not os.path.exists("mended"):
        raise ValueError("not mended")

    return 2 * number

Config.configure_job_executions("standalone", 1)
nodes = [Config.configure_data_node(name) for name in ("one", "two")]
number = Config.configure_data_node("number", default_data=21)
tasks = [
    Config.configure_task("first", first, number, nodes[0]),
    Config.configure_task("second", second, *nodes),
]
scenario_cfg = Config.configure_scenario("flow", tasks)

async def main():
    async with Orchestrator(store="runs.db") as orchestrator:
        known = await orchestrator.submissions(newest_first=True)

        if known:
            submission = await orchestrator.get(known[0].id)
        else:
            scenario = await orchestrator.create_scenario(scenario_cfg)
            submission = await scenario.submit().wait()
            open("mended", "w").close()
            submission = submission.retry_failed()

        await submission
        print(
            [(job.task.config_id, job.status.value) for job in submission.jobs],
            await (await orchestrator.get(submission.entity.id)).two.read(),
        )

anyio.run(main)
"""
