"""The bodies of requests."""

from __future__ import annotations

from typing import Any

import pytest
from anyio import Event, fail_after, sleep_forever
from anyio.lowlevel import checkpoint
from starlette.exceptions import HTTPException
from starlette.requests import Request

from asyncflow.web import bodies
from tests.support.web import sent

pytestmark = pytest.mark.anyio


async def test_a_body_comes_as_a_whole() -> None:
    assert await bodies.body_of(sent(b"ab", b"c"), 3) == b"abc"
    assert await bodies.body_of(sent(), 0) == b""


async def test_what_is_too_large_is_refused_before_it_is_there() -> None:
    with pytest.raises(HTTPException) as caught:
        await bodies.body_of(sent(b"x" * 6, b"x" * 6), 10)

    assert caught.value.status_code == 413


async def test_who_sends_nothing_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bodies, "PATIENCE", 0.05)

    async def receive() -> Any:
        if waits.is_set():
            await sleep_forever()

        waits.set()
        return {"type": "http.request", "body": b"abc", "more_body": True}

    waits = Event()
    request = Request({"type": "http", "headers": [], "method": "POST"}, receive)

    with (
        fail_after(30),
        pytest.raises(HTTPException, match="3 bytes came in") as caught,
    ):
        await bodies.body_of(request, 10)

    assert caught.value.status_code == 408


async def test_who_sends_little_at_a_time_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bodies, "PATIENCE", 0.05)
    monkeypatch.setattr(bodies, "SLOWEST", 1 << 40)

    async def receive() -> Any:
        await checkpoint()
        return {"type": "http.request", "body": b"a", "more_body": True}

    request = Request({"type": "http", "headers": [], "method": "POST"}, receive)

    with fail_after(30), pytest.raises(HTTPException) as caught:
        await bodies.body_of(request, 1 << 40)

    assert caught.value.status_code == 408


async def test_who_goes_away_has_sent_a_part() -> None:
    async def receive() -> Any:
        return {"type": "http.disconnect"}

    request = Request({"type": "http", "headers": [], "method": "POST"}, receive)

    with pytest.raises(HTTPException, match="only a part") as caught:
        await bodies.body_of(request, 10)

    assert caught.value.status_code == 400
