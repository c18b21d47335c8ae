"""What is looked at before a run begins, where that may have changed behind our back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from operator import attrgetter
from typing import TypeAlias

from anyio import to_thread

from asyncflow.dispatch import skipping
from asyncflow.dispatch.call_spec import CallSpec
from asyncflow.entities.submission import Run
from asyncflow.entities.submittable import nodes_of
from asyncflow.recovery.loader import EntityLoader
from asyncflow.runs.node import NodeState
from asyncflow.values.retention import Pins
from asyncflow.values.versions import Versions

_fingerprint = attrgetter("fingerprint")

First: TypeAlias = Callable[[], Awaitable[bool]]
"""What is awaited before a run begins: it tells whether the run is to be ours."""


class RunPreparation:
    """Looks at what others have written, and at files that others may have removed."""

    def __init__(self, versions: Versions, loader: EntityLoader) -> None:
        self.versions = versions
        self.loader = loader

    def shared(self, run: Run) -> list[NodeState]:
        """Return the data nodes of a run that others may write at any time."""
        if not run.dag.shared or not self.versions.is_shared:
            return []

        nodes = nodes_of(run.entity)
        return [nodes[name] for name in run.dag.shared]

    def read(self, run: Run) -> list[NodeState]:
        """Return those and all others of which it reads what others may have written."""
        if not self.versions.is_shared:
            return []

        dag, nodes = run.dag, nodes_of(run.entity)
        names = dict.fromkeys((*dag.shared, *dag.sources))
        return [nodes[name] for name in names]

    def first(
        self,
        run: Run,
        specs: Iterable[CallSpec],
        written: Sequence[NodeState] = (),
        then: First | None = None,
    ) -> First | None:
        """Return what is to be awaited before a run begins; None for nothing.

        :param written: the data nodes that others may have written
        :param then: what is awaited after that
        """
        places: Sequence[NodeState] = ()

        if any(map(_fingerprint, specs)):
            places = skipping.places(run.tasks)
        elif run.dag.places:
            places = places_of(run)

        if not written:
            return partial(self._measured, run, places, then) if places else then

        pins = self.versions.retention.pins
        assert pins is not None
        nodes = nodes_of(run.entity)
        pins.expect(run, [nodes[name] for name in run.dag.sources])
        last = partial(self._measured, run, places, None) if places else None
        return partial(self._refreshed, run, written, pins, then, last)

    async def _refreshed(
        self,
        run: Run,
        nodes: Sequence[NodeState],
        pins: Pins,
        then: First | None,
        last: First | None,
    ) -> bool:
        """Look what others have written, once the store has a run."""
        try:
            if then is not None and not await then():
                return False

            await self.versions.stored.refresh(nodes)
            await pins.settle(run)
        finally:
            pins.forget(run)

        if any(node.is_shared for node in nodes):
            await self.loader.refresh_bases(nodes)

        return True if last is None else await last()

    async def _measured(
        self, run: Run, nodes: Iterable[NodeState], then: First | None
    ) -> bool:
        """See what is in the files that skippable tasks have written, and in places of
        the user's that they read.
        """
        from asyncflow.values import outside

        seen = await to_thread.run_sync(skipping.look, nodes, run.pins)
        await outside.take(self.versions, [outside.Seen(*facts) for facts in seen])
        return True if then is None else await then()


def places_of(run: Run) -> list[NodeState]:
    """Return the places of the user's that a run reads, and can be looked at in no time."""
    nodes = nodes_of(run.entity)
    found = [nodes[name] for name in run.dag.places]
    return [node for node in found if node.version and not node.driver.is_remote]
