"""The history of a run: its changes, and which events these are."""

from __future__ import annotations

import pytest

from asyncflow import events
from asyncflow.runs.history import Change, History, kind_of
from asyncflow.status import Status


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
    history.append_end(5, 2.0, 3.0, was_blocked=was_blocked)
    changes = [history[index] for index in range(len(history))]
    assert changes == [
        *[(5, Status.PENDING, 2.0, "")] * was_blocked,
        (5, Status.RUNNING, 2.0, ""),
        (5, Status.COMPLETED, 3.0, ""),
    ]


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
