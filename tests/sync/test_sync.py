"""The blocking face."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import asyncflow
import asyncflow.sync as tp
from asyncflow import (
    BlockingCall,
    ConfigError,
    Configuration,
    InsideWorker,
    JobFinished,
    JobProgressed,
    JobStarted,
    NoData,
    NotFound,
    NotOpen,
    Status,
    SubmissionCanceled,
    SubmissionFailed,
    SubmissionStatus,
    UsageError,
)
from asyncflow.sync.forwarding import Forwarded
from tests.support import flows, programs
from tests.support.flows import chain, configuration, single


@pytest.fixture
def orchestrator(config: Configuration) -> Iterator[tp.Orchestrator]:
    orchestrator = tp.Orchestrator(config)
    orchestrator.run()

    try:
        yield orchestrator
    finally:
        orchestrator.stop(wait=False)


def until_started(submission: tp.Submission) -> None:
    """Wait until a job of a run was given to a worker."""
    for event in submission.events():
        if isinstance(event, JobStarted):
            return


def main_waits_in(function: str) -> bool:
    """Tell whether the main thread waits for the end of a verb."""
    frame = sys._current_frames().get(threading.main_thread().ident or 0)
    names = []

    while frame is not None:
        names.append(frame.f_code.co_name)
        frame = frame.f_back

    # Down in a lock of the future.
    return names[:2] == ["wait", "result"] and function in names


def once_in(function: str, act: Callable[[], object]) -> threading.Thread:
    """Have something done once the main thread waits in a function."""

    def watch() -> None:
        while not main_waits_in(function):
            pass

        act()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return thread


def interrupt_in(function: str) -> threading.Thread:
    """Have Ctrl-C pressed once the main thread waits in a function."""
    pause = threading.Event()

    def press() -> None:
        # As a user does: a signal that comes right before the wait does not end it.
        while main_waits_in(function):
            os.kill(os.getpid(), signal.SIGINT)
            pause.wait(0.5)

    return once_in(function, press)


# ------------------------------------------------------------------------- the verbs


@pytest.mark.smoke
@pytest.mark.usefixtures("orchestrator")
def test_a_scenario_runs(config: Configuration) -> None:
    scenario = tp.create_scenario(chain(config, flows.double, flows.double), name="one")
    submission = scenario.submit(wait=True, user="Zoë")

    assert submission.status is SubmissionStatus.COMPLETED
    assert submission.is_finished
    assert submission.properties == {"user": "Zoë"}
    assert submission.counts() == {Status.COMPLETED: 2}
    assert submission.error() is None
    assert submission.result() is submission
    assert scenario.name == "one"
    assert scenario.n2.read() == 4
    assert [event for event in submission.events() if isinstance(event, JobFinished)]

    scenario.n0.write(10)
    assert tp.submit(scenario, wait=True).status is SubmissionStatus.COMPLETED
    assert scenario.n2.read() == 40


@pytest.mark.usefixtures("orchestrator")
def test_handles_give_blocking_handles(config: Configuration) -> None:
    node = config.configure_in_memory_data_node("n0", default_data=1)
    task = config.configure_task("t0", flows.double, node)
    extra = config.configure_in_memory_data_node("extra", default_data=5)
    section = config.configure_scenario("s", task, extra, sequences={"part": task})
    scenario = tp.create_scenario(section)

    assert isinstance(scenario.n0, tp.DataNode)
    assert isinstance(scenario.t0, tp.Task)
    assert isinstance(scenario.part, tp.Sequence)
    assert scenario.data_nodes["n0"] == scenario.n0 == scenario.tasks["t0"].input["n0"]
    assert scenario.tasks == {"t0": scenario.t0} == scenario.sequences["part"].tasks
    assert scenario.additional_data_nodes["extra"].read() == 5
    assert scenario.t0.output == {}
    assert len({scenario.n0, scenario.t0.data_nodes["n0"], scenario.extra}) == 2
    assert {"n0", "t0", "part", "submit"} <= set(dir(scenario))

    by_task, by_part = scenario.t0.submit(wait=True), scenario.part.submit(wait=True)

    for submission in by_task, by_part:
        assert [job.status for job in submission.jobs] == [Status.COMPLETED]
        assert submission.jobs[0].submission == submission
        assert submission.jobs[0].task == scenario.t0

    with pytest.raises(AttributeError, match="no sequence, task or data node 'other'"):
        _ = scenario.other


@pytest.mark.usefixtures("orchestrator")
def test_get_finds_by_id(config: Configuration) -> None:
    scenario = tp.create_scenario(single(config, flows.double))
    submission = scenario.submit(wait=True)

    assert tp.get(scenario.id) == scenario
    assert tp.get(submission.id) == submission

    with pytest.raises(NotFound, match="nope"):
        tp.get("nope")


@pytest.mark.usefixtures("orchestrator")
def test_a_failed_run_raises_from_result_alone(config: Configuration) -> None:
    scenario = tp.create_scenario(single(config, flows.fail))
    submission = scenario.submit(wait=True)

    assert submission.status is SubmissionStatus.FAILED
    assert isinstance(submission.error(), SubmissionFailed)
    assert submission.wait() is submission
    assert "ValueError: no 1" in submission.jobs[0].reason
    assert "in fail" in submission.jobs[0].stacktrace

    with pytest.raises(SubmissionFailed, match="ValueError: no 1"):
        submission.result()


def test_a_failure_that_was_waited_for_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = configuration("development")

    with tp.Orchestrator(config, tmp_path / "s.db"):
        tp.create_scenario(single(config, flows.fail)).submit(wait=True)

    (record,) = caplog.records
    assert record.exc_info is not None


@pytest.mark.usefixtures("orchestrator")
def test_what_a_job_printed_can_be_read(config: Configuration) -> None:
    submission = tp.create_scenario(single(config, flows.print_in_child)).submit(
        wait=True
    )
    assert submission.jobs[0].output() == "from a child\n"


@pytest.mark.usefixtures("orchestrator")
def test_waiting_ends_when_the_time_is_up(config: Configuration) -> None:
    scenario = tp.create_scenario(single(config, flows.block))
    submission = scenario.submit(wait=True, timeout=0.01)

    assert not submission.is_finished
    assert not submission.wait(timeout=0).is_finished

    with pytest.raises(TimeoutError, match=r"within 0\.01 s; it goes on"):
        submission.result(timeout=0.01)

    tp.cancel(submission, "enough")
    assert submission.wait().status is SubmissionStatus.CANCELED

    with pytest.raises(SubmissionCanceled, match="enough"):
        submission.result()


@pytest.mark.usefixtures("orchestrator")
def test_a_job_can_be_cancelled(config: Configuration) -> None:
    submission = tp.create_scenario(single(config, flows.block)).submit()
    (job,) = submission.jobs
    until_started(submission)

    job.cancel("enough")

    submission.wait()
    assert (job.status, job.reason) == (Status.CANCELED, "enough")
    assert not tp.cancel(job)
    assert not tp.cancel(submission)


def fail_once(path: str) -> str:
    """Fail twice in all: at both attempts of the first run."""
    with open(path, "a", encoding="utf-8") as file:
        file.write("x")

    if os.path.getsize(path) < 3:
        raise ConnectionResetError("not yet")

    return "done"


@pytest.mark.usefixtures("orchestrator")
def test_what_failed_runs_again(config: Configuration, tmp_path: Path) -> None:
    cfg = single(config, fail_once, str(tmp_path / "tries"), retry=2)
    scenario = tp.create_scenario(cfg)
    first = scenario.submit(wait=True)
    (job,) = first.jobs
    assert [one.reason for one in job.attempts] == ["ConnectionResetError: not yet"]
    assert job.attempt == 2
    assert str(job.error()) in map(str, first.error().exceptions)  # type: ignore[union-attr]  # it failed
    assert isinstance(job.error().__cause__, ConnectionResetError)

    again = first.retry_failed()

    assert again.result().status is SubmissionStatus.COMPLETED
    assert scenario.result.read() == "done"
    assert again.jobs[0].usage is not None

    with pytest.raises(UsageError):
        again.retry_failed()


def report_and_print(path: str) -> None:
    asyncflow.report(1, 2, "halfway")
    print("first", flush=True)
    flows.wait_for_file(path)
    print("last")


@pytest.mark.usefixtures("orchestrator")
def test_what_a_job_prints_and_reports_can_be_followed(
    config: Configuration, tmp_path: Path
) -> None:
    path = tmp_path / "go"
    cfg = single(config, report_and_print, str(path))
    submission = tp.create_scenario(cfg).submit()
    (job,) = submission.jobs
    events = submission.events()
    event = next(event for event in events if isinstance(event, JobProgressed))
    assert (event.done, event.total, event.message) == (1, 2, "halfway")
    assert job.progress == asyncflow.Progress(1, 2, "halfway")
    lines = job.follow()
    assert next(lines) == "first\n"
    assert not job.is_finished
    path.touch()
    assert list(lines) == ["last\n"]
    submission.result()


@pytest.mark.usefixtures("orchestrator")
def test_the_limits_of_a_run(config: Configuration) -> None:
    scenario = tp.create_scenario(single(config, flows.block))

    submission = tp.submit(scenario, run_timeout=0.3, priority=2.0, wait=True)

    assert (submission.run_timeout, submission.priority) == (0.3, 2.0)
    assert submission.properties == {}
    assert submission.jobs[0].status is Status.FAILED
    assert submission.jobs[0].reason.startswith("TIMED_OUT")


def test_what_a_run_is(config: Configuration, orchestrator: tp.Orchestrator) -> None:
    scenario = tp.create_scenario(single(config, flows.double))
    submission = scenario.submit(force=True, on_failure="stop").accepted()
    assert submission.entity == scenario
    assert submission.dag.tasks == scenario.dag.tasks
    assert (submission.force, submission.on_failure) == (True, "stop")
    assert scenario.tasks["work"].scenario_id == scenario.id
    assert submission.id in [one.id for one in orchestrator.submissions()]
    submission.result()


def test_the_number_of_workers_can_change(orchestrator: tp.Orchestrator) -> None:
    assert orchestrator.max_nb_of_workers == 2
    orchestrator.max_nb_of_workers = 3
    assert orchestrator.max_nb_of_workers == 3

    with pytest.raises(ValueError, match="0"):
        orchestrator.max_nb_of_workers = 0


@pytest.mark.usefixtures("orchestrator")
def test_what_is_wrong_with_a_call_raises(config: Configuration) -> None:
    node = config.configure_in_memory_data_node("unwritten")
    task = config.configure_task("t", flows.double, node)
    scenario = tp.create_scenario(config.configure_scenario("s", task))

    with pytest.raises(NoData, match="unwritten"):
        scenario.submit()

    with pytest.raises(NoData, match="unwritten"):
        scenario.unwritten.read()


def test_passed_attributes_are_those_of_the_async_handles() -> None:
    for kind in (tp.DataNode, tp.Job, tp.Scenario, tp.Sequence, tp.Submission, tp.Task):
        ours = {
            name
            for part in kind.__mro__
            for name, value in vars(part).items()
            if isinstance(value, Forwarded)
        }
        theirs = set(dir(getattr(asyncflow, kind.__name__)))
        assert "id" in ours
        assert ours <= theirs


# ------------------------------------------------------------------------- the threads


@pytest.mark.usefixtures("orchestrator")
def test_verbs_work_in_other_threads_and_loops(config: Configuration) -> None:
    scenario = tp.create_scenario(single(config, flows.double, 21))
    found: list[object] = []

    def work() -> None:
        scenario.submit(wait=True)
        found.append(scenario.result.read())

    async def on_a_loop() -> None:
        work()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    asyncio.run(on_a_loop())
    assert found == [42, 42]


def call_itself(what: str) -> str:
    """Use the blocking face in a job that runs on the orchestrator's own loop."""
    verbs: dict[str, Callable[[], object]] = {
        "create": lambda: tp.create_scenario("single"),
        "submit": lambda: scenarios[-1].submit(),
        "read": lambda: scenarios[-1].result.read(),
        "stop": lambda: orchestrators[-1].stop(),
        "close": lambda: orchestrators[-1].stop(wait=False),
    }

    try:
        verbs[what]()
    except BlockingCall as error:
        return str(error)

    return "no error"


