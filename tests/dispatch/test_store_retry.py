"""A store that is away is asked again; one that has failed for good is not."""

from __future__ import annotations

import pytest
from anyio import fail_after

from asyncflow.dispatch import store_retry
from asyncflow.dispatch.store_retry import retry_until_available
from asyncflow.errors import StoreFailed, StoreUnavailable

pytestmark = pytest.mark.anyio

AWAY = StoreUnavailable("runs.db", "it is locked", "end who has it")


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_retry, "PAUSE", 0.0)


async def test_a_store_is_asked_until_it_answers() -> None:
    answers: list[int | Exception] = [AWAY, AWAY, 7]

    async def ask() -> int:
        answer = answers.pop(0)

        if isinstance(answer, Exception):
            raise answer

        return answer

    with fail_after(10):
        assert await retry_until_available(ask) == 7

    assert answers == []


async def test_a_failure_for_good_is_raised_at_once() -> None:
    asked: list[None] = []

    async def ask() -> None:
        asked.append(None)
        raise StoreFailed("runs.db", "the disk is gone", "get another")

    with pytest.raises(StoreFailed, match="the disk is gone"):
        await retry_until_available(ask)

    assert len(asked) == 1
