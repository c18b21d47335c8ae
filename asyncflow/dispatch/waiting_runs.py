"""The runs that were submitted, and that the plan does not know yet."""

from __future__ import annotations

import attrs
from anyio import Event

from asyncflow.plan.graph import Graph


@attrs.define(eq=False, repr=False)
class WaitingRun:
    """A run of which it is not known yet whether it is ours."""

    graph: Graph
    begun: Event = attrs.field(init=False, factory=Event)
    """Tells that it is known."""
    canceled: list[tuple[int, str]] = attrs.field(init=False, factory=list)
    """The places of its jobs that are not to run, and why."""


@attrs.define(eq=False, repr=False)
class WaitingRuns:
    """All of them, by their numbers."""

    _by_number: dict[int, WaitingRun] = attrs.field(init=False, factory=dict)

    def __contains__(self, run: int | None) -> bool:
        return run in self._by_number

    def __len__(self) -> int:
        return len(self._by_number)

    def add(self, run: int, graph: Graph) -> None:
        """Add a run."""
        self._by_number[run] = WaitingRun(graph)

    def cancel(self, run: int, place: int, reason: str) -> None:
        """Have a job not run, by its place, once its run has begun."""
        self._by_number[run].canceled.append((place, reason))

    def take(self, run: int) -> WaitingRun | None:
        """Take out a run of which it is known; None where it is none of them."""
        waiting = self._by_number.pop(run, None)

        if waiting is not None:
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
