"""Slices: long work on the event loop is done some at a time, and others have their turns."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from itertools import islice
from typing import TypeVar

from anyio.lowlevel import checkpoint

A = TypeVar("A")
B = TypeVar("B")

SLICE = 500
"""How many things are made at a time: some milliseconds, with a few microseconds each."""


async def listed(make: Callable[[A], B], things: Iterable[A]) -> list[B]:
    """Make something of each of many things. On cancel it stops between two slices."""
    left = iter(things)
    found = [*map(make, islice(left, SLICE))]
    size = len(found)

    while size == SLICE:
        await checkpoint()
        more = [*map(make, islice(left, SLICE))]
        size = len(more)
        found += more

    return found


async def in_turns(work: Generator[None, None, B]) -> B:
    """Do work that yields after each slice. On cancel it stops between two slices."""
    try:
        while True:
            next(work)
            await checkpoint()
    except StopIteration as done:
        value: B = done.value
        return value
    finally:
        work.close()  # it lets go of what it has made, whoever keeps the error


def at_once(work: Generator[None, None, B]) -> B:
    """Do the same without turns. Blocks."""
    while True:
        try:
            next(work)
        except StopIteration as done:
            value: B = done.value
            return value
