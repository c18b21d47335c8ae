"""Streams of changes."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest
from anyio import EndOfStream, Event, fail_after, sleep_forever

from asyncflow import Orchestrator
from asyncflow.web.live import ENDED, EventStream, appended, closing, replaced
from tests.support import flows
from tests.support.web import stream

pytestmark = pytest.mark.anyio


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
