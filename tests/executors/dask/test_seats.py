"""The seats of a cluster."""

from __future__ import annotations

import asyncio

import pytest

from asyncflow.executors.dask.seats import Member, Seats


class Listener:
    count = 0

    def resized(self) -> None:
        self.count += 1


def member(name: str, size: int = 1) -> Member:
    return Member(name, "host", 1, name, name, "", size)


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def seats(listener: Listener) -> Seats:
    return Seats(listener)


@pytest.mark.anyio
async def test_the_emptiest_is_taken(seats: Seats) -> None:
    seats.add(member("one", 2))
    seats.add(member("other", 2))
    taken = [(await seats.take()).address for _ in range(4)]
    assert sorted(taken) == ["one", "one", "other", "other"]
    assert set(taken[:2]) == {"one", "other"}
    assert seats.count == 4


@pytest.mark.anyio
async def test_who_holds_the_values_comes_first(seats: Seats) -> None:
    for name in ("one", "other", "third"):
        seats.add(member(name, 2))

    homes = {"other": 2, "third": 1}
    taken = [(await seats.take(homes)).address for _ in range(6)]
    assert taken == ["other"] * 2 + ["third"] * 2 + ["one"] * 2


@pytest.mark.anyio
async def test_who_waits_gets_the_next_one_in_order(seats: Seats) -> None:
    seats.add(only := member("one"))
    await seats.take()
    waiting = [asyncio.ensure_future(seats.take()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.sleep(0)
    seats.give(only)
    assert await waiting[1] is only
    assert not waiting[2].done()
    seats.add(late := member("late"))
    assert await waiting[2] is late


@pytest.mark.anyio
async def test_a_cancel_passes_on_what_it_was_given(seats: Seats) -> None:
    seats.add(only := member("one"))
    await seats.take()
    first, second = (asyncio.ensure_future(seats.take()) for _ in range(2))
    await asyncio.sleep(0)
    seats.give(only)
    first.cancel()
    assert await second is only


def test_who_has_gone_has_no_seat(seats: Seats, listener: Listener) -> None:
    seats.add(only := member("one"))
    assert seats.remove("one") is only
    assert only.is_gone
    assert seats.count == 0
    assert seats.remove("one") is None
    assert listener.count == 2
