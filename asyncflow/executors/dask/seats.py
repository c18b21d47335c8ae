"""The seats of a cluster: as many trips as a Dask worker has threads run in it at once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Protocol

import attrs

NONE: Mapping[str, int] = MappingProxyType({})


class SeatListener(Protocol):
    """Who is told of seats."""

    def resized(self) -> None:
        """Take note that there are more or fewer."""


@attrs.define(eq=False, repr=False)
class Member:
    """A Dask worker with an agent.

    :param address: where Dask finds it
    :param host: the name of its host
    :param pid: of the Dask worker
    :param incarnation: tells it from another one that has its address later
    :param values: what tells the values that it holds from those of others
    :param folder: where it has these
    :param size: how many trips it takes at once
    """

    address: str
    host: str
    pid: int
    incarnation: str
    values: str
    folder: str
    size: int
    used: int = attrs.field(init=False, default=0)
    """How many are under way."""
    done: list[int] = attrs.field(init=False, factory=list)
    """The numbers of trips that are over, until the worker is told that."""
    is_gone: bool = attrs.field(init=False, default=False)

    @property
    def load(self) -> float:
        """Which part of it is in use."""
        return self.used / self.size


@attrs.define(eq=False, repr=False)
class Seats:
    """The seats of all members.

    :param listener: is told where there are more or fewer
    """

    listener: SeatListener
    members: dict[str, Member] = attrs.field(init=False, factory=dict)
    """By their addresses."""
    _waiting: deque[asyncio.Future[None]] = attrs.field(init=False, factory=deque)

    @property
    def count(self) -> int:
        """How many seats there are."""
        return sum(member.size for member in self.members.values())

    def add(self, member: Member) -> None:
        """Take a member in."""
        self.members[member.address] = member
        member.is_gone = False
        self.listener.resized()

        for _ in range(member.size):
            self._wake()

    def remove(self, address: str) -> Member | None:
        """Take a member out that has gone; None where there is none."""
        member = self.members.pop(address, None)

        if member is not None:
            member.is_gone = True
            self.listener.resized()

        return member

    def take_at(self, member: Member) -> None:
        """Take a seat of a member whose seats may all be taken."""
        member.used += 1

    async def take(self, homes: Mapping[str, int] = NONE) -> Member:
        """Take a seat, where the fewest are taken; wait until there is one.

        :param homes: how many of the values that are to be read there each member holds,
            by what tells these from those of others: who has most of them comes first
        """
        while (member := self._best(homes)) is None:
            waiting = asyncio.get_running_loop().create_future()
            self._waiting.append(waiting)

            try:
                await waiting
            except BaseException:
                with suppress(ValueError):
                    self._waiting.remove(waiting)

                if waiting.done() and not waiting.cancelled():
                    self._wake()  # it was for the next one, then

                raise

        member.used += 1
        return member

    def give(self, member: Member) -> None:
        """Give a seat back."""
        member.used -= 1
        self._wake()

    def _best(self, homes: Mapping[str, int]) -> Member | None:
        def rank(member: Member) -> tuple[int, float]:
            return -homes.get(member.values, 0), member.load

        free = [member for member in self.members.values() if member.used < member.size]
        return min(free, key=rank, default=None)

    def _wake(self) -> None:
        while self._waiting:
            waiting = self._waiting.popleft()

            if not waiting.done():
                waiting.set_result(None)
                return
