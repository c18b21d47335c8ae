"""The blocking handles: each wraps the async one of the same name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import asyncflow
import asyncflow.sync as tp
from asyncflow import (
    Configuration,
    JobFinished,
    JobProgressed,
    NoData,
    Retry,
    Status,
    SubmissionCanceled,
    SubmissionFailed,
    SubmissionStatus,
    UsageError,
)
from tests.support import flows
from tests.support.flows import chain, single
from tests.support.sync import orchestrator as orchestrator
from tests.support.sync import until_started


@pytest.mark.usefixtures("orchestrator")
def test_what_newcomers_try_is_answered_with_blocking_verbs(
    config: Configuration,
) -> None:
    scenario = tp.create_scenario(single(config, flows.double, 5))
    submission: Any = scenario.submit(wait=True)

    with pytest.raises(AttributeError, match=r"`scenario\.source\.write\(value\)`"):
        setattr(scenario, "source", 5)  # noqa: B010  # no type has it

    with pytest.raises(AttributeError, match=r"`scenario\.submit\(\)` runs it"):
        _ = scenario.run

    with pytest.raises(AttributeError, match=r"`scenario\.source\.read\(\)`"):
        _ = scenario.source.value

    with pytest.raises(AttributeError, match=r"value': `submission\.read\(.result.\)`"):
        _ = submission.value

    with pytest.raises(AttributeError, match=r"has no attribute 'timeout'$"):
        _ = submission.timeout


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
def test_runs_and_jobs_are_in_the_order_in_which_they_were_submitted(
    config: Configuration,
) -> None:
    scenario = tp.create_scenario(single(config, flows.double, 1))
    one, two = (scenario.submit(wait=True, force=True) for _ in range(2))

    pairs: list[Any] = [(one, two), (one.jobs[0], two.jobs[0])]

    for earlier, later in pairs:
        assert earlier < later
        assert earlier <= later
        assert earlier <= earlier  # what is tested
        assert later > earlier
        assert later >= earlier
        assert not later <= earlier
        assert sorted([later, earlier]) == [earlier, later]


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
    assert isinstance(job.error().__cause__, ConnectionResetError)  # type: ignore[union-attr]  # the same

    again = first.retry_failed()
    assert [one.error() for one in again.wait().jobs] == [None]

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
    assert len(submission.dag().text()) > len(scenario.dag().text())  # statuses
    assert (submission.force, submission.on_failure) == (True, "stop")
    assert scenario.tasks["work"].scenario_id == scenario.id
    assert submission.id in [one.id for one in orchestrator.submissions()]
    submission.result()


@pytest.mark.parametrize("mode", ["development", "standalone"])
def test_what_was_never_written_is_warned_of(
    mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    config = flows.configuration(mode)
    tries = Retry(3, wait=30)
    lacking, lacked = config.configure_data_node("a"), config.configure_data_node("b")
    middle = config.configure_data_node("middle")
    tasks = [
        config.configure_task(
            "reads", flows.add, [lacking, lacked], middle, retry=tries
        ),
        config.configure_task("needs", flows.double, middle),
        config.configure_task("other", dict),
    ]

    with tp.Orchestrator(config):
        scenario = tp.create_scenario(config.configure_scenario("s", tasks))
        submission = scenario.submit(wait=True)
        (told,) = [one for one in caplog.messages if "were never written" in one]
        assert submission.id in told
        assert "'a', 'b'" in told
        reads, needs, other = (submission.jobs[place] for place in _order(submission))
        assert submission.status == "FAILED"
        assert (reads.status, needs.status) == (Status.FAILED, Status.ABANDONED)
        assert other.status == Status.COMPLETED
        error = reads.error()
        assert error is not None
        assert isinstance(error.__cause__, NoData)
        assert error.__cause__.node == "a"
        assert "'a' was never written" in reads.reason

        assert scenario.a.read() is None
        assert "'a' was never written" in caplog.messages[-1]

        with pytest.raises(NoData, match="'a' was never written"):
            scenario.a.read_or_raise()

        with pytest.raises(NoData, match="version 5"):
            scenario.a.read(version=5)

        scenario.a.write(1)
        scenario.b.write(2)
        assert scenario.submit(wait=True).status == "COMPLETED"
        assert scenario.a.read_or_raise() == scenario.a.read() == 1


def _order(submission: tp.Submission) -> list[int]:
    names = [job.name for job in submission.jobs]
    return [names.index(name) for name in ("reads", "needs", "other")]


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