scenarios: list[tp.Scenario] = []
orchestrators: list[tp.Orchestrator] = []


@pytest.mark.parametrize(
    ("verb", "form"),
    [
        ("create", "await orchestrator.create_scenario()"),
        ("submit", "await scenario.submit()"),
        ("read", "await data_node.read()"),
        ("stop", "async with asyncflow.Orchestrator()"),
        ("close", "async with asyncflow.Orchestrator()"),
    ],
)
def test_a_verb_on_the_own_loop_is_refused(verb: str, form: str) -> None:
    config = configuration("development")

    with tp.Orchestrator(config) as orchestrator:
        scenario = tp.create_scenario(single(config, call_itself, verb))
        scenarios.append(scenario)
        orchestrators.append(orchestrator)
        scenario.submit(wait=True).result()
        assert f"`{form}`" in scenario.result.read()


def start_another(_: object) -> str:
    try:
        tp.Orchestrator(configuration()).run()
    except InsideWorker as error:
        return str(error)

    return "no error"


@pytest.mark.usefixtures("orchestrator")
def test_a_job_cannot_start_one(config: Configuration) -> None:
    scenario = tp.create_scenario(single(config, start_another))
    scenario.submit(wait=True).result()
    assert "inside a job's worker process" in scenario.result.read()


