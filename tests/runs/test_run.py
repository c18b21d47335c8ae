"""The state of a run: what the engine writes, without any handle."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import attrs
import pytest

from asyncflow import events
from asyncflow.abc import Raised, Usage
from asyncflow.config import Configuration
from asyncflow.config.dag import Dag
from asyncflow.config.sections import TaskConfig
from asyncflow.errors import SubmissionCanceled, SubmissionFailed
from asyncflow.options import RunOptions
from asyncflow.records import AttemptRecord, JobRecord
from asyncflow.runs import restoring
from asyncflow.runs.run import Run
from asyncflow.status import AttemptKind, Status, SubmissionStatus
from tests.support import flows

pytestmark = pytest.mark.smoke


@attrs.frozen
class Thing:
    """What a run has to know of what was submitted: no handle."""

    id: str
    scenario_id: str


@attrs.frozen
class Work:
    """What a run has to know of the task of a job: no handle."""

    id: str
    config: TaskConfig


def make(config: Configuration, count: int = 3) -> Run[Thing, Work]:
    dag = Dag.of(flows.fan(config, flows.double, count).task_configs)
    return Run(
        key="k",
        entity=Thing("SCENARIO_s_1", "SCENARIO_s_1"),
        dag=dag,
        options=RunOptions(),
        submitted=1.0,
        first_tasks=[Work(f"TASK_{task.id}_s", task) for task in dag.tasks],
    )


def kinds(run: Run[Thing, Work]) -> list[str]:
    made = map(run.event, range(run.length))
    return [type(event).__name__ for event in made if event is not None]


USAGE = Usage(2.0, 1.0, 0.5, 1_000)


def test_jobs_that_complete_are_counted_and_not_made(config: Configuration) -> None:
    run = make(config)
    run.wait_for(Status.PENDING, range(3), 1.5)
    run.completed([(place, USAGE) for place in range(3)], 3.0)
    run.finished(3.5)

    assert run.counts() == {Status.COMPLETED: 3}
    assert run.status is SubmissionStatus.COMPLETED
    assert run.table.made == {}
    job = run.job(1)
    assert (job.status, job.run_at, job.finished_at) == (Status.COMPLETED, 2.0, 3.0)
    assert job.usage == USAGE
    assert list(run.table.made) == [1]
    assert kinds(run) == [
        "SubmissionStarted",
        *["JobPending"] * 3,
        *["JobStarted", "JobFinished"] * 3,
        "SubmissionFinished",
    ]


def test_a_failure_is_the_error_of_the_run(config: Configuration) -> None:
    run = make(config, 1)
    run.is_seen = True
    job = run.job(0)
    job.move(Status.PENDING, 1.0)
    job.move(Status.RUNNING, 2.0)
    job.took(Raised("ValueError: no", "Traceback ...", None))
    job.move(Status.FAILED, 3.0, "ValueError: no")
    run.finished(3.0)

    assert isinstance(run.error(), SubmissionFailed)
    assert job.stacktrace == "Traceback ..."

    with pytest.raises(ValueError, match="cannot become RUNNING"):
        job.move(Status.RUNNING, 4.0)


def test_a_job_as_it_was_then(config: Configuration) -> None:
    run = make(config, 1)
    job = run.job(0)
    job.move(Status.PENDING, 1.0)
    job.move(Status.RUNNING, 2.0)
    job.try_again(3.0, AttemptKind.CRASHED, "gone")
    job.move(Status.RUNNING, 4.0)

    then = run.job_at(2)
    assert then is not None
    assert (then.status, then.attempt, then.run_at) == (Status.RUNNING, 1, 2.0)
    assert (job.status, job.attempt, job.run_at) == (Status.RUNNING, 2, 4.0)
    failed = run.event(3)
    assert isinstance(failed, events.JobAttemptFailed)
    assert (failed.attempt, failed.reason) == (1, "gone")


def test_who_listens_is_told_each_change(config: Configuration) -> None:
    run = make(config, 1)
    told: list[int] = []
    run.publish = lambda which, index: told.append(index) if which is run else None
    run.wait_for(Status.BLOCKED, [0], 1.0)
    run.completed([(0, USAGE)], 3.0)
    assert told == [1, 2, 3, 4]
    assert run.kind(1) is None
    assert run.kind(2) is events.JobPending


def test_the_end_is_told_once(config: Configuration) -> None:
    run = make(config, 1)
    calls: list[str] = []
    run.when_finished(partial(calls.append, "before"))
    run.canceled_for("first")
    run.canceled_for("second")
    run.lost(5.0, "nobody knows")
    run.when_finished(partial(calls.append, "after"))

    assert calls == ["before", "after"]
    assert run.cancel_reason == "first"
    assert isinstance(run.error(), SubmissionCanceled)
    assert run.record().finished == 5.0
    assert run.records_under_way() == []


def ended(run: Run[Thing, Work], place: int, status: Status) -> JobRecord:
    job = run.job(place)
    attempt = AttemptRecord(1, 2.0, 2.5, "gone", "", AttemptKind.CRASHED)
    return job.record()._replace(
        status=status, started=3.0, finished=4.0, attempts=(attempt,)
    )


def by_id(*records: JobRecord) -> Mapping[str, JobRecord]:
    return {record.id: record for record in records}


def test_what_a_store_has_is_taken_over_once(config: Configuration) -> None:
    run = make(config, 2)
    record = ended(run, 0, Status.COMPLETED)
    restoring.restore(run, run.record(), by_id(record))
    restoring.restore(run, run.record(), by_id(record))

    assert run.job(0).record() == record
    assert kinds(run) == [
        *["SubmissionStarted", "JobStarted", "JobAttemptFailed", "JobStarted"],
        "JobFinished",
    ]
    assert run.ended() == {0: Status.COMPLETED}


def test_what_has_not_ended_begins_anew(config: Configuration) -> None:
    run = make(config, 2)
    restoring.went(run, 0, Status.RUNNING, 2.0, "")  # it was not known to be ready
    assert run.job(0).status is Status.SUBMITTED
    restoring.went(run, 0, Status.PENDING, 1.5, "")
    restoring.went(run, 0, Status.RUNNING, 2.0, "")
    record = ended(run, 1, Status.FAILED)
    restoring.resume(run, "ORCHESTRATOR_2", by_id(record))

    assert run.job(0).status is Status.SUBMITTED
    assert run.job(0).run_at is None
    assert run.job(1).status is Status.FAILED
    assert run.is_adopted
    assert run.orchestrator_id == "ORCHESTRATOR_2"
