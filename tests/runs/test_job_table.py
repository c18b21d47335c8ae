"""Jobs are made when somebody asks for them: what they tell is the same."""

from __future__ import annotations

import pytest

from asyncflow import JobFinished, JobPending, JobStarted, Orchestrator, Status
from asyncflow.entities.job import state_of
from asyncflow.entities.scenario import Scenario
from asyncflow.entities.submission import job_handle_of, run_of
from asyncflow.executors.process.executor import ProcessExecutor
from tests.support import flows

pytestmark = pytest.mark.anyio


async def short(orchestrator: Orchestrator, count: int = 6) -> Scenario:
    """Return a scenario of jobs that are known to be short."""
    scenario = await orchestrator.create_scenario(
        flows.fan(orchestrator.config, flows.double, count)
    )
    await flows.make_short(orchestrator, scenario)
    return scenario


@pytest.mark.smoke
async def test_a_job_that_nobody_asks_for_is_not_made(
    orchestrator: Orchestrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        ProcessExecutor, "bound", 60.0
    )  # none is told to run, however slow it is
    scenario = await short(orchestrator)
    submission = await scenario.submit()
    assert not run_of(submission).table.made
    assert submission.counts() == {Status.COMPLETED: 6}

    last = run_of(submission).job(5)
    assert list(run_of(submission).table.made) == [5]
    assert state_of(submission.jobs[5]) is last
    assert submission.jobs[5] is submission.jobs[5]
    assert submission.jobs[4] is submission.jobs[4]


async def test_a_job_is_the_same_whenever_it_is_made(
    orchestrator: Orchestrator,
) -> None:
    scenario = await short(orchestrator)
    submission = scenario.submit()
    run = run_of(submission)
    early = job_handle_of(run, run.job(2))
    assert early.status is Status.PENDING
    assert early.usage is None
    await submission

    records = {record.id: record for record in await orchestrator.store.jobs()}

    for job in submission.jobs:
        assert job.status is Status.COMPLETED
        assert job.attempt == 1
        assert job.usage is not None
        assert job.usage.wall >= 0
        assert job.run_at is not None
        assert job.finished_at is not None
        assert job.submitted_at <= job.finished_at
        assert job.execution_duration is not None
        assert state_of(job).record() == records[job.id]

    assert submission.jobs[2] is early


async def test_the_events_of_jobs_that_were_not_made(
    orchestrator: Orchestrator,
) -> None:
    scenario = await short(orchestrator, 3)
    submission = await scenario.submit()
    made = await scenario.submit().wait()
    assert len(made.jobs) == 3

    for one in (submission, made):
        events = [event async for event in one]
        kinds = [type(event).__name__ for event in events]
        assert kinds[:4] == ["SubmissionStarted", *["JobPending"] * 3]
        assert kinds[-1] == "SubmissionFinished"

        for job in one.jobs:
            about = [one for one in events if getattr(one, "job_id", "") == job.id]
            assert [type(one) for one in about] == [JobPending, JobStarted, JobFinished]
            assert about[1].at == job.run_at
            assert about[2].at == job.finished_at


async def test_a_chain_of_which_no_job_was_made(
    orchestrator: Orchestrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        ProcessExecutor, "bound", 60.0
    )  # none is told to run, however slow it is
    functions = [flows.double] * 4
    scenario = await orchestrator.create_scenario(
        flows.chain(orchestrator.config, *functions)
    )
    await flows.make_short(orchestrator, scenario)
    submission = await scenario.submit()
    assert not run_of(submission).table.made
    assert await scenario.n4.read() == 16

    events = [event async for event in submission]
    assert [type(event).__name__ for event in events[1:-1]] == [
        "JobPending",
        "JobStarted",
        "JobFinished",
    ] * 4


async def test_listeners_hear_of_jobs_that_nobody_asks_for(
    orchestrator: Orchestrator,
) -> None:
    scenario = await short(orchestrator)

    async with orchestrator.events() as events:
        submission = scenario.submit()
        heard = []

        async for event in events:
            heard.append(event)

            if sum(isinstance(one, JobFinished) for one in heard) == 6:
                break

    finished = [one for one in heard if isinstance(one, JobFinished)]
    assert {one.status for one in finished} == {"COMPLETED"}
    assert {one.job_id for one in finished} == {job.id for job in submission.jobs}
