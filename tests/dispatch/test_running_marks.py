"""The store is told which jobs run: those that must not run twice, and long ones."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import attrs
import pytest
from anyio import Event, fail_after
from anyio.lowlevel import checkpoint

from asyncflow import Configuration, Orchestrator
from asyncflow.dispatch import running_marks
from asyncflow.dispatch.attempt import Attempt
from asyncflow.dispatch.running_marks import RunningMarks
from asyncflow.records import JobRecord, Record
from asyncflow.status import Status
from asyncflow.stores.memory import MemoryStore
from tests.support.attempts import make_attempts
from tests.support.flows import configuration, single, wait_for_file

pytestmark = pytest.mark.anyio


@pytest.fixture
async def marks() -> AsyncIterator[RunningMarks]:
    async with MemoryStore() as store:
        found = RunningMarks(store)
        yield found
        found.stop()


def start(attempt: Attempt, at: float) -> None:
    attempt.job.move(Status.PENDING, at)
    attempt.job.move(Status.RUNNING, at)


async def marked(marks: RunningMarks) -> list[str]:
    await marks.store.flush()
    return [record.id for record in await marks.store.jobs()]


async def test_a_job_that_must_not_run_twice_is_marked_before(
    config: Configuration, marks: RunningMarks
) -> None:
    fragile = await make_attempts(config, on_restart="fail")
    others = await make_attempts(Configuration())

    for attempt in (*others, *fragile):
        start(attempt, time.time())

    await marks.mark_not_rerunnable([*others, *fragile])
    assert await marked(marks) == [fragile[0].job_id]
    assert fragile[0].is_marked_running
    assert not others[0].is_marked_running


async def test_a_job_that_runs_for_long_is_marked(
    config: Configuration, marks: RunningMarks, monkeypatch: pytest.MonkeyPatch
) -> None:
    long, short, waiting = attempts = await make_attempts(config, 3)
    start(long, time.time() - 1.5)
    start(short, time.time() + 3600.0)
    marks.watch(attempts)
    marks.stop()
    monkeypatch.setattr(running_marks, "LONG", 0.0)
    marks.watch(attempts)

    with fail_after(10):
        while not long.is_marked_running:
            await checkpoint()

    assert await marked(marks) == [long.job_id]
    assert not short.is_marked_running
    assert not waiting.is_marked_running


async def test_nothing_is_watched_once_all_have_ended(marks: RunningMarks) -> None:
    marks._mark_long([])
    assert marks._clock is None


@attrs.define(eq=False)
class NoMarks(MemoryStore):
    """Keeps how jobs end, and not that they run."""

    refused: list[str] = attrs.field(factory=list)
    has_refused_two: Event = attrs.field(factory=Event)

    def save(self, *records: Record) -> None:
        for record in records:
            if isinstance(record, JobRecord) and record.status is Status.RUNNING:
                self.refused.append(record.id)

                if len(self.refused) == 2:
                    self.has_refused_two.set()

                raise OSError(28, "No space left on device")

        super().save(*records)


async def test_jobs_go_on_whose_marks_cannot_be_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Each is told, once, and none holds up the marks of the others."""
    file = tmp_path / "file"
    config = configuration()
    cfg = single(config, wait_for_file, str(file))
    store = NoMarks()

    async with Orchestrator(config, store) as orchestrator:
        with fail_after(50):
            runs = [(await orchestrator.create_scenario(cfg)).submit() for _ in "12"]
            await store.has_refused_two.wait()
            file.touch()

            for run in runs:
                await run

        jobs = [run.jobs[0].id for run in runs]

    assert sorted(store.refused) == sorted(jobs)

    for job in jobs:
        assert caplog.text.count(f"that {job} runs was not kept") == 1
