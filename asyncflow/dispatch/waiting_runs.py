"""Runs that were submitted, and wait until it is known whether they are ours: a store is
asked, or files are looked at.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeAlias

import attrs
from anyio import Event

from asyncflow.plan.graph import Graph
from asyncflow.status import Status

First: TypeAlias = Callable[[], Awaitable[bool]]
"""What is awaited before a run begins: it tells whether the run is to be ours."""


@attrs.define(eq=False, repr=False)
class WaitingRun:
    """A run of which it is not known yet whether it is ours."""

    graph: Graph
    begun: Event = attrs.field(init=False, factory=Event)
    """Tells that it is known."""
    passed: Event = attrs.field(init=False, factory=Event)
    """Tells that those that came after it need not wait for it."""
    ending: Event = attrs.field(init=False, factory=Event)
    """Tells that it is to end, whatever it waits for."""
    killed: Status = attrs.field(init=False, default=Status.CANCELED)
    """What becomes of its first job then."""
    canceled: list[tuple[int, str]] = attrs.field(init=False, factory=list)
    """The places of its jobs that are not to run, and why."""


class WaitingRuns:
    """All of them, by their numbers."""

    def __init__(self) -> None:
        self._by_number: dict[int, WaitingRun] = {}
        self._by_group: dict[str, dict[int, WaitingRun]] = {}
        """Those that touch data nodes of a group, in their order; see `Graph.groups`."""

    def __contains__(self, run: int | None) -> bool:
        return run in self._by_number

    def __len__(self) -> int:
        return len(self._by_number)

    def __getitem__(self, run: int) -> WaitingRun:
        return self._by_number[run]

    def end(self, run: int, killed: Status = Status.CANCELED) -> None:
        """Have a run end, if it is one of them, whatever it waits for.

        :param killed: what becomes of its first job
        """
        if (waiting := self._by_number.get(run)) is not None:
            waiting.killed = killed
            waiting.ending.set()

    def add(self, run: int, graph: Graph) -> None:
        """Add a run."""
        self._by_number[run] = waiting = WaitingRun(graph)

        for group in graph.groups:
            self._by_group.setdefault(group, {})[run] = waiting

    def in_turn(self, run: int, graph: Graph, first: First | None) -> First | None:
        """Return what a new run waits for: also for those that came before it, and touch
        what it touches. None for nothing.

        :param first: what it waits for by itself, and tells whether it is ours
        """
        if first is None and not self._hold_back(graph):
            return None

        return partial(self._in_turn, run, first)

    async def _in_turn(self, run: int, first: First | None) -> bool:
        is_ours = first is None or await first()
        await self.turn(run)
        return is_ours

    def _hold_back(self, graph: Graph) -> bool:
        return bool(self._by_group) and any(
            group in self._by_group for group in graph.groups
        )

    async def turn(self, run: int) -> None:
        """Wait until all have begun that came before a run, and touch what it touches."""
        while (waiting := self._by_number.get(run)) and (
            ahead := self._ahead(run, waiting.graph)
        ):
            await ahead.passed.wait()

    def let_pass(self, run: int) -> None:
        """Have those that came after a run wait for it no more."""
        waiting = self._by_number[run]

        for group in waiting.graph.groups:
            if same := self._by_group.get(group):
                same.pop(run, None)

                if not same:
                    del self._by_group[group]

        waiting.passed.set()

    def _ahead(self, run: int, graph: Graph) -> WaitingRun | None:
        for group in graph.groups:
            for number, first in self._by_group.get(group, {}).items():
                if number < run:
                    return first

                break  # they are in their order

        return None

    def cancel(self, run: int, place: int, reason: str) -> None:
        """Have a job not run, by its place, once its run has begun."""
        self._by_number[run].canceled.append((place, reason))

    def take(self, run: int) -> WaitingRun | None:
        """Take out a run of which it is known; None where it is none of them."""
        if run not in self._by_number:
            return None

        self.let_pass(run)
        waiting = self._by_number.pop(run)
        waiting.begun.set()
        return waiting

    async def until_begun(self, run: int | None) -> None:
        """Wait until it is known of a run. On cancel only the waiting ends."""
        if run is not None and (waiting := self._by_number.get(run)):
            await waiting.begun.wait()

    def will_write(self, key: str) -> bool:
        """Tell whether a job of theirs writes a data node."""
        return any(key in run.graph.writers for run in self._by_number.values())

    def give_up(self) -> None:
        """Forget all; who waits for them goes on."""
        for run in list(self._by_number):
            self.take(run)
