"""The blocking orchestrator, and the verbs of the one that runs."""

from __future__ import annotations

import signal
import sys
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

import asyncflow.sync as tp
from asyncflow import (
    ConfigError,
    Configuration,
    NotOpen,
    SubmissionFailed,
    SubmissionRecord,
    SubmissionStatus,
    UsageError,
)
from tests.programs.recovery_program import declare
from tests.recovery.test_recovery import killed
from tests.support import flows, programs
from tests.support.flows import configuration, single
from tests.support.sync import once_in, until_started
from tests.support.sync import orchestrator as orchestrator

# ------------------------------------------------------------------------- the verbs


def test_a_failure_that_was_waited_for_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = configuration("development", workers=1)

    with tp.Orchestrator(config, tmp_path / "s.db"):
        tp.create_scenario(single(config, flows.fail)).submit(wait=True)

    (record,) = caplog.records
    assert record.exc_info is not None


def test_the_workers_are_listed(tmp_path: Path) -> None:
    config = configuration()

    with tp.Orchestrator(config, tmp_path / "s.db") as orchestrator:
        tp.create_scenario(single(config, flows.double)).submit(wait=True)
        assert {one.state for one in orchestrator.workers()} == {"idle"}


def test_the_number_of_workers_can_change(orchestrator: tp.Orchestrator) -> None:
    assert orchestrator.max_nb_of_workers == 2
    orchestrator.max_nb_of_workers = 3
    assert orchestrator.max_nb_of_workers == 3

    with pytest.raises(ValueError, match="0"):
        orchestrator.max_nb_of_workers = 0


# ----------------------------------------------------------------------- run and stop


def test_a_stopped_orchestrator_leaves_its_facts(config: Configuration) -> None:
    with tp.Orchestrator(config) as orchestrator:
        scenario = tp.create_scenario(single(config, flows.double))
        submission = scenario.submit()

    assert not orchestrator.is_running
    assert submission.status is SubmissionStatus.COMPLETED

    for verb in (scenario.submit, scenario.result.read, submission.wait):
        with pytest.raises(NotOpen, match="the one that made this handle"):
            verb()

    orchestrator.stop()


def test_only_one_runs(config: Configuration, orchestrator: tp.Orchestrator) -> None:
    with pytest.raises(UsageError, match="runs already"):
        tp.Orchestrator(config, "other.db").run()

    with (
        pytest.raises(UsageError, match="leaving this block would stop it"),
        tp.Orchestrator(config, orchestrator.store),
    ):
        pytest.fail("it was entered")


def test_a_cell_can_run_again(config: Configuration) -> None:
    first = tp.Orchestrator(config)
    first.run()
    again = tp.Orchestrator(config)
    again.run()
    scenario = again.create_scenario(single(config, flows.double))
    assert first.get(scenario.id).id == scenario.id

    tp.stop()
    assert not first.is_running
    assert not again.is_running


def test_a_cell_that_has_another_mode_is_refused_at_once(config: Configuration) -> None:
    tp.Orchestrator(config).run()
    config.configure_job_executions(mode="development")

    for _ in range(2):
        with pytest.raises(UsageError, match=r"open it again .* `stop\(\)`, then `run"):
            tp.Orchestrator(config).run()

    tp.stop()
    tp.Orchestrator(config).run()
    config.configure_task("t", 5)  # type: ignore[arg-type]  # wrong on purpose

    with pytest.raises(ConfigError, match="5 cannot be called"):
        tp.Orchestrator(config).run()

    tp.stop()


def test_a_failure_is_logged_where_the_run_was_waited_for(
    config: Configuration,
    orchestrator: tp.Orchestrator,
    caplog: pytest.LogCaptureFixture,
) -> None:
    scenario = orchestrator.create_scenario(single(config, flows.fail))
    submission = scenario.submit(wait=True)
    assert submission.status == "FAILED"
    (record,) = (one for one in caplog.records if one.levelname == "ERROR")
    assert submission.id in record.getMessage()
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], SubmissionFailed)


def test_one_runs_after_the_other(config: Configuration) -> None:
    for _ in range(2):
        orchestrator = tp.Orchestrator(config)

        for _ in range(2):
            with orchestrator:
                scenario = tp.create_scenario(single(config, flows.double, 21))
                scenario.submit(wait=True).result()
                assert scenario.result.read() == 42


def test_a_wrong_configuration_is_refused(config: Configuration) -> None:
    node = config.configure_in_memory_data_node("n")
    tasks = [config.configure_task(name, flows.double, None, node) for name in "tu"]
    config.configure_scenario("s", tasks)
    orchestrator = tp.Orchestrator(config)

    with pytest.raises(ConfigError):
        orchestrator.run()

    assert not orchestrator.is_running


