"""The state of one job: its statuses, its attempts, and what is kept of them."""

from __future__ import annotations

import pytest

from asyncflow import events
from asyncflow.abc import (
    Crashed,
    Killed,
    Log,
    Printed,
    Progress,
    Raised,
    Returned,
    Usage,
)
from asyncflow.config import Configuration
from asyncflow.errors import JobFailed, RemoteTraceback
from asyncflow.records import LogRecord
from asyncflow.runs.job import JobState
from asyncflow.status import AttemptKind, Status
from asyncflow.worker.codec import dumps
from tests.support.runs import USAGE, make

pytestmark = pytest.mark.smoke


@pytest.fixture
def job(config: Configuration) -> JobState:
    """Give a job that runs since 2.0."""
    found = make(config, 1).job(0)
    found.move(Status.PENDING, 1.0)
    found.move(Status.RUNNING, 2.0)
    return found


def test_a_job_as_it_was_then(config: Configuration) -> None:
    run = make(config, 1)
    job = run.job(0)
    job.move(Status.PENDING, 1.0)
    job.move(Status.RUNNING, 2.0)
    job.try_again(3.0, AttemptKind.CRASHED, "gone")
    job.move(Status.RUNNING, 4.0)

    _, status, at, reason = run.history[2]
    assert status is not None
    then = job.as_of(status, at, reason)
    assert (then.status, then.attempt, then.run_at) == (Status.RUNNING, 1, 2.0)
    assert (job.status, job.attempt, job.run_at) == (Status.RUNNING, 2, 4.0)
    failed = run.event(3)
    assert isinstance(failed, events.JobAttemptFailed)
    assert (failed.attempt, failed.reason) == (1, "gone")


def test_a_status_that_the_table_has_not_is_refused(job: JobState) -> None:
    job.move(Status.COMPLETED, 3.5)
    assert (job.is_finished, job.execution_duration) == (True, 1.5)

    with pytest.raises(ValueError, match="cannot become RUNNING"):
        job.move(Status.RUNNING, 4.0)


def test_its_error_is_chained_to_that_of_the_function(job: JobState) -> None:
    job.took(Raised("ValueError: no", "Traceback: there", dumps(ValueError("no"))))
    job.move(Status.FAILED, 3.0, "ValueError: no")
    error = job.error()
    assert isinstance(error, JobFailed)
    assert isinstance(error.__cause__, ValueError)
    assert isinstance(error.__cause__.__cause__, RemoteTraceback)
    assert "Traceback: there" in str(error.__cause__.__cause__)


def test_an_error_that_cannot_be_loaded_is_its_traceback(job: JobState) -> None:
    job.took(Raised("Odd: no", "Traceback: there", b"no pickle"))
    assert isinstance(job.error().__cause__, RemoteTraceback)


@pytest.mark.parametrize("outcome", [Crashed(1), Killed(), Returned(())])
def test_without_an_error_of_the_function_there_is_no_cause(
    job: JobState, outcome: Crashed | Killed | Returned
) -> None:
    job.took(outcome)
    assert job.error().__cause__ is None
    assert job.stacktrace == ""


def test_where_it_was_when_it_was_killed_is_its_traceback(job: JobState) -> None:
    job.took(Killed(stack="in a loop"))
    assert job.stacktrace == "in a loop"


def test_the_outputs_of_its_attempts_are_joined(job: JobState) -> None:
    job.took(Raised("no", "", None, Printed("first\n", 3)))
    job.try_again(3.0, AttemptKind.RAISED, "no")
    job.move(Status.RUNNING, 4.0)
    job.took(Raised("no", "", None, Printed("second\n", 4)))
    (record,) = job.records_of_output()
    assert record == LogRecord(job.id, "first\n\n--- attempt 2 ---\nsecond\n", 7)
    job.move(Status.FAILED, 5.0, "no")
    assert job.records_of_output() == []


def test_where_its_attempt_ended_in_the_log_is_known(job: JobState) -> None:
    job.log = Log("/a.log", 100, -1)
    job.took(Returned((), Printed("x" * 20, 0, 20)))
    assert job.ended_log == (1, Log("/a.log", 100, 120))
    job.ended_log = None
    job.took(Returned((), Printed("x" * 20, 0, None)))
    assert job.ended_log is None


def test_waiting_again_without_an_attempt_forgets_its_progress(job: JobState) -> None:
    job.reported(Progress(1, 2), 2.5)
    job.move_back(3.0, "its input was replaced")
    assert (job.status, job.attempt, job.progress) == (Status.PENDING, 1, None)


def test_what_is_kept_of_it_brings_it_back(
    job: JobState, config: Configuration
) -> None:
    job.try_again(3.0, AttemptKind.RAISED, "no")
    job.move(Status.RUNNING, 4.0)
    job.took(Raised("no", "Traceback", None, None, Usage(4.0, 1.0, 0.5, 1_000)))
    job.move(Status.FAILED, 5.0, "no")
    again = make(config, 1).job(0)
    again.restore(job.record())
    assert again.record() == job.record()
    assert again.usage == Usage(4.0, 1.0, 0.5, 1_000)
    assert (again.attempt, again.stacktrace) == (2, "Traceback")


def test_its_facts_survive_that_nobody_uses_it(
    job: JobState, config: Configuration
) -> None:
    job.took(Returned((), None, USAGE))
    job.move(Status.COMPLETED, 3.0)
    again = make(config, 1).job(0)
    again.restore_facts(job.facts())
    assert again.record() == job.record()
    assert again.usage == USAGE
