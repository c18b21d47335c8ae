"""Slices: what is made is the same, and others have their turns meanwhile."""

from __future__ import annotations

from collections.abc import Generator

import anyio
import pytest
from anyio.lowlevel import checkpoint

from asyncflow.slices import SLICE, at_once, in_turns, listed

pytestmark = pytest.mark.anyio


class Turns:
    """Counts the turns that others have."""

    count = 0

    async def take(self) -> None:
        while True:
            await checkpoint()
            self.count += 1


def counted(slices: int) -> Generator[None, None, str]:
    for _ in range(slices):
        yield

    return "done"


@pytest.mark.parametrize("size", [0, 1, SLICE - 1, SLICE, SLICE + 1, 3 * SLICE])
async def test_all_are_made_in_their_order(size: int) -> None:
    assert await listed(str, range(size)) == [*map(str, range(size))]


async def test_others_have_their_turns() -> None:
    turns = Turns()

    async with anyio.create_task_group() as group:
        group.start_soon(turns.take)
        await listed(str, range(5 * SLICE + 1))
        assert turns.count >= 4
        turns.count = 0
        assert await in_turns(counted(5)) == "done"
        assert turns.count >= 4
        group.cancel_scope.cancel()


async def test_few_are_made_at_once() -> None:
    turns = Turns()

    async with anyio.create_task_group() as group:
        group.start_soon(turns.take)
        await listed(str, range(SLICE - 1))
        assert await in_turns(counted(0)) == "done"
        assert turns.count == 0
        group.cancel_scope.cancel()


async def test_a_cancel_stops_between_two_slices() -> None:
    made: list[int] = []

    with anyio.CancelScope() as scope:

        def make(number: int) -> None:
            made.append(number)
            scope.cancel()

        await listed(make, range(5 * SLICE))

    assert scope.cancelled_caught
    assert len(made) == SLICE


async def test_the_same_without_turns() -> None:
    assert at_once(counted(5)) == "done"