def test_stop_cancels_what_has_not_ended_in_time(config: Configuration) -> None:
    stops: tuple[dict[str, Any], ...] = ({"timeout": 0.01}, {"wait": False})

    for how in stops:
        orchestrator = tp.Orchestrator(config)
        orchestrator.run()
        submission = tp.create_scenario(single(config, flows.block)).submit()
        until_started(submission)
        orchestrator.stop(**how)
        assert submission.status is SubmissionStatus.CANCELED


def test_leaving_the_block_by_an_error_cancels(config: Configuration) -> None:
    def leave() -> None:
        with tp.Orchestrator(config):
            submissions.append(tp.create_scenario(single(config, flows.block)).submit())
            raise LookupError

    submissions: list[tp.Submission] = []

    with pytest.raises(LookupError):
        leave()

    assert submissions[0].status is SubmissionStatus.CANCELED


def test_another_thread_may_stop_it_meanwhile(config: Configuration) -> None:
    orchestrator = tp.Orchestrator(config)
    orchestrator.run()
    submission = tp.create_scenario(single(config, flows.block)).submit()
    until_started(submission)
    thread = once_in("wait", partial(orchestrator.stop, wait=False))
    assert submission.wait().status is SubmissionStatus.CANCELED
    thread.join()


# -------------------------------------------------------------------------------- Ctrl-C


PROGRAM = """
import os, sys, time
import asyncflow.sync as tp
from asyncflow import Config

def work(value):
    print("worked")
    return value

def block(value):
    time.sleep(600)

Config.configure_job_executions(mode="standalone", max_nb_of_workers=1)
node = Config.configure_data_node("node", default_data=1)
result = Config.configure_data_node("result")
task = Config.configure_task("work", {function}, node, result)
config = Config.configure_scenario("scenario", task)
tp.Orchestrator().run()
scenario = tp.create_scenario(config)
submission = scenario.submit()
sys.stdout.write("main ends\\n")  # at once, as jobs may print in between
"""


@pytest.mark.smoke
def test_at_exit_submitted_runs_end(tmp_path: Path) -> None:
    code = PROGRAM.format(function="work") + "scenario.submit()\n"
    out = programs.run("-c", code, folder=tmp_path)
    assert sorted(out.splitlines()) == ["main ends", "worked", "worked"]


@pytest.mark.skipif(
    (3, 12) <= sys.version_info < (3, 12, 2),
    reason="CPython issue 113964: these start no thread once the main thread has ended",
)
def test_at_exit_jobs_may_start_threads(tmp_path: Path) -> None:
    code = """
import asyncio
async def work(value):
    await asyncio.to_thread(time.sleep, 0)
    sys.stdout.write("worked in a thread\\n")
""" + PROGRAM.replace("def work(value)", "def unused(value)").format(function="work")
    out = programs.run("-c", code, folder=tmp_path)
    assert sorted(out.splitlines()) == ["main ends", "worked in a thread"]


def test_an_interrupt_at_exit_drains(tmp_path: Path) -> None:
    code = PROGRAM.format(function="block") + (
        "import logging\n"
        "logging.basicConfig(stream=sys.stdout)\n"
        "from tests.support.sync import interrupt_in, until_started\n"
        "until_started(submission)\n"
        "interrupt_in('_stop_running')\n"
    )
    out = programs.run("-c", code, folder=tmp_path)
    assert "main ends" in out
    assert "draining 1 running job" in out


def test_a_program_that_was_interrupted_does_not_wait(tmp_path: Path) -> None:
    code = PROGRAM.format(function="block") + "raise KeyboardInterrupt\n"

    with pytest.raises(AssertionError, match=f"exit code -{signal.SIGINT.value}"):
        programs.run("-c", code, folder=tmp_path)


# -------------------------------------------------------------------- what it is told


def test_its_repr_has_no_password(tmp_path: Path) -> None:
    config = configuration()

    for address in ("postgresql://me:s3cret@host/base", "host=h password=s3cret"):
        assert "s3cret" not in repr(tp.Orchestrator(config, address))

    orchestrator = tp.Orchestrator(config, tmp_path / "runs.db")
    assert repr(orchestrator).endswith("mode='standalone', is_open=False)")

    with orchestrator:
        assert repr(orchestrator).startswith("asyncflow.sync.Orchestrator(store=Sqlite")
        assert repr(orchestrator).endswith("mode='standalone', is_open=True)")


def test_runs_that_come_back_can_be_left(tmp_path: Path) -> None:
    submission_id = anyio.run(killed, tmp_path)
    (tmp_path / "go").touch()
    asked: list[str] = []

    def refuse(record: SubmissionRecord) -> bool:
        asked.append(record.id)
        return False

    for adopt in (False, refuse, True):
        config, _ = declare(tmp_path, "pickle")

        with tp.Orchestrator(config, tmp_path / "runs.db", adopt) as orchestrator:
            if adopt is True:
                run = orchestrator.get_submission(submission_id)
                assert run.wait(timeout=30).status is SubmissionStatus.COMPLETED
            else:
                (left,) = orchestrator.submissions(is_finished=False)
                assert left.id == submission_id

    assert asked == [submission_id]
