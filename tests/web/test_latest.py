"""What all who look at one page are sent."""

from __future__ import annotations

import time

import pytest
from anyio import create_task_group

from asyncflow.web.latest import Latest, Views

pytestmark = pytest.mark.anyio


async def test_parts_are_made_once_for_all_who_look() -> None:
    views, made = Views(), 0

    async def make() -> dict[str, str]:
        nonlocal made
        made += 1
        return {"same": "a", "other": str(made)}

    found: list[Latest] = []

    async def look(since: float, *, is_final: bool = False) -> None:
        with views.of("page") as view:
            found.append(await view.latest(since, make, is_final=is_final))

    with views.of("page"):
        since = time.monotonic()

        async with create_task_group() as group:
            for _ in range(5):
                group.start_soon(look, since)

        assert made == 1
        first = found[0]
        assert first.news(None, "") == first.news({}, "")
        assert first.news(None, first.number) == first.news(first.parts, "") == ""

        await look(time.monotonic())
        second = found[-1]
        assert made == 2
        event = second.news(first.parts, "")
        assert ("other" in event, "same" in event) == (True, False)
        assert event is second.event
        assert second.news({"same": "a", "other": "x"}, "") == event

        # What ended meanwhile is looked at once more.
        await look(since, is_final=True)
        await look(since, is_final=True)
        assert made == 3

    assert len(views) == 0
