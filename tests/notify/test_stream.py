"""Streams: the events of all runs, for one reader."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, assert_type

import pytest
from anyio import Event as Signal
from anyio import create_task_group, fail_after, move_on_after
from anyio.lowlevel import checkpoint

from asyncflow import (
    Configuration,
    Event,
    EventsLost,
    EventStream,
    JobEvent,
    JobFinished,
    JobPending,
    JobProgressed,
    JobRecord,
    JobStarted,
    NotOpen,
    Orchestrator,
    Scenario,
    Status,
    StoreFailed,
    Submission,
    SubmissionFinished,
    SubmissionStarted,
    UsageError,
)
from asyncflow.abc import Progress, Store
from asyncflow.notify.listener import Notification
from asyncflow.notify.stream import EventBuffer
from asyncflow.records import Record
from asyncflow.runs.watchers import Report
from asyncflow.stores.memory import MemoryStore
from asyncflow.stores.sqlite import SqliteStore
from tests.programs.recovery_program import declare
from tests.recovery.test_recovery import killed
from tests.support import flows
from tests.support.entities import make_run, make_scenario
from tests.support.flows import chain, fan, single, until_finished

pytestmark = pytest.mark.anyio


@pytest.fixture
async def orchestrator(config: Configuration) -> AsyncIterator[Orchestrator]:
    async with Orchestrator(config) as opened:
        yield opened


# ------------------------------------------------------------------------- the stream


@pytest.mark.both_loops
async def test_every_event_of_every_run(
    config: Configuration, orchestrator: Orchestrator
) -> None:
    good = await orchestrator.create_scenario(chain(config, flows.double, flows.double))
    bad = await orchestrator.create_scenario(single(config, flows.fail))

    async with orchestrator.events() as events:
        runs = [good.submit(), bad.submit(), good.submit()]
        read = await until_finished(events, *runs)

    for run in runs:
        own = [event for event in read if event.submission_id == run.id]
        assert own == [event async for event in run]

    assert len(read) == 8 + 5 + 8


@pytest.mark.smoke
async def test_only_some_kinds_and_what_is_below_them(
    config: Configuration, orchestrator: Orchestrator
) -> None:
    scenario = await orchestrator.create_scenario(chain(config, flows.double))

    async with (
        orchestrator.events(JobEvent, SubmissionFinished) as some,
        orchestrator.events(SubmissionFinished) as ends,
        orchestrator.events(JobFinished) as finished,
    ):
        run = scenario.submit()
        read = await until_finished(some, run)
        assert_type(await anext(ends), SubmissionFinished)
        event = await anext(finished)
        assert_type(event, JobFinished)

    kinds = [JobPending, JobStarted, JobFinished, SubmissionFinished]
    assert [type(one) for one in read] == kinds
    assert (event.task, event.status) == ("t0", "COMPLETED")


async def test_from_the_moment_of_entering_to_that_of_leaving(
    config: Configuration, orchestrator: Orchestrator, tmp_path: Path
) -> None:
    path = tmp_path / "go"
    cfg = single(config, flows.wait_for_file, str(path))
    scenario = await orchestrator.create_scenario(cfg)
    early = scenario.submit()
    await flows.until_started(early)

    async with orchestrator.events() as events:
        path.touch()
        read = await until_finished(events, early)

    await scenario.submit()

    assert [type(event) for event in read] == [JobFinished, SubmissionFinished]
    assert [event async for event in events] == []

    with pytest.raises(UsageError, match="call events\\(\\) again"):
        await events.__aenter__()


async def test_two_readers_take_turns_at_one_stream(
    config: Configuration, orchestrator: Orchestrator
) -> None:
    scenario = await orchestrator.create_scenario(fan(config, flows.double, 20))
    read: list[Event] = []

    async def read_on(events: EventStream[JobFinished]) -> None:
        async for event in events:
            read.append(event)

            if len(read) == 20:
                group.cancel_scope.cancel()

    with fail_after(20):
        async with (
            orchestrator.events(JobFinished) as events,
            create_task_group() as group,
        ):
            group.start_soon(read_on, events)
            group.start_soon(read_on, events)
            scenario.submit()

    assert len({event.job_id for event in read if isinstance(event, JobEvent)}) == 20


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_what_an_event_tells_is_durable(
    config: Configuration, tmp_path: Path, kind: str
) -> None:
    store: Store = MemoryStore() if kind == "memory" else SqliteStore(tmp_path / "r.db")

    async with Orchestrator(config, store) as orchestrator:
        scenario = await orchestrator.create_scenario(fan(config, flows.double, 50))

        async with (
            orchestrator.events(JobFinished) as events,
            scenario.submit(),
            SqliteStore(tmp_path / "r.db") as other,
        ):
            for _ in range(50):
                event = await anext(events)
                where = store if kind == "memory" else other
                kept = await where.get(event.job_id)
                assert isinstance(kept, JobRecord)
                assert kept.status == "COMPLETED"


async def test_the_last_event_then_the_end(config: Configuration) -> None:
    read: list[Event] = []
    ready = Signal()

    async def read_all(orchestrator: Orchestrator) -> None:
        async with orchestrator.events() as events:
            ready.set()

            async for event in events:
                await checkpoint()
                read.append(event)

    with fail_after(20):
        async with create_task_group() as group, Orchestrator(config) as orchestrator:
            scenario = await orchestrator.create_scenario(single(config, flows.block))
            group.start_soon(read_all, orchestrator)
            await ready.wait()
            await flows.until_started(scenario.submit())

    assert [type(event) for event in read] == [
        SubmissionStarted,
        JobPending,
        JobStarted,
        JobFinished,
        SubmissionFinished,
    ]
    assert isinstance(read[-1], SubmissionFinished)
    assert read[-1].status == "CANCELED"

    with pytest.raises(NotOpen):
        orchestrator.events()


async def test_a_stream_is_entered_while_its_orchestrator_is_open(
    config: Configuration,
) -> None:
    async with Orchestrator(config) as orchestrator:
        events = orchestrator.events()

        with pytest.raises(UsageError, match="use `async with"):
            await anext(events)

    with pytest.raises(NotOpen, match="was closed"):
        await events.__aenter__()


async def test_wrong_arguments_are_refused(orchestrator: Orchestrator) -> None:
    listen: Any = orchestrator.events

    with pytest.raises(TypeError, match="Status is no class of events"):
        listen(Status)

    with pytest.raises(ValueError, match="at least one event; got 0"):
        listen(buffer=0)


async def test_what_happened_to_an_adopted_run_before_is_no_news(
    tmp_path: Path,
) -> None:
    submission_id = await killed(tmp_path)
    config, _ = declare(tmp_path)

    async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
        async with orchestrator.events() as events:
            (tmp_path / "go").touch()
            submission = await orchestrator.get(submission_id)
            assert isinstance(submission, Submission)
            read = await until_finished(events, submission)

        finished = [event.task for event in read if isinstance(event, JobFinished)]
        assert finished == ["second", "third"]
        assert SubmissionStarted not in map(type, read)
        assert orchestrator.statistics().finished[Status.COMPLETED] == 2


async def test_a_key_that_was_used_before_is_no_run_of_ours(
    config: Configuration, tmp_path: Path
) -> None:
    cfg = single(config, flows.double, storage_type="pickle")

    async with (
        Orchestrator(config, tmp_path / "r.db") as one,
        Orchestrator(config, tmp_path / "r.db") as other,
    ):
        scenario = await one.create_scenario(cfg)
        same = await other.get(scenario.id)

        async with other.events() as events, one.events() as ours:
            await scenario.submit(idempotency_key="k")
            assert isinstance(same, Scenario)
            called: list[object] = []
            run = await same.submit(idempotency_key="k", callbacks=[called.append])
            assert [type(await anext(ours)) for _ in range(5)][-1] is SubmissionFinished

            with move_on_after(0):
                pytest.fail(f"{await anext(events)} of {run}")

        assert called == []
        assert other.statistics().finished[Status.COMPLETED] == 0


# ------------------------------------------------------------------------ slow readers


async def test_a_slow_reader_gets_what_is_held_then_an_error(
    config: Configuration, orchestrator: Orchestrator
) -> None:
    scenario = await orchestrator.create_scenario(fan(config, flows.double, 30))

    async with (
        orchestrator.events(JobFinished, buffer=10) as slow,
        orchestrator.events() as quick,
    ):
        run = scenario.submit()
        every = await until_finished(quick, run)
        held = [await anext(slow) for _ in range(10)]

        with pytest.raises(EventsLost, match=r"20 events were lost.*only 10") as caught:
            await anext(slow)

        assert (caught.value.lost, caught.value.buffer) == (20, 10)
        assert [event async for event in slow] == []
        again = await until_finished(quick, scenario.submit())

    assert held == [event for event in every if isinstance(event, JobFinished)][:10]
    assert len(every) == len(again) == 92


async def test_a_reader_that_does_nothing_else_loses_nothing(
    config: Configuration, tmp_path: Path
) -> None:
    config.configure_job_executions("development", 1, echo=False)

    async with Orchestrator(config, tmp_path / "r.db") as orchestrator:
        scenario = await orchestrator.create_scenario(fan(config, flows.double, 300))

        async with orchestrator.events(buffer=5) as events:
            run = scenario.submit()
            assert len(await until_finished(events, run)) == 902


# ----------------------------------------------------------------------------- failure


class Failing(MemoryStore):
    """Cannot keep that a job has ended."""

    fails = False

    def save(self, *records: Record) -> None:
        self.fails |= any(isinstance(one, JobRecord) for one in records)
        super().save(*records)

    async def flush(self) -> None:
        if self.fails:
            raise StoreFailed("the test's", "no room", "make some")


async def test_what_cannot_be_kept_is_no_event(config: Configuration) -> None:
    async with (
        Orchestrator(config, Failing()) as orchestrator,
        orchestrator.events() as events,
        orchestrator.events() as others,
    ):
        scenario = await orchestrator.create_scenario(single(config, flows.double))

        for stream in (events, others):
            with pytest.raises(StoreFailed, match="no room"):
                await until_finished(stream, scenario.submit())

            assert [event async for event in stream] == []


# ------------------------------------------------------------------------- the buffer


async def heard(buffer: EventBuffer[Any]) -> list[Notification]:
    """Return what is told of a run of one job that reports its progress."""
    scenario = await make_scenario(single(Configuration(), flows.double))
    run = make_run(scenario)
    job = run.job(0)
    job.move(Status.PENDING, 1.0)
    job.move(Status.RUNNING, 2.0)
    reports = [Report(job, 1, Progress(done, 3), done) for done in (1.0, 2.0)]
    subjects: list[int | Report] = [0, 1, *reports, 2]
    return [Notification(run, subject, [buffer]) for subject in subjects]


async def test_a_buffer_holds_the_newest_progress_and_every_change() -> None:
    buffer: EventBuffer[Any] = EventBuffer((Event,), 10)

    for one in await heard(buffer):
        one.deliver()

    held = list(buffer.events.values())
    kinds = [SubmissionStarted, JobPending, JobProgressed, JobStarted]
    assert [type(event) for event in held] == kinds
    assert held[2].done == 2.0
    assert buffer.signal.is_set()
    assert not buffer.lost


async def test_a_full_buffer_counts_what_it_loses_and_holds_what_it_has() -> None:
    buffer: EventBuffer[Any] = EventBuffer((Event,), 3)
    told = await heard(buffer)

    found = []

    for one in (*told, told[3]):
        one.deliver()
        found.append((len(buffer.events), buffer.lost, buffer.is_full))

    assert found == [
        *((1, 0, False), (2, 0, False), (3, 0, True)),
        (3, 0, True),  # newer news of what is held has room
        *((3, 1, False), (3, 2, False)),  # there is nothing more to wait for
    ]


async def test_a_buffer_takes_nothing_after_its_end() -> None:
    buffer: EventBuffer[Any] = EventBuffer((Event,), 3)
    first, second, *_ = await heard(buffer)
    first.deliver()
    buffer.end(None)
    second.deliver()
    assert (len(buffer.events), buffer.lost) == (1, 0)


def test_a_buffer_wants_kinds_and_those_below_them() -> None:
    buffer: EventBuffer[Any] = EventBuffer((JobEvent,), 3)
    assert buffer.wants(JobFinished)
    assert not buffer.wants(SubmissionFinished)
    assert not buffer.wants(None)