@pytest.mark.usefixtures("orchestrator")
def test_a_fork_has_no_orchestrator(config: Configuration) -> None:
    scenario = tp.create_scenario(single(config, flows.double))
    reader, writer = os.pipe()

    if not (child := os.fork()):
        try:
            scenario.submit()
        except NotOpen:
            os.write(writer, b"refused")
        finally:
            os._exit(0)

    os.waitpid(child, 0)
    assert os.read(reader, 10) == b"refused"
    os.close(reader)
    os.close(writer)


# ----------------------------------------------------------------------- run and stop


def test_without_an_orchestrator_verbs_say_what_to_do(config: Configuration) -> None:
    for verb in (lambda: tp.create_scenario("s"), lambda: tp.get("s")):
        with pytest.raises(NotOpen, match=r"Orchestrator\(\)\.run\(\)"):
            verb()


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


def test_an_interrupt_ends_the_waiting_alone(
    config: Configuration, orchestrator: tp.Orchestrator
) -> None:
    submission = tp.create_scenario(single(config, flows.block)).submit()

    for verb in (submission.wait, orchestrator.stop):
        thread = interrupt_in(verb.__name__)

        with pytest.raises(KeyboardInterrupt):
            verb()

        thread.join()

    assert submission.status is SubmissionStatus.RUNNING
    other = tp.create_scenario(chain(config, flows.double))
    other.submit(wait=True).result()
    assert other.n1.read() == 2


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
        "from tests.sync.test_sync import interrupt_in, until_started\n"
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


def test_a_plan_and_records_in_a_file(config: Configuration, tmp_path: Path) -> None:
    cfg = single(config, flows.double, skippable=True)
    path = tmp_path / "runs.db"

    with tp.Orchestrator(config, path):
        scenario = tp.create_scenario(cfg)
        assert scenario.plan()[0].reason == "it has not run yet"
        scenario.submit(wait=True)
        assert not scenario.work.plan()[0].runs
        assert scenario.plan(force=True)[0].runs

    assert path.exists()


def test_what_an_attribute_hides_is_found_by_its_name(
    orchestrator: tp.Orchestrator, config: Configuration
) -> None:
    name = config.configure_data_node("name", default_data=1)
    out = config.configure_data_node("out")
    task = config.configure_task("submit", abs, name, out)
    scenario = tp.create_scenario(config.configure_scenario("hides", task), name="one")
    submission = scenario.submit(wait=True)

    assert scenario.name == "one"
    assert scenario["name"].read() == 1
    assert isinstance(scenario["submit"], tp.Task)
    assert [(job.name, job.config_id) for job in submission.jobs] == [("submit",) * 2]

    with pytest.raises(KeyError, match="has no sequence, task or data node 'nam'"):
        scenario["nam"]
