"""Listeners: what `orchestrator.listen` tells."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import FrameType

import pytest

from asyncflow import (
    Configuration,
    Event,
    Job,
    JobFinished,
    Listener,
    Notification,
    NotOpen,
    Orchestrator,
    Submission,
    SubmissionFinished,
    current_job,
)
from asyncflow.entities.submission import run_of
from asyncflow.runs.run_events import event_of
from tests.support import flows
from tests.support.flows import fan, single, until_finished

pytestmark = pytest.mark.anyio


class Listening(Listener):
    def __init__(self) -> None:
        self.started: list[str] = []
        self.finished: list[str] = []
        self.is_over = False

    def run_started(self, submission: Submission) -> None:
        self.started.append(submission.id)

    def wants(self, kind: type[Event] | None) -> bool:
        return kind is JobFinished

    def take(self, notification: Notification) -> None:
        assert notification.job is not None
        self.finished.append(notification.job.id)

    def end(self, failure: Exception | None) -> None:
        self.is_over = failure is None

    def traceparent(self, job: Job) -> str | None:
        return f"trace of {job.id}"


def trace(_: object) -> str | None:
    job = current_job()
    assert job is not None
    return job.traceparent


async def test_a_listener_hears_of_every_run_while_it_is_entered(
    config: Configuration,
) -> None:
    listener = Listening()

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(single(config, trace))

        async with orchestrator.listen(listener):
            run = await scenario.submit()

        assert listener.started == [run.id]
        assert listener.finished == [run.jobs[0].id]
        assert await scenario.result.read() == f"trace of {run.jobs[0].id}"
        await scenario.submit()
        assert listener.started == [run.id]
        assert await scenario.result.read() is None

    assert not listener.is_over


async def test_a_listener_is_told_of_the_end(config: Configuration) -> None:
    listener = Listening()

    async with Orchestrator(config) as orchestrator:
        listening = orchestrator.listen(listener)
        await listening.__aenter__()

    assert listener.is_over
    await listening.__aexit__(None, None, None)


async def test_nobody_listens_to_what_is_not_open(config: Configuration) -> None:
    orchestrator = Orchestrator(config)

    with pytest.raises(NotOpen):
        await orchestrator.listen(Listening()).__aenter__()


@pytest.fixture
async def orchestrator(config: Configuration) -> AsyncIterator[Orchestrator]:
    async with Orchestrator(config) as opened:
        yield opened


async def test_a_run_that_nobody_listens_to_does_not_know_the_bus(
    config: Configuration, orchestrator: Orchestrator, tmp_path: Path
) -> None:
    cfg = single(config, flows.wait_for_file, str(tmp_path / "go"))
    scenario = await orchestrator.create_scenario(cfg)
    run = scenario.submit()

    def is_heard() -> bool:
        return run_of(run).publish is not None

    assert not is_heard()

    async with orchestrator.events():
        assert is_heard()

    assert not is_heard()
    scenario.subscribe(print)
    assert is_heard()
    scenario.unsubscribe(print)
    assert not is_heard()


async def test_no_event_is_made_that_nobody_wants(
    config: Configuration, orchestrator: Orchestrator
) -> None:
    scenario = await orchestrator.create_scenario(fan(config, flows.double, 10))
    made: list[int] = []

    def count(frame: FrameType, what: str, _: object) -> None:
        if what == "call" and frame.f_code is event_of.__code__:
            made.append(frame.f_locals["subject"])

    async with (
        orchestrator.events(SubmissionFinished) as events,
        orchestrator.events(SubmissionFinished) as others,
    ):
        run = scenario.submit()
        sys.setprofile(count)

        try:
            await until_finished(events, run)
            await until_finished(others, run)
        finally:
            sys.setprofile(None)

    assert made == [31]


class Events(Listener):
    """Reads every event, and has no traces."""

    def __init__(self) -> None:
        self.events: list[Event | None] = []
        self.made: set[int] = set()

    def wants(self, kind: type[Event] | None) -> bool:
        return kind is not None

    def end(self, failure: Exception | None) -> None:
        assert failure is None

    def take(self, notification: Notification) -> None:
        self.events.append(notification.event)
        self.made |= notification.run.table.made.keys()


async def test_who_reads_events_makes_no_job_for_each(
    config: Configuration, orchestrator: Orchestrator
) -> None:
    """With them each job would end on its own: many times the work of a batch."""
    listener, count = Events(), 300
    short = await orchestrator.create_scenario(single(config, flows.identity))
    await flows.make_short(orchestrator, short)
    scenario = await orchestrator.create_scenario(fan(config, flows.identity, count))

    async with orchestrator.listen(listener):
        run = await scenario.submit()

    assert [*map(type, listener.events)].count(JobFinished) == count
    assert (
        len(listener.made) < count // 2
    )  # those that were taken long are told one by one
    assert listener.events == [
        event_of(run_of(run), index) for index in range(len(run_of(run).history))
    ]


class Wanting(Listening):
    """Takes the events of one kind."""

    def __init__(self, kind: type[Event]) -> None:
        super().__init__()
        self.kind = kind
        self.took: list[Event | None] = []

    def wants(self, kind: type[Event] | None) -> bool:
        return kind is self.kind

    def take(self, notification: Notification) -> None:
        self.took.append(notification.event)


async def test_each_is_told_what_it_wants_of_a_run_of_many_jobs(
    orchestrator: Orchestrator,
) -> None:
    scenario = await orchestrator.create_scenario(fan(orchestrator.config, trace, 300))
    jobs, runs, late = Wanting(JobFinished), Wanting(SubmissionFinished), Listening()

    async with orchestrator.listen(jobs), orchestrator.listen(runs):
        submission = await scenario.submit()
        ids = [job.id for job in submission.jobs]

        async with orchestrator.listen(late):
            await scenario.submit()

    found = [event.job_id for event in jobs.took if isinstance(event, JobFinished)]
    assert sorted(found[:300]) == sorted(ids)
    assert len({*found}) == len(found) == 600
    assert [type(event) for event in runs.took] == [SubmissionFinished] * 2
    assert sorted(late.finished) == sorted(found[300:])
