"""The events of all runs, for many who follow them."""

from __future__ import annotations

import json
from contextlib import aclosing
from datetime import UTC, datetime
from functools import partial

import pytest
from anyio import Event, create_task_group, fail_after, wait_all_tasks_blocked
from anyio.lowlevel import checkpoint

from asyncflow import EntityUpdated, Orchestrator, acting_as
from asyncflow.notify.listener import Notification
from asyncflow.web import feeds
from asyncflow.web.feeds import Feeds
from tests.support import flows

pytestmark = pytest.mark.anyio


def kinds(text: str) -> list[str]:
    return [line[7:] for line in text.splitlines() if line.startswith("event: ")]


async def test_all_get_the_same_and_each_event_is_written_once(
    orchestrator: Orchestrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = flows.chain(orchestrator.config, flows.double)
    scenario = await orchestrator.create_scenario(config)
    open_feeds, got = Feeds(), ["", "", ""]
    written: list[object] = []
    write = feeds.Feed.take

    def take(feed: feeds.Feed, notification: Notification) -> None:
        written.append(notification.event)
        write(feed, notification)

    monkeypatch.setattr(feeds.Feed, "take", take)

    async def follow(place: int) -> None:
        events = open_feeds.follow(orchestrator)

        async for text in events:
            got[place] += text

            if "SubmissionFinished" in text:
                break

        await events.aclose()

    with fail_after(40):
        async with create_task_group() as group:
            for place in range(3):
                group.start_soon(follow, place)

            await wait_all_tasks_blocked()
            assert len(open_feeds) == 1
            await scenario.submit()

    assert got[0] == got[1] == got[2]
    assert kinds(got[0])[0] == "SubmissionStarted"
    assert len(written) == len(kinds(got[0]))
    assert len(open_feeds) == 0


async def test_the_first_may_leave_and_the_others_go_on(
    orchestrator: Orchestrator,
) -> None:
    config = flows.chain(orchestrator.config, flows.double)
    scenario = await orchestrator.create_scenario(config)
    open_feeds, ended = Feeds(), Event()

    async def other() -> None:
        events = open_feeds.follow(orchestrator)

        async for text in events:
            if "SubmissionFinished" in text:
                break

        await events.aclose()
        ended.set()

    with fail_after(40):
        async with create_task_group() as group:
            first = create_task_group()

            async with first:
                first.start_soon(anext, open_feeds.follow(orchestrator))
                await wait_all_tasks_blocked()
                group.start_soon(other)
                await wait_all_tasks_blocked()
                first.cancel_scope.cancel()

            await scenario.submit()
            await ended.wait()

    assert len(open_feeds) == 0


async def test_who_reads_too_slowly_is_told_so_and_goes_on(
    orchestrator: Orchestrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is room for the events of one run, of which there are five."""
    monkeypatch.setattr(feeds, "HELD", 6)
    monkeypatch.setattr(feeds, "AT_ONCE", 1)
    config = flows.chain(orchestrator.config, flows.double)
    scenario = await orchestrator.create_scenario(config)
    open_feeds, got = Feeds(), [""]
    has_begun, may_go_on, is_told, has_all = (Event() for _ in range(4))

    async def follow() -> None:
        async with aclosing(open_feeds.follow(orchestrator)) as events:
            async for text in events:
                got.append(text)
                has_begun.set()
                await may_go_on.wait()

                if "EventsLost" in text:
                    is_told.set()
                elif is_told.is_set() and "SubmissionFinished" in text:
                    has_all.set()

    with fail_after(40):
        async with create_task_group() as group:
            group.start_soon(follow)
            await wait_all_tasks_blocked()
            await scenario.submit()
            await has_begun.wait()
            await scenario.submit()
            await scenario.submit()
            await wait_all_tasks_blocked()
            may_go_on.set()
            await is_told.wait()
            await scenario.submit()
            await has_all.wait()
            group.cancel_scope.cancel()

    found = [kind for text in got for kind in kinds(text)]
    place = found.index("EventsLost")
    seen = [text for text in got if "EventsLost" in text]
    assert len(seen) == 1
    assert json.loads(seen[0].splitlines()[1][6:]) == {"lost": 15 - place}
    assert found[place + 1 :] == [
        "SubmissionStarted",
        *("JobPending", "JobStarted", "JobFinished"),
        "SubmissionFinished",
    ]
    assert len(open_feeds) == 0


async def test_it_ends_with_the_orchestrator() -> None:
    open_feeds = Feeds()

    async def follow(orchestrator: Orchestrator) -> None:
        assert not [text async for text in open_feeds.follow(orchestrator)]

    with fail_after(40):
        async with (
            create_task_group() as group,
            Orchestrator(flows.configuration()) as orchestrator,
        ):
            group.start_soon(follow, orchestrator)
            await wait_all_tasks_blocked()

    assert len(open_feeds) == 0


async def test_what_happens_to_entities_comes_where_it_is_wanted(
    orchestrator: Orchestrator,
) -> None:
    config = flows.chain(orchestrator.config, flows.double)
    scenario = await orchestrator.create_scenario(config)
    open_feeds, got, all_got = Feeds(), [""], [""]

    async def follow(into: list[str], *, entities: bool) -> None:
        events = open_feeds.follow(orchestrator, entities=entities)

        async for text in events:
            into[0] += text

            if "SubmissionFinished" in text:
                break

        await events.aclose()

    with fail_after(40):
        async with create_task_group() as group:
            group.start_soon(partial(follow, got, entities=False))
            group.start_soon(partial(follow, all_got, entities=True))
            await wait_all_tasks_blocked()
            assert len(open_feeds) == 2

            with acting_as("ada"):
                await scenario.update(name="b")

            await scenario.submit()

    assert {kind for kind in kinds(got[0]) if kind.startswith("Entity")} == set()
    assert kinds(all_got[0])[0] == "EntityUpdated"
    assert '"user": "ada"' in all_got[0]
    assert len(open_feeds) == 0


def updated(number: int) -> EntityUpdated:
    return EntityUpdated(
        entity_type="SCENARIO",
        entity_id=f"SCENARIO_{number}",
        config_id=None,
        at=datetime.now(UTC),
        attributes=("name",),
    )


async def test_events_are_put_together_once_for_all_who_follow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(feeds, "AT_ONCE", 3)
    feed = feeds.Feed()
    assert feed.pause() <= 0  # the first is sent at once

    for number in range(4):
        feed.entity_changed(updated(number))

    first = feed.after(0)
    assert first is not None
    assert first.text.count("event: EntityUpdated") == first.end == 3
    assert feed.after(0) is first
    assert feed.number == 1
    assert feed.has(1)
    assert 0 < feed.pause() <= feeds.SHORTEST

    feed.make_block()
    last = feed.after(1)
    assert last is not None
    assert "SCENARIO_3" in last.text
    assert last.end == 4
    assert not feed.has(2)


async def test_those_who_wait_for_more_go_on_in_turns_of_their_own() -> None:
    feed, turn, woken = feeds.Feed(), 0, list[int]()

    async def wait() -> None:
        assert await feed.has_more(0)
        woken.append(turn)

    with fail_after(40):
        async with create_task_group() as group:
            for _ in range(5):
                group.start_soon(wait)

            await wait_all_tasks_blocked()
            feed.entity_changed(updated(0))

            while len(woken) < 5:
                turn += 1
                await checkpoint()

    assert len({*woken}) == 5
