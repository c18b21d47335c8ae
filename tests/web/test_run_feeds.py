"""The events of single runs, for many who follow them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from anyio import Event as Signal
from anyio import create_task_group, fail_after, wait_all_tasks_blocked

from asyncflow import Orchestrator, report
from asyncflow.events import Event
from asyncflow.web import live, run_feeds
from asyncflow.web.run_feeds import RunFeeds
from tests.support import flows
from tests.support.jobs import wait_for_file
from tests.web.test_feeds import kinds

pytestmark = pytest.mark.anyio


def work(path: str) -> None:
    report(1, 2, "half")
    wait_for_file(path)


async def test_all_get_the_same_and_each_event_is_written_once(
    orchestrator: Orchestrator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = tmp_path / "gate"
    config = flows.single(orchestrator.config, work, str(gate))
    scenario = await orchestrator.create_scenario(config)
    run = await scenario.submit().accepted()
    open_feeds, got, written = RunFeeds(), ["", "", ""], list[Event]()
    write = live.told

    def told(event: Event, number: int | None = None) -> str:
        written.append(event)
        return write(event, number)

    monkeypatch.setattr(run_feeds, "told", told)

    async def follow(place: int) -> None:
        async for text in open_feeds.follow(run, 0):
            got[place] += text

            if "JobProgressed" in text:
                progressed.set()

    progressed = Signal()

    with fail_after(40):
        async with create_task_group() as group:
            group.start_soon(follow, 0)
            await wait_all_tasks_blocked()
            group.start_soon(follow, 1)
            await wait_all_tasks_blocked()
            assert len(open_feeds) == 1
            await progressed.wait()
            gate.touch()

        await follow(2)

    assert len(open_feeds) == 0
    whole = [*("SubmissionStarted", "JobPending", "JobStarted", "JobFinished")]
    whole.append("SubmissionFinished")
    reports = ["JobProgressed"]
    assert kinds(got[0]) == [*whole[:3], *reports, *whole[3:]]
    assert [kind for kind in kinds(got[1]) if kind not in reports] == whole
    assert kinds(got[2]) == whole
    assert re.findall(r"id: (\d+)", got[2]) == ["1", "2", "3", "4", "5"]
    # Once for those who followed together, and once for the one who came later.
    assert len(written) == 2 * len(whole) + 1


async def test_what_was_seen_is_not_sent_again(orchestrator: Orchestrator) -> None:
    config = flows.chain(orchestrator.config, flows.double)
    run = await (await orchestrator.create_scenario(config)).submit()

    for before in (0, 3, 4, 5, 99):
        text = "".join([part async for part in RunFeeds().follow(run, before)])
        numbers = [*map(int, re.findall(r"id: (\d+)", text))]
        assert numbers == [*range(before + 1, 6)]


async def test_a_long_history_comes_in_pieces(
    orchestrator: Orchestrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_feeds, "AT_ONCE", 2)
    config = flows.chain(orchestrator.config, flows.double, flows.double)
    run = await (await orchestrator.create_scenario(config)).submit()
    parts = [part async for part in RunFeeds().follow(run, 0)]
    assert all(1 <= len(kinds(part)) <= 2 for part in parts)
    assert len(kinds("".join(parts))) == 8


async def test_the_first_may_leave_and_the_others_go_on(
    orchestrator: Orchestrator, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    config = flows.single(orchestrator.config, flows.wait_for_file, str(gate))
    run = await (await orchestrator.create_scenario(config)).submit().accepted()
    open_feeds, got = RunFeeds(), [""]

    async def follow() -> None:
        async for text in open_feeds.follow(run, 0):
            got[0] += text

    with fail_after(40):
        async with create_task_group() as group:
            first = open_feeds.follow(run, 0)
            await anext(first)
            group.start_soon(follow)
            await wait_all_tasks_blocked()
            await first.aclose()
            gate.touch()

    assert kinds(got[0])[-1] == "SubmissionFinished"
    assert len(open_feeds) == 0
