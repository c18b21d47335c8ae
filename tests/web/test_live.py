"""Streams of changes."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest
from anyio import (
    EndOfStream,
    Event,
    create_task_group,
    fail_after,
    sleep_forever,
    wait_all_tasks_blocked,
)
from anyio.lowlevel import checkpoint
from starlette.types import Message

from asyncflow import Orchestrator
from asyncflow.web.live import ENDED, EventStream, appended, closing, replaced
from tests.support import flows
from tests.support.web import client, stream

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("shared_workers")]


async def test_events_come_as_they_are_and_end() -> None:
    async def events() -> AsyncGenerator[str]:
        yield replaced({"head": "<p>\n</p>"}, 1)
        yield appended("log", "a\n\nb", 7)
        yield ENDED

    with fail_after(10):
        async with stream(EventStream(events()), "/") as reader:
            assert await reader.event() == ("parts", {"head": "<p>\n</p>"})
            assert await reader.event() == ("text", {"id": "log", "text": "a\n\nb"})
            assert await reader.event() == ("ended", {})


async def test_many_streams_send_one_after_the_other() -> None:
    """Each in a round of its own of the event loop."""
    news, rounds = Event(), 0
    sent: list[int] = []

    async def events() -> AsyncGenerator[str]:
        await news.wait()
        yield ENDED

    async def take(message: Message) -> None:
        if message.get("body") == ENDED.encode():
            sent.append(rounds)

    async def stay() -> Message:
        await sleep_forever()
        raise AssertionError

    async def answer() -> None:
        await EventStream(events())({}, stay, take)

    with fail_after(10):
        async with create_task_group() as group:
            for _ in range(20):
                group.start_soon(answer)

            await wait_all_tasks_blocked()
            news.set()

            while len(sent) < 20:
                await checkpoint()
                rounds += 1

    assert len({*sent}) == 20


async def test_who_goes_away_ends_the_events() -> None:
    ended = Event()

    async def events() -> AsyncGenerator[str]:
        try:
            yield ENDED
            await sleep_forever()
        finally:
            ended.set()

    with fail_after(10):
        async with stream(EventStream(events()), "/") as reader:
            await reader.event()

        await ended.wait()


async def test_events_end_where_the_orchestrator_was_closed() -> None:
    async with Orchestrator(flows.configuration()) as orchestrator:
        pass

    async def events() -> AsyncGenerator[str]:
        yield ENDED
        await orchestrator.submissions()

    with fail_after(10):
        async with stream(EventStream(events()), "/") as reader:
            await reader.event()

            with pytest.raises(EndOfStream):
                await reader.event()


async def test_what_is_iterated_over_is_closed() -> None:
    ended = Event()

    async def numbers() -> AsyncGenerator[int]:
        try:
            yield 1
            yield 2
        finally:
            ended.set()

    async with closing(numbers()) as found:
        assert await anext(found) == 1

    assert ended.is_set()


@pytest.mark.parametrize(
    "seen",
    [
        b"",
        b"x",
        b"0",
        b"-1",
        b"9" * 30,
        b"999999999",
        b"\xb2",
        b"\xff\xfe",
        b"1 2",
        b"*",
    ],
)
async def test_whatever_a_browser_says_it_has_seen_it_is_told_the_end(
    orchestrator: Orchestrator, seen: bytes
) -> None:
    config = flows.chain(orchestrator.config, flows.double)
    run = await (await orchestrator.create_scenario(config)).submit()
    (job,) = run.jobs
    places = (f"runs/{run.id}/live", f"jobs/{job.id}/live")

    async with client(orchestrator) as browser:
        for place in (*places, f"api/submissions/{run.id}/events"):
            answer = await browser.get(place, headers=[(b"last-event-id", seen)])
            assert answer.status_code == 200
            assert answer.text.endswith(ENDED)
            again = await browser.get(place, params={"last": seen})
            assert again.status_code in (200, 422)
