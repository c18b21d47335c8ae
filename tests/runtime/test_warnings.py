"""What happens without anybody looking is said once: runs that come back, attempts that
failed, a program that waits for a job.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import pytest
from anyio import Event, create_task_group, fail_after, sleep, sleep_forever
from anyio.lowlevel import checkpoint

from asyncflow import (
    Configuration,
    Orchestrator,
    SubmissionRecord,
    UsageError,
    current_job,
)
from asyncflow.testing import run_program
from tests.programs.recovery_program import declare
from tests.recovery.test_recovery import killed
from tests.support import flows
from tests.support.flows import configuration, single

pytestmark = pytest.mark.anyio


def told(caplog: pytest.LogCaptureFixture, piece: str) -> list[str]:
    texts = [record.getMessage() for record in caplog.records]
    return [text for text in texts if piece in text]


async def test_what_holds_from_the_next_opening_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = configuration("development")
    cfg = single(config, flows.double, 5)

    async with Orchestrator(config, ":memory:") as orchestrator:
        for _ in range(2):
            config.configure_job_executions("development", max_log_size=2_000_000)
            config.configure_core(version_number="2", keep_days=3)
            await orchestrator.create_scenario(cfg)

        assert len(told(caplog, "how jobs are executed was configured while")) == 1
        assert len(told(caplog, "version_number of [CORE] was configured while")) == 1


@pytest.mark.parametrize(
    ("mode", "given", "words"),
    [
        ("development", {"max_nb_of_workers": 4}, "in development mode: give mode='st"),
        ("development", {"address": "tcp://host:8786"}, "give mode='cluster'"),
        ("standalone", {"address": "tcp://host:8786"}, "in standalone mode: give mode"),
        ("development", {"max_nb_of_workers": 1}, ""),
        ("standalone", {"max_nb_of_workers": 1}, ""),
    ],
)
async def test_a_setting_of_jobs_without_effect_is_told_once(
    mode: str, given: dict[str, Any], words: str, caplog: pytest.LogCaptureFixture
) -> None:
    config = Configuration()
    config.configure_job_executions(mode, **given)
    orchestrator = Orchestrator(config, ":memory:")

    for _ in range(2):
        async with orchestrator:
            pass

    found = told(caplog, "has no effect in")
    assert len(found) == bool(words)
    assert not words or (f"[JOB.{next(iter(given))}]" in found[0] and words in found[0])


async def test_what_cannot_change_while_it_is_open_is_refused(tmp_path: Path) -> None:
    config = configuration("development")
    cfg = single(config, flows.double, 5)

    async with Orchestrator(config, ":memory:") as orchestrator:
        for _ in range(2):
            config.configure_job_executions("standalone")

            with pytest.raises(
                UsageError, match=r"mode of \[JOB\] was configured anew"
            ):
                await orchestrator.create_scenario(cfg)

        config.configure_job_executions("development")
        await orchestrator.create_scenario(cfg)
        config.configure_core(time_zone="Asia/Tokyo")

        with pytest.raises(UsageError, match=r"time_zone of \[CORE\]"):
            await orchestrator.create_scenario(cfg)

        for name in ("store", "config", "version", "folder", "adopt"):
            with pytest.raises(UsageError, match=f"{name} cannot change while"):
                setattr(orchestrator, name, None)

    async with orchestrator:  # the next opening
        orchestrator.max_nb_of_workers  # noqa: B018  # what may change is not fixed
        await orchestrator.create_scenario(cfg)

    orchestrator.store = tmp_path / "runs.db"  # type: ignore[assignment]  # as it is given
    assert "runs.db" in repr(orchestrator)


@pytest.mark.smoke
async def test_runs_that_come_back_are_told_and_can_be_left(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    submission_id = await killed(tmp_path)
    (tmp_path / "go").touch()
    asked: list[str] = []

    def refuse(record: SubmissionRecord) -> bool:
        asked.append(record.id)
        return False

    for adopt in (False, refuse):
        config, _ = declare(tmp_path, "pickle")

        async with Orchestrator(config, tmp_path / "runs.db", adopt) as orchestrator:
            (run,) = await orchestrator.submissions(is_finished=False)
            assert run.id == submission_id
            await orchestrator.drain()

    assert asked == [submission_id]
    assert not told(caplog, submission_id)
    config, _ = declare(tmp_path, "pickle")

    async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
        with fail_after(20):
            await orchestrator.drain()

        assert await orchestrator.submissions(is_finished=False) == []

    (text,) = told(caplog, submission_id)
    assert text.startswith("1 run that a process has left unfinished goes on here")
    assert "adopt=False" in text


def fail_once(value: int) -> int:
    job = current_job()
    assert job is not None

    if job.attempt == 1:
        raise ConnectionError("the line is busy")

    return value


@pytest.mark.blocking_jobs
async def test_an_attempt_that_failed_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = configuration(mode="development")
    cfg = single(config, fail_once, retry=2)

    async with Orchestrator(config, ":memory:") as orchestrator:
        submission = await (await orchestrator.create_scenario(cfg)).submit()
        (job,) = submission.jobs

    (text,) = told(caplog, job.id)
    assert text.startswith(f"attempt 1 at {job.id} failed")
    assert text.endswith("ConnectionError: the line is busy")


def hold(value: int) -> int:
    time.sleep(1.1)
    return value


@pytest.mark.blocking_jobs
async def test_a_job_that_holds_up_a_program_is_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    config: Configuration = configuration(mode="development")
    cfg = single(config, hold)

    async with create_task_group() as group:
        group.start_soon(sleep_forever)

        async with Orchestrator(config, ":memory:") as orchestrator:
            scenario = await orchestrator.create_scenario(cfg)

            for _ in range(2):
                await scenario.submit()

        group.cancel_scope.cancel()

    (text,) = told(caplog, "held the event loop")
    assert "task 'work'" in text
    assert 'mode="standalone"' in text


def take_long(value: int) -> Awaitable[int]:
    """Return what is awaited, as a plain wrapper of an async function does."""

    async def wait() -> int:
        await sleep(1.1)
        return value

    return wait()


@pytest.mark.blocking_jobs
async def test_a_job_that_is_awaited_holds_up_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    config: Configuration = configuration(mode="development")
    cfg = single(config, take_long)

    async with create_task_group() as group:
        group.start_soon(sleep_forever)

        async with Orchestrator(config, ":memory:") as orchestrator:
            await (await orchestrator.create_scenario(cfg)).submit()

        group.cancel_scope.cancel()

    assert not told(caplog, "held the event loop")


@pytest.mark.blocking_jobs
async def test_what_a_program_blocks_is_no_job_of_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Another task blocks the loop while a short job waits for its turn."""
    config: Configuration = configuration(mode="development")
    cfg = single(config, flows.double)

    async def hold_up() -> None:
        while not stop.is_set():
            await checkpoint()
            hold(0)

    stop = Event()

    async with (
        create_task_group() as group,
        Orchestrator(config, ":memory:") as orchestrator,
    ):
        submission = (await orchestrator.create_scenario(cfg)).submit()
        group.start_soon(hold_up)
        await submission
        stop.set()

    assert not told(caplog, "held the event loop")


def test_a_script_that_waits_for_its_jobs_is_told_nothing(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = run_program(script, folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")


SCRIPT = """
import time
import anyio
from asyncflow import Config, Orchestrator

def hold(value):
    time.sleep(1.1)
    return value

nodes = [Config.configure_data_node("a", default_data=1), Config.configure_data_node("b")]
cfg = Config.configure_scenario("s", Config.configure_task("t", hold, *nodes))

async def main():
    async with Orchestrator(store=":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.submit()
        print(await scenario.b.read())

anyio.run(main)
"""
