"""What happens in a run is told to who watches it, in lines of a bounded size."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from anyio import create_task_group, fail_after

from asyncflow import Configuration
from asyncflow.abc import Progress
from asyncflow.entities.submission import Run
from asyncflow.recovery import run_feed
from asyncflow.recovery.remote_view import RemoteView
from asyncflow.recovery.run_feed import RunFeed
from asyncflow.status import AttemptKind, Status
from asyncflow.stores.memory import MemoryStore
from tests.support import flows
from tests.support.entities import Drives, complete, make_run, make_scenario

pytestmark = pytest.mark.anyio


@attrs.define(eq=False)
class CountedStore(MemoryStore):
    flushed: int = 0

    async def flush(self) -> None:
        self.flushed += 1


@attrs.define
class Watcher:
    """Reads what it is sent."""

    lines: list[bytes] = attrs.field(factory=list)
    store: CountedStore = attrs.field(factory=CountedStore)
    on_line: Callable[[], object] = lambda: None
    """Is called once it was sent a line."""

    @property
    def told(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]

    @property
    def news(self) -> list[list[Any]]:
        return [one for told in self.told for one in told["news"]]

    async def send(self, line: bytes) -> None:
        assert line.endswith(b"\n")
        self.lines.append(line)
        self.on_line()

    async def watch(self, run: Run, since: int = 0) -> None:
        with fail_after(20):
            await RunFeed(run, self.store, self.send).send_all(since)


async def make(config: Configuration, count: int = 2) -> Run:
    return make_run(await make_scenario(flows.fan(config, flows.double, count)))


async def test_a_run_that_has_ended_is_told_whole(config: Configuration) -> None:
    run, watcher = await make(config), Watcher()
    complete(run)
    await watcher.watch(run)
    statuses = [(place, status) for place, status, *_ in watcher.news]
    assert statuses == [
        (place, status) for place in (0, 1) for status in ("RUNNING", "COMPLETED")
    ]
    assert watcher.told[-1]["is_all"]
    assert watcher.told[-1]["next"] == len(run.history)
    assert watcher.store.flushed == 1  # what might be forgotten has not happened


async def test_what_is_known_is_not_told_again(config: Configuration) -> None:
    run, watcher = await make(config), Watcher()
    complete(run)
    await watcher.watch(run, len(run.history))
    assert watcher.news == []
    assert watcher.store.flushed == 0


async def test_who_is_told_all_knows_what_the_owner_knows(
    config: Configuration,
) -> None:
    run = await make(config)
    job = run.job(0)
    job.move(Status.PENDING, 1.0)
    job.move(Status.RUNNING, 2.0)
    job.try_again(3.0, AttemptKind.CRASHED, "gone")
    job.move(Status.RUNNING, 4.0)
    job.reported(Progress(1.0, 2.0, "half"), 4.5)
    job.move(Status.COMPLETED, 5.0)
    run.job(1).move(Status.CANCELED, 5.0, "enough")
    run.ending.cancel("enough")
    run.finished(5.0)
    watcher = Watcher()
    await watcher.watch(run)

    there = await make(Configuration())
    view = RemoteView(there, Drives(is_any=False))

    for line in watcher.lines:
        view.take(line)

    for mine, other in zip(run.jobs, there.jobs, strict=True):
        assert mine.record()[3:8] == other.record()[3:8]
        assert mine.attempts == other.attempts

    assert there.ending.cancel_reason == "enough"
    assert view.next == len(run.history)


async def test_what_happens_is_told_until_the_end(
    config: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_feed, "PAUSE", 0.001)
    run = await make(config, 1)
    job = run.job(0)
    job.move(Status.PENDING, 1.0)
    job.move(Status.RUNNING, 2.0)
    job.reported(Progress(1.0, None), 2.5)
    steps = iter(
        [
            lambda: job.reported(Progress(2.0, None), 3.0),
            lambda: job.move(Status.COMPLETED, 4.0),
            lambda: run.finished(4.0),
        ]
    )
    watcher = Watcher(on_line=lambda: next(steps, lambda: None)())

    async with create_task_group() as group:
        group.start_soon(watcher.watch, run)

    progress = [one[5][0] for one in watcher.news if one[1] == ""]
    assert progress == [1.0, 2.0]
    assert watcher.news[-1][1] == "COMPLETED"
    assert watcher.told[-1]["next"] == len(run.history)


async def test_many_news_come_in_several_lines(
    config: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_feed, "AT_ONCE", 4)
    run, watcher = await make(config, 5), Watcher()
    complete(run)
    await watcher.watch(run)
    assert [len(told["news"]) for told in watcher.told] == [4, 4, 2]
    assert [told["is_all"] for told in watcher.told] == [False, False, True]
    # Who was told some of it goes on behind that.
    rest = Watcher()
    await rest.watch(run, watcher.told[1]["next"])
    assert rest.news == watcher.news[8:]


async def test_a_long_news_is_sent_alone(
    config: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_feed, "SIZE", 1)
    run, watcher = await make(config, 1), Watcher()
    complete(run)
    await watcher.watch(run)
    assert [len(told["news"]) for told in watcher.told] == [1, 1, 0]


async def test_jobs_that_wait_for_others_are_told_first(config: Configuration) -> None:
    run = await make(config)
    run.wait_for(Status.BLOCKED, [0, 1], 1.0)
    watcher = Watcher(on_line=lambda: complete(run) if not run.is_finished else None)
    await watcher.watch(run)
    assert [one[:2] for one in watcher.told[0]["news"]] == [
        [0, "BLOCKED"],
        [1, "BLOCKED"],
    ]
    assert not watcher.told[0]["is_all"]
