"""The state of one job: its statuses, its attempts, and what is kept of them."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from anyio import fail_after

from asyncflow import JobAttemptFailed, Orchestrator, Retry, events
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
from asyncflow.records import AttemptRecord, LogRecord
from asyncflow.runs.job import FIRST, LAST, SHORT, TRACEBACKS, JobState, added
from asyncflow.runs.run_events import event_of
from asyncflow.status import AttemptKind, Status
from asyncflow.worker.codec import dumps
from asyncflow.worker.shortened import TRACEBACK
from tests.support import flows
from tests.support.flows import configuration
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
    failed = event_of(run, 3)
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


MANY = 250

counter = itertools.count(1)


def failed(count: int, traceback: str = "t") -> tuple[AttemptRecord, ...]:
    """Return what is kept after so many attempts, each third one a crash."""
    kept: tuple[AttemptRecord, ...] = ()

    for number in range(1, count + 1):
        kind = AttemptKind.RAISED if number % 3 else AttemptKind.CRASHED
        facts = number, None, float(number), "why", f"{number} {traceback}"
        kept = added(kept, AttemptRecord(*facts, kind))

    return kept


@pytest.mark.smoke
def test_few_are_all_kept() -> None:
    assert [one.number for one in failed(FIRST + LAST)] == list(range(1, 101))


def test_of_many_the_first_and_the_last_are_kept() -> None:
    numbers = [one.number for one in failed(1000)]
    assert numbers == [*range(1, FIRST + 1), *range(1001 - LAST, 1001)]


def test_crashes_are_counted_that_are_not_kept() -> None:
    kept = failed(1000)
    assert [one.crashes for one in kept[:6]] == [0, 0, 1, 1, 1, 2]
    assert kept[-1].crashes == 333


def test_tracebacks_are_bounded_together() -> None:
    kept = failed(1000, "x" * (TRACEBACK - 10))
    sizes = [len(one.traceback) for one in kept]
    assert sum(sizes) <= TRACEBACKS + SHORT * len(kept)
    assert sizes[0] > SHORT < sizes[-1]
    assert kept[-1].traceback.startswith("1000 xxx")


def fail_often(source: int) -> int:
    if next(counter) <= MANY:
        raise ValueError("not yet")

    return source


@pytest.mark.anyio
async def test_a_job_that_is_tried_often_counts_its_attempts(tmp_path: Path) -> None:
    config = configuration(workers=1)
    cfg = flows.single(
        config, fail_often, executor="thread", retry=Retry(MANY + 1, wait=0.0)
    )

    async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
        with fail_after(50):
            submission = await (await orchestrator.create_scenario(cfg)).submit()

        (job,) = submission.jobs
        assert job.attempt == MANY + 1
        assert [one.number for one in job.attempts][FIRST] == MANY + 1 - LAST
        (record,) = await orchestrator.jobs()
        assert record.attempts == job.attempts
        numbers = [
            event.attempt
            async for event in submission
            if isinstance(event, JobAttemptFailed)
        ]
        assert numbers == list(range(1, MANY + 1))
