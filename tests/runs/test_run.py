"""The state of a run: what the engine writes, without any handle."""

from __future__ import annotations

from functools import partial

import pytest

from asyncflow import events
from asyncflow.abc import Raised
from asyncflow.config import Configuration
from asyncflow.dispatch.under_way import records
from asyncflow.errors import SubmissionCanceled, SubmissionFailed
from asyncflow.runs.restoring import lose
from asyncflow.status import Status, SubmissionStatus
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


def test_who_listens_is_told_each_change(config: Configuration) -> None:
    run = make(config, 1)
    told: list[int] = []
    run.publish = lambda which, index: told.append(index) if which is run else None
    run.wait_for(Status.BLOCKED, [0], 1.0)
    run.completed([(0, USAGE)], 3.0)
    assert told == [1, 2, 3, 4]
    assert run.history.kind(1) is None
    assert run.history.kind(2) is events.JobPending


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
