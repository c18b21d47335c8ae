"""The events of a run: which change is which, and that nobody pays who reads none."""

from __future__ import annotations

import pytest

from asyncflow import events
from asyncflow.abc import Progress
from asyncflow.config import Configuration
from asyncflow.runs.run import Change
from asyncflow.runs.run_events import event_of, event_of_report, kind_of
from asyncflow.runs.watchers import Report
from asyncflow.status import Status
from tests.support.runs import make

pytestmark = pytest.mark.smoke


@pytest.mark.parametrize(
    ("index", "change", "kind"),
    [
        (0, (None, None, 1.0, ""), events.SubmissionStarted),
        (7, (None, None, 1.0, ""), events.SubmissionFinished),
        (1, (0, Status.BLOCKED, 1.0, ""), None),
        (1, (0, Status.PENDING, 1.0, ""), events.JobPending),
        (1, (0, Status.PENDING, 1.0, "it crashed"), events.JobAttemptFailed),
        (1, (0, Status.RUNNING, 1.0, ""), events.JobStarted),
        (1, (0, Status.SKIPPED, 1.0, "the same"), events.JobFinished),
        (1, (0, Status.CANCELED, 1.0, "enough"), events.JobFinished),
    ],
)
def test_a_change_is_an_event_or_none(
    index: int, change: Change, kind: type[events.Event] | None
) -> None:
    assert kind_of(index, change) is kind


def test_an_event_has_the_facts_of_its_change(config: Configuration) -> None:
    run = make(config, 1)
    job = run.job(0)
    job.move(Status.PENDING, 1.0)
    job.move(Status.RUNNING, 2.0)
    job.move(Status.FAILED, 3.0, "no")
    run.finished(4.0)
    found = [event_of(run, index) for index in range(len(run.history))]
    told = [event.as_dict() for event in found if event is not None]
    assert [facts["event"] for facts in told] == [
        "SubmissionStarted",
        "JobPending",
        "JobStarted",
        "JobFinished",
        "SubmissionFinished",
    ]
    assert told[0]["entity_id"] == run.entity.id
    assert (told[3]["job_id"], told[3]["task"]) == (job.id, job.name)
    assert (told[3]["status"], told[3]["reason"]) == ("FAILED", "no")
    assert told[4]["status"] == run.status


def test_a_report_is_an_event_of_its_attempt(config: Configuration) -> None:
    job = make(config, 1).job(0)
    event = event_of_report(Report(job, 2, Progress(1.0, 4.0, "a quarter"), 5.0))
    assert (event.job_id, event.task, event.attempt) == (job.id, job.name, 2)
    assert (event.done, event.total, event.message) == (1.0, 4.0, "a quarter")
    assert event.at.timestamp() == 5.0
