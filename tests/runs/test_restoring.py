"""What a store has of a run, or another process tells of it, is taken over: what is old,
or cannot be, is left.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from asyncflow.abc import Progress
from asyncflow.config import Configuration
from asyncflow.records import AttemptRecord, JobRecord
from asyncflow.runs import restoring
from asyncflow.runs.run import Run
from asyncflow.status import AttemptKind, Status
from tests.support.runs import Thing, kinds, make

pytestmark = pytest.mark.smoke


def ended(run: Run[Thing], place: int, status: Status) -> JobRecord:
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
    assert run.table.ended() == {0: Status.COMPLETED}


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


def running(config: Configuration) -> Run[Thing]:
    run = make(config, 1)
    restoring.went(run, 0, Status.PENDING, 1.0, "")
    restoring.went(run, 0, Status.RUNNING, 2.0, "")
    return run


def test_the_end_of_a_run_is_taken_over_with_its_reason(config: Configuration) -> None:
    run = make(config, 1)
    record = run.record()._replace(finished=5.0, reason="enough", orchestrator_id="O")
    restoring.restore(run, record, {})
    assert run.is_finished
    assert run.record().finished == 5.0
    assert (run.ending.cancel_reason, run.orchestrator_id) == ("enough", "O")


def test_a_wish_to_cancel_outlasts_a_look_at_the_store(config: Configuration) -> None:
    run = make(config, 1)
    run.ending.cancel("enough")
    restoring.restore(run, run.record()._replace(reason=""), {})
    assert run.ending.cancel_reason == "enough"
    restoring.restore(run, run.record()._replace(reason="", finished=9.0), {})
    assert run.ending.cancel_reason is None  # it came too late


def test_no_job_of_a_run_that_has_ended_waits_for_ever(config: Configuration) -> None:
    run = make(config, 2)
    completed = ended(run, 0, Status.COMPLETED)
    record = run.record()._replace(finished=5.0)
    restoring.restore(run, record, by_id(completed))
    assert run.job(0).record() == completed
    assert run.job(1).status is Status.CANCELED
    assert "no record" in run.job(1).reason
    assert kinds(run)[-1] == "SubmissionFinished"


def test_an_attempt_that_failed_elsewhere_is_followed_by_another(
    config: Configuration,
) -> None:
    run = running(config)
    job = run.job(0)
    attempt = AttemptRecord(1, 2.0, 3.0, "gone", "", AttemptKind.CRASHED)
    restoring.tried(run, 0, 1.5, "gone", 1, attempt)  # older than its start
    assert (job.status, job.attempt) == (Status.RUNNING, 1)
    restoring.tried(run, 0, 3.0, "gone", 1, attempt)
    assert (job.status, job.attempt) == (Status.PENDING, 2)
    assert job.attempts[0].kind is AttemptKind.CRASHED
    assert job.attempt_that_failed(3.0) == 1
    assert job.attempt_that_failed(3.5) == 1  # of another run that had its id
    assert job.attempt_that_failed(1.0) == 1
    assert kinds(run)[-1] == "JobAttemptFailed"


def test_the_progress_of_an_earlier_attempt_is_old(config: Configuration) -> None:
    run = running(config)
    restoring.came(run, 0, 2, Progress(1, 2), 3.0)
    assert run.job(0).progress is None
    restoring.came(run, 0, 1, Progress(1, 2), 3.0)
    assert run.job(0).progress == Progress(1, 2)


def test_an_end_elsewhere_is_final(config: Configuration) -> None:
    run = running(config)
    job = run.job(0)
    record = job.record()._replace(status=Status.COMPLETED, started=2.0, finished=3.0)
    restoring.ended_as(run, 0, record)
    restoring.ended_as(run, 0, record._replace(status=Status.FAILED))
    restoring.went(run, 0, Status.RUNNING, 4.0, "")
    assert (job.status, job.finished_at) == (Status.COMPLETED, 3.0)
    assert kinds(run).count("JobFinished") == 1
