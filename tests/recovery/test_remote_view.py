"""What the owner of a run tells of it is taken over, all of a line or nothing of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from asyncflow import Configuration
from asyncflow.abc import Progress
from asyncflow.entities.submission import Run
from asyncflow.recovery.remote_view import RemoteView, Unreadable
from asyncflow.status import AttemptKind, Status
from tests.support import flows
from tests.support.entities import Drives, make_run, make_scenario

pytestmark = pytest.mark.anyio


@pytest.fixture
async def run(config: Configuration) -> Run:
    return make_run(await make_scenario(flows.fan(config, flows.double, 2)))


@pytest.fixture
def view(run: Run) -> RemoteView:
    found = RemoteView(run, Drives(is_any=False))
    found.of("ORCHESTRATOR_1")
    return found


def line(*news: Sequence[Any], **changes: Any) -> bytes:
    told = {"news": news, "next": 5, "is_all": True, "reason": None}
    return json.dumps({**told, **changes}).encode()


RUNS = [0, "PENDING", 1.0, ""], [0, "RUNNING", 2.0, ""]


async def test_news_are_taken_over_in_their_order(run: Run, view: RemoteView) -> None:
    view.take(line(*RUNS, [0, "", 2.5, "", 1, [1, 4, "rows"]], is_all=False))
    assert run.job(0).status is Status.RUNNING
    assert run.job(0).progress == Progress(1.0, 4.0, "rows")
    assert view.next == 5
    assert not view.has_come.is_set()
    view.take(line(next=6))
    assert view.has_come.is_set()
    assert view.next == 6


async def test_an_attempt_that_failed_is_followed_by_another(
    run: Run, view: RemoteView
) -> None:
    kept = [1, 2.0, 3.0, "gone", "", "CRASHED", 1]
    view.take(line(*RUNS, [0, "PENDING", 3.0, "gone", 1, kept]))
    job = run.job(0)
    assert (job.status, job.attempt) == (Status.PENDING, 2)
    assert job.attempts[0].kind is AttemptKind.CRASHED


async def test_the_end_of_a_job_comes_with_its_record(
    run: Run, view: RemoteView
) -> None:
    record = run.job(1).record()
    record = record._replace(
        status=Status.FAILED, reason="no", started=2.0, finished=3.0
    )
    view.take(line([1, "FAILED", 3.0, "no", record]))
    assert (run.job(1).status, run.job(1).reason) == (Status.FAILED, "no")


async def test_a_run_is_cancelled_elsewhere(run: Run, view: RemoteView) -> None:
    view.take(line(reason="enough"))
    assert run.ending.cancel_reason == "enough"


@pytest.mark.parametrize(
    "bad",
    [
        b"no json",
        b"[]",
        b"{}",
        line(next="5"),
        line(reason=5),
        line(*RUNS, [2, "RUNNING", 2.0, ""]),  # there is no such job
        line(*RUNS, [0, "DANCING", 2.0, ""]),
        line(*RUNS, [0, "RUNNING", "now", ""]),
        line(*RUNS, [0, "RUNNING", 1e300, ""]),
        line(*RUNS, [0, "FAILED", 3.0, "no"]),  # without its record
        line(*RUNS, [0, "FAILED", 3.0, "no", ["JOB_1", "T", "S", "COMPLETED"]]),
        line(*RUNS, [0, "", 3.0, "", 1, [1]]),
    ],
)
async def test_of_a_line_without_sense_nothing_is_taken(
    run: Run, view: RemoteView, bad: bytes
) -> None:
    with pytest.raises(Unreadable):
        view.take(bad)

    assert run.table.counts() == {Status.SUBMITTED: 2}
    assert view.next == 0


async def test_who_is_told_otherwise_takes_nothing(run: Run) -> None:
    view = RemoteView(run, Drives(is_any=True))
    view.take(line(*RUNS, reason="enough"))
    assert run.table.counts() == {Status.SUBMITTED: 2}
    assert run.ending.cancel_reason is None
    assert not view.has_come.is_set()


async def test_another_owner_begins_anew(run: Run, view: RemoteView) -> None:
    view.take(line(*RUNS))
    view.tells_end_only = True
    view.of("ORCHESTRATOR_1")
    assert (view.next, view.tells_end_only) == (5, True)
    view.of("ORCHESTRATOR_2")
    assert (view.next, view.tells_end_only) == (0, False)
    assert run.job(0).status is Status.SUBMITTED
