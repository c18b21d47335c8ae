"""The state of a run: what the engine writes, without any handle."""

from __future__ import annotations

from functools import partial

import pytest

from asyncflow import events
from asyncflow.abc import Raised, Usage
from asyncflow.config import Configuration
from asyncflow.dispatch.job_listing import records
from asyncflow.errors import SubmissionCanceled, SubmissionFailed
from asyncflow.runs.restoring import lose
from asyncflow.runs.run import Ending, History
from asyncflow.runs.run_events import kind_of
from asyncflow.status import Status, SubmissionStatus
from asyncflow.worker.shortened import REASON
from tests.support.runs import USAGE, kinds, make

pytestmark = pytest.mark.smoke


def test_jobs_that_complete_are_counted_and_not_made(config: Configuration) -> None:
    run = make(config)
    run.wait_for(Status.PENDING, range(3), 1.5)
    run.completed([(place, USAGE) for place in range(3)], 3.0)
    run.finished(3.5)

    assert run.table.counts() == {Status.COMPLETED: 3}
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


@pytest.mark.parametrize(
    ("of_run", "of_jobs", "told"),
    [
        (None, ["operator said stop"], "operator said stop"),
        (None, ["one", "two", "one"], "one; two"),
        (None, [""], "no reason given"),
        ("of the run", ["of the job"], "of the run"),
    ],
)
def test_the_error_of_a_cancelled_run_says_why(
    config: Configuration, of_run: str | None, of_jobs: list[str], told: str
) -> None:
    run = make(config, len(of_jobs))

    for place, reason in enumerate(of_jobs):
        run.job(place).move(Status.CANCELED, 1.0, reason)

    if of_run is not None:
        run.ending.cancel(of_run)

    run.finished(2.0)
    error = run.error()

    assert isinstance(error, SubmissionCanceled)
    assert error.reason == told


def test_who_listens_is_told_each_change(config: Configuration) -> None:
    run = make(config, 1)
    told: list[int] = []

    def publish(which: object, first: int, end: int) -> None:
        assert which is run
        told.extend(range(first, end))

    run.publish = publish
    run.wait_for(Status.BLOCKED, [0], 1.0)
    run.completed([(0, USAGE)], 3.0)
    assert told == [1, 2, 3, 4]
    assert kind_of(1, run.history[1]) is None
    assert kind_of(2, run.history[2]) is events.JobPending


def test_the_end_is_told_once(config: Configuration) -> None:
    run = make(config, 1)
    calls: list[str] = []
    run.watchers.when_finished(partial(calls.append, "before"))
    run.ending.cancel("first")
    run.ending.cancel("second")
    lose(run, 5.0, "nobody knows")
    run.watchers.when_finished(partial(calls.append, "after"))

    assert calls == ["before", "after"]
    assert run.ending.cancel_reason == "first"
    assert isinstance(run.error(), SubmissionCanceled)
    assert run.record().finished == 5.0
    assert records(run) == []


pytestmark = pytest.mark.smoke


def test_a_run_that_just_goes_on() -> None:
    ending = Ending()
    assert (ending.reason, ending.failure, ending.is_left) == (None, None, False)


def test_the_first_of_each_kind_stays() -> None:
    ending = Ending()
    ending.interrupt("the end of the day")
    assert ending.reason == "the end of the day"
    ending.cancel("enough")
    ending.cancel("more than enough")
    ending.interrupt("another day")
    assert (ending.reason, ending.interrupt_reason) == ("enough", "the end of the day")

    first = OSError("first")
    ending.fail(first)
    ending.fail(OSError("second"))
    assert ending.failure is first


def test_what_goes_on_elsewhere_is_left() -> None:
    interrupted, failed, canceled = Ending(), Ending(), Ending()
    interrupted.interrupt("the end of the day")
    failed.fail(OSError())
    canceled.cancel("enough")
    assert (interrupted.is_left, failed.is_left, canceled.is_left) == (
        True,
        True,
        False,
    )


def test_a_reason_is_bounded() -> None:
    ending = Ending()
    ending.cancel("x" * 10 * REASON)
    assert len(ending.cancel_reason or "") <= 2 * REASON


def test_changes_come_back_in_their_order() -> None:
    history = History()
    history.append((None, None, 1.0, ""))
    history.append((3, Status.FAILED, 2.0, "no"))
    assert len(history) == 2
    assert history[0] == (None, None, 1.0, "")
    assert history[1] == (3, Status.FAILED, 2.0, "no")


@pytest.mark.parametrize("was_blocked", [True, False])
def test_the_whole_way_of_a_job_is_added_at_once(was_blocked: bool) -> None:
    history = History()
    before = Status.BLOCKED if was_blocked else Status.PENDING
    history.append_ends([(5, Usage(2.0, 1.0, 0.5, 1000))], 3.0, [before] * 6)
    changes = [history[index] for index in range(len(history))]
    assert changes == [
        *[(5, Status.PENDING, 2.0, "")] * was_blocked,
        (5, Status.RUNNING, 2.0, ""),
        (5, Status.COMPLETED, 3.0, ""),
    ]
