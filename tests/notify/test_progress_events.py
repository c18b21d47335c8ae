"""The progress of jobs, as events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from anyio import Event as Signal
from anyio import fail_after

from asyncflow import (
    Configuration,
    Event,
    JobAttemptFailed,
    JobEvent,
    JobFinished,
    JobPending,
    JobProgressed,
    JobStarted,
    Orchestrator,
    Status,
    Submission,
    SubmissionFinished,
    SubmissionStarted,
    current_job,
    report,
)
from asyncflow.entities.submission import run_of
from tests.support import flows
from tests.support.flows import chain, configuration, single

pytestmark = pytest.mark.anyio

PATIENCE = 40.0
"""How long whatever may take, in seconds."""


@pytest.fixture
def config() -> Configuration:
    return configuration(workers=1)


@pytest.fixture
async def orchestrator(config: Configuration) -> AsyncIterator[Orchestrator]:
    async with Orchestrator(config) as opened:
        yield opened


def report_and_wait(path: str) -> None:
    """Report, and wait until a file is there; do nothing without a path."""
    if path:
        report(1, 3, "one")
        flows.wait_for_file(path)


async def report_many(_: object) -> None:
    """Report more often than anybody can read; no report is left out."""
    for count in range(1, 101):
        report(count, count)


def done(read: list[Event]) -> list[float | None]:
    return [event.done for event in read if isinstance(event, JobProgressed)]


@pytest.mark.smoke
async def test_a_watcher_sees_progress_while_the_job_runs(
    config: Configuration, orchestrator: Orchestrator, tmp_path: Path
) -> None:
    path = tmp_path / "go"
    cfg = single(config, report_and_wait, str(path))
    scenario = await orchestrator.create_scenario(cfg)
    submission = scenario.submit()
    (job,) = submission.jobs
    read: list[Event] = []

    with fail_after(PATIENCE):
        async for event in submission:
            read.append(event)

            if isinstance(event, JobProgressed):
                assert job.status is Status.RUNNING
                path.touch()

    assert [type(event) for event in read] == [
        SubmissionStarted,
        JobPending,
        JobStarted,
        JobProgressed,
        JobFinished,
        SubmissionFinished,
    ]
    news = read[3]
    assert isinstance(news, JobProgressed)
    assert (news.done, news.total, news.message) == (1, 3, "one")
    assert news.attempt == 1
    assert (news.job_id, news.task) == (job.id, "work")
    assert read[2].at <= news.at <= read[4].at

    again = [event async for event in submission]
    assert again == [event for event in read if event is not news]


async def test_a_slow_watcher_sees_the_newest_state(
    config: Configuration, orchestrator: Orchestrator
) -> None:
    scenario = await orchestrator.create_scenario(single(config, report_many))

    with fail_after(PATIENCE):
        read = [event async for event in scenario.submit()]

    assert done(read) == [100]
    kinds = [type(event) for event in read]
    assert kinds.index(JobStarted) < kinds.index(JobProgressed)
    assert kinds.index(JobProgressed) < kinds.index(JobFinished)


async def test_progress_is_kept_nowhere(
    config: Configuration, orchestrator: Orchestrator
) -> None:
    scenario = await orchestrator.create_scenario(single(config, report_many))
    submission = scenario.submit()

    async for event in submission:
        if isinstance(event, JobProgressed):
            break

    await submission
    assert len(run_of(submission).history) == 5
    assert done([event async for event in submission]) == []


async def test_who_stops_watching_costs_nothing_more(
    config: Configuration, orchestrator: Orchestrator
) -> None:
    go = Signal()

    async def wait(_: object) -> None:
        await go.wait()

    scenario = await orchestrator.create_scenario(single(config, wait))
    submission = scenario.submit()
    watcher = aiter(submission)

    def watchers() -> int:
        return len(run_of(submission).watchers._reports)

    await anext(watcher)
    assert watchers() == 1
    await watcher.aclose()  # type: ignore[attr-defined]  # it is a generator
    assert watchers() == 0
    go.set()
    await submission


async def test_a_reader_of_all_runs_gets_the_newest_state(
    config: Configuration, orchestrator: Orchestrator
) -> None:
    scenario = await orchestrator.create_scenario(single(config, report_many))

    async with orchestrator.events(JobProgressed, buffer=1) as events:
        one = await scenario.submit()
        await orchestrator._session.opened().bus.drain()
        event = await anext(events)
        assert (event.submission_id, event.done, event.total) == (one.id, 100, 100)

        other = await scenario.submit()
        event = await anext(events)
        assert (event.submission_id, event.done) == (other.id, 100)


async def test_what_is_held_for_a_reader_is_replaced_by_newer_news(
    config: Configuration, orchestrator: Orchestrator
) -> None:
    reported, go = Signal(), Signal()

    async def report_twice(_: object) -> None:
        report(1, 1)
        reported.set()
        await go.wait()
        report(2, 2)

    scenario = await orchestrator.create_scenario(single(config, report_twice))

    async with orchestrator.events() as events:
        submission = scenario.submit()
        await reported.wait()
        await orchestrator._session.opened().bus.drain()
        go.set()
        await submission
        await orchestrator._session.opened().bus.drain()
        read: list[Event] = []

        while not read or not isinstance(read[-1], SubmissionFinished):
            read.append(await anext(events))

    assert done(read) == [2]
    kinds = [JobStarted, JobProgressed, JobFinished, SubmissionFinished]
    assert [type(event) for event in read][2:] == kinds


async def test_only_who_wants_it_is_told(
    config: Configuration, orchestrator: Orchestrator, tmp_path: Path
) -> None:
    cfg = single(config, flows.wait_for_file, str(tmp_path / "go"))
    scenario = await orchestrator.create_scenario(cfg)
    run = scenario.submit()

    def is_told(run: Submission) -> bool:
        return run_of(run).publish_report is not None

    async with orchestrator.events(JobFinished):
        scenario.subscribe(print)
        assert not is_told(run)

        async with orchestrator.events(JobProgressed):
            assert is_told(run)

        assert not is_told(run)

    run.cancel()
    await run.wait()


def report_and_wait_for_text(path: object) -> None:
    """Do as `report_and_wait` does, given what `flows.double` makes of a path."""
    report_and_wait(path[: len(path) // 2] if isinstance(path, str) else "")


async def test_a_link_of_a_chain_reports_after_the_one_before_has_ended(
    config: Configuration, orchestrator: Orchestrator, tmp_path: Path
) -> None:
    path = tmp_path / "go"
    cfg = chain(config, flows.double, report_and_wait_for_text)
    scenario = await orchestrator.create_scenario(cfg)
    await flows.make_short(orchestrator, scenario)
    await scenario.n0.write(str(path))
    read: list[Event] = []

    with fail_after(PATIENCE):
        async for event in scenario.submit():
            read.append(event)

            if isinstance(event, JobProgressed):
                path.touch()

    tasks = [event.task for event in read if isinstance(event, JobEvent)]
    own = [type(one) for one in read if isinstance(one, JobEvent) and one.task == "t1"]
    ended = next(one for one in read if isinstance(one, JobFinished))
    assert ended.task == "t0"
    assert own[-3:] == [JobStarted, JobProgressed, JobFinished]
    assert tasks[-3:] == ["t1"] * 3


async def test_a_new_attempt_has_no_progress(
    config: Configuration, orchestrator: Orchestrator
) -> None:
    go = Signal()

    async def report_and_fail(_: object) -> None:
        if (job := current_job()) and job.attempt == 1:
            report(9, 9, "first")
            raise ValueError("no rows")

        await go.wait()
        report(1, 1, "second")

    node = config.configure_in_memory_data_node("n", default_data=1)
    task = config.configure_task("t", report_and_fail, node, retry=2)
    scenario = await orchestrator.create_scenario(config.configure_scenario("s", task))
    submission = scenario.submit()
    (job,) = submission.jobs
    told: list[object] = []

    with fail_after(PATIENCE):
        async for event in submission:
            if isinstance(event, JobStarted) and job.attempt == 2:
                assert job.progress is None
                go.set()
            elif isinstance(event, JobAttemptFailed):
                told.append(event.reason)
            elif isinstance(event, JobProgressed):
                told.append((event.attempt, event.message))

    assert told == [(1, "first"), "ValueError: no rows", (2, "second")]


async def test_who_reports_has_started(
    config: Configuration, orchestrator: Orchestrator, tmp_path: Path
) -> None:
    path = tmp_path / "go"
    scenario = await orchestrator.create_scenario(single(config, report_and_wait, ""))
    await flows.make_short(orchestrator, scenario)
    await scenario.source.write(str(path))
    submission: Submission = scenario.submit()
    kinds = []

    with fail_after(PATIENCE):
        async for event in submission:
            kinds.append(type(event))

            if isinstance(event, JobProgressed):
                assert submission.jobs[0].status is Status.RUNNING
                path.touch()

    assert kinds[2:5] == [JobStarted, JobProgressed, JobFinished]
