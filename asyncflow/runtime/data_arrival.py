"""The arrival of data: when what a run reads, and was never written, has been."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from anyio import Event

from asyncflow.events import EntityEvent, JobFinished
from asyncflow.events import Event as RunEvent
from asyncflow.notify.bus import Bus
from asyncflow.notify.listener import Listener, Notification
from asyncflow.runs.node import NodeState
from asyncflow.values.versions import Versions


@attrs.define(eq=False, repr=False)
class DataArrival(Listener):
    """Waits until data nodes were written: by hand, or by a job, here or elsewhere."""

    nodes: Sequence[NodeState]
    versions: Versions
    bus: Bus
    _changed: Event = attrs.field(init=False, factory=Event)

    async def is_missing(self) -> bool:
        """Tell whether one was never written."""
        await self.versions.stored.refresh(self.nodes)
        return any(node.version is None for node in self.nodes)

    async def arrived(self) -> None:
        """Return when all were written. On cancel only the waiting ends."""
        self.bus.add(self)

        try:
            await self.bus.hear_others(self)

            while True:
                self._changed = Event()

                if not await self.is_missing():
                    return

                await self._changed.wait()
        finally:
            self.bus.remove(self)

    @property
    def wants_entities(self) -> bool:
        """True: writes by hand, and those of others, are told so."""
        return True

    def entity_changed(self, event: EntityEvent) -> None:
        """Look again, where it is one of the data nodes."""
        if any(event.entity_id == node.id for node in self.nodes):
            self._changed.set()

    def wants(self, kind: type[RunEvent] | None) -> bool:
        """Tell of the ends of jobs, which write."""
        return kind is JobFinished

    def take(self, notification: Notification) -> None:  # noqa: ARG002
        """Look again."""
        self._changed.set()

    def end(self, failure: Exception | None) -> None:
        """Do nothing: the run ends with the orchestrator."""
