"""What has happened, as frozen facts, in the order in which it happened."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest

from asyncflow import Orchestrator
from asyncflow.events import (
    Event,
    JobAttemptFailed,
    JobEvent,
    JobFinished,
    JobPending,
    JobProgressed,
    JobStarted,
    SubmissionFinished,
    SubmissionStarted,
)
from asyncflow.status import Status, SubmissionStatus
from tests.support import flows

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
JOB: dict[str, Any] = {
    "submission_id": "S",
    "at": AT,
    "job_id": "JOB_t_1",
    "task": "t",
}

EXAMPLES: list[Event] = [
    SubmissionStarted(submission_id="S", at=AT, entity_id="SCENARIO_c_1"),
    JobPending(submission_id="S", at=AT, job_id="JOB_t_1", task="t"),
    JobAttemptFailed(**JOB, attempt=1, reason="no"),
    JobProgressed(**JOB, attempt=1, done=1, total=None, message="é"),
    JobFinished(**JOB, status=Status.FAILED, reason="no"),
    SubmissionFinished(submission_id="S", at=AT, status=SubmissionStatus.FAILED),
]


def test_its_facts_are_plain_data() -> None:
    for event in EXAMPLES:
        plain = event.as_dict()
        assert json.loads(json.dumps(plain)) == plain
        assert plain["event"] == type(event).__name__
        assert plain["at"] == "2026-01-02T03:04:05+00:00"
        assert {*plain} == {"event", *attrs.fields_dict(type(event))}

    assert EXAMPLES[4].as_dict()["status"] == "FAILED"
    assert type(EXAMPLES[4].as_dict()["status"]) is str


def test_events_of_one_kind_with_the_same_facts_are_equal() -> None:
    one = JobStarted(submission_id="S", at=AT, job_id="JOB_t_1", task="t")
    other = JobStarted(submission_id="S", at=AT, job_id="JOB_t_1", task="t")
    assert (one == other, hash(one) == hash(other)) == (True, True)
    assert one != EXAMPLES[1]
    assert one != attrs.evolve(one, task="u")

    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        one.task = "u"  # type: ignore[misc]  # it is frozen


@pytest.mark.anyio
@pytest.mark.blocking_jobs
async def test_they_come_in_the_order_in_which_it_happened() -> None:
    config = flows.configuration("development")
    cfg = flows.chain(config, flows.double, flows.fail, flows.double)

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        events = [event async for event in scenario.submit()]

    kinds = [type(event) for event in events]
    assert (kinds[0], kinds[-1]) == (SubmissionStarted, SubmissionFinished)
    of_task = {
        task: [
            type(event)
            for event in events
            if isinstance(event, JobEvent) and event.task == task
        ]
        for task in ("t0", "t1", "t2")
    }
    ran = [JobPending, JobStarted, JobFinished]
    assert of_task == {"t0": ran, "t1": ran, "t2": [JobFinished]}
    assert [event.at for event in events] == sorted(event.at for event in events)
