"""A status is equal to its text, wherever it is found."""

from __future__ import annotations

import json
from typing import Any

import pytest

from asyncflow import (
    Configuration,
    JobFinished,
    JobStarted,
    Orchestrator,
    Status,
    SubmissionFinished,
    SubmissionStatus,
)

pytestmark = pytest.mark.anyio


@pytest.mark.blocking_jobs
@pytest.mark.parametrize("store", [":memory:", "x.db"], ids=["memory", "sqlite"])
async def test_each_is_equal_to_its_text(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, store: str
) -> None:
    monkeypatch.chdir(tmp_path)
    config = Configuration()
    task = config.configure_task(
        "double",
        lambda nb: nb * 2,
        config.configure_data_node("nb", default_data=1),
        config.configure_data_node("doubled"),
    )
    cfg = config.configure_scenario("doubling", task)

    async with Orchestrator(config=config, store=store) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = scenario.submit()
        events = [event async for event in submission]
        jobs: list[Any] = [*submission.jobs, *await orchestrator.jobs()]
        runs: list[Any] = [submission, *await orchestrator.submissions()]

    ends = [event for event in events if isinstance(event, JobFinished)]
    jobs_ends = [one.status for one in (*jobs, *ends)]
    run_ends = [one.status for one in runs]
    run_ends += [one.status for one in events if isinstance(one, SubmissionFinished)]
    assert len(jobs_ends) == len(run_ends) == 3

    for status in jobs_ends:
        assert status is Status.COMPLETED

    for run_status in run_ends:
        assert run_status is SubmissionStatus.COMPLETED

    for one in (*jobs_ends, *run_ends):
        assert one == "COMPLETED"
        assert f"{one}" == str(one) == "COMPLETED"
        assert {one: 1}["COMPLETED"] == 1
        assert json.dumps(one) == '"COMPLETED"'

    plain = [json.loads(json.dumps(event.as_dict())) for event in events]
    assert plain == [event.as_dict() for event in events]
    assert plain[-1]["event"] == "SubmissionFinished"
    assert plain[-1]["status"] == "COMPLETED"
    (started,) = (event for event in events if isinstance(event, JobStarted))
    assert started.as_dict() == {
        "event": "JobStarted",
        "submission_id": submission.id,
        "at": started.at.isoformat(),
        "job_id": submission.jobs[0].id,
        "task": "double",
    }


def fail(value: object) -> None:
    raise ValueError(f"not {value}")


@pytest.mark.smoke
@pytest.mark.blocking_jobs
async def test_times_are_dates_and_facts_are_plain(tmp_path: Any) -> None:
    config = Configuration()
    node = config.configure_data_node("nb", default_data=1)
    task = config.configure_task("fails", fail, node, retry=2)
    cfg = config.configure_scenario("failing", task)

    async with Orchestrator(config, tmp_path / "x.db") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg, owner={"who": ("ann", 1j)})
        submission = await scenario.submit().wait()
        (job,) = submission.jobs
        (made,) = await orchestrator.scenarios()
        (run,) = await orchestrator.submissions()
        (record,) = await orchestrator.jobs()

    assert made.creation_date == scenario.creation_date
    assert (run.submitted_at, run.finished_at) == (
        submission.submitted_at,
        submission.finished_at,
    )
    assert (record.run_at, record.finished_at) == (job.run_at, job.finished_at)
    (attempt,) = record.attempts
    assert attempt.started_at is not None
    assert attempt.started_at <= attempt.ended_at
    assert job.usage is not None
    assert job.usage.started_at.tzinfo is not None

    for one in (made, run, record):
        assert json.loads(json.dumps(one.as_dict())) == one.as_dict()

    plain = record.as_dict()
    assert plain["run_at"] == record.run_at.isoformat() if record.run_at else None
    assert plain["attempts"][0]["ended_at"] == attempt.ended_at.isoformat()
    assert plain["status"] == "FAILED"
    assert made.as_dict()["properties"] == {"owner": {"who": ["ann", "1j"]}}
