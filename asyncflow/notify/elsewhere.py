"""What others do to the entities of the store, told as what is done here.

Loaded, and running, while somebody listens to what happens to entities.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime

import attrs
from anyio import CancelScope, Event, Lock
from anyio.lowlevel import checkpoint

from asyncflow import ids
from asyncflow.abc.changes import Change, ChangeFeed
from asyncflow.config import Configuration
from asyncflow.errors import StoreFailed
from asyncflow.events import EntityCreated, EntityDeleted, EntityEvent, EntityUpdated
from asyncflow.notify.bus import Bus
from asyncflow.notify.entities import WRITTEN, config_of, parts_of, type_of


@attrs.define(eq=False, repr=False)
class Elsewhere:
    """Passes on what a feed of changes tells, until it is stopped.

    :param own_id: the orchestrator here, which tells its own changes itself
    :param turn: is held while it listens: who comes next has to wait
    """

    own_id: str
    bus: Bus
    feed: ChangeFeed
    config: Configuration
    turn: Lock
    _ready: Event = attrs.field(init=False, factory=Event)
    _scope: CancelScope = attrs.field(init=False, factory=CancelScope)

    def stop(self) -> None:
        """Listen no more."""
        self._scope.cancel()

    async def ready(self) -> None:
        """Return when it listens, or cannot. On cancel only the waiting ends."""
        await self._ready.wait()

    async def run(self) -> None:
        """Listen until it is stopped."""
        try:
            async with self.turn:
                await self._listen()
        finally:
            self._ready.set()

    async def _listen(self) -> None:
        try:
            with self._scope:
                await self.feed.open()
                self._ready.set()

                while True:
                    await self._tell(await self.feed.next())
        finally:
            with CancelScope(shield=True), suppress(StoreFailed):  # told elsewhere
                await self.feed.close()

    async def _tell(self, changes: Iterable[Change]) -> None:
        others = [change for change in changes if change.maker_id != self.own_id]

        for change in in_order(others):
            if self.bus.is_full:
                await checkpoint()

            self.bus.tell(events_of(change, self.config))


def in_order(changes: Iterable[Change]) -> Iterator[Change]:
    """Give changes as their makers tell them: the parts of a scenario before it, and
    without the values that data nodes begin with, which are no edits.
    """
    made: set[tuple[str, float]] = set()
    scenarios: list[Change] = []

    for change in changes:
        entity_id, is_made = change.entity_id, change.operation == "CREATED"

        if change.attributes == WRITTEN and (entity_id, change.at) in made:
            continue

        if not is_made:
            yield from scenarios
            scenarios.clear()
        elif ids.kind_of(entity_id) == ids.SCENARIO:
            scenarios.append(change)
            continue
        else:
            made.add((entity_id, change.at))

        yield change

    yield from scenarios


def events_of(change: Change, config: Configuration) -> Iterator[EntityEvent]:
    """Make the events of a change: of a scenario, for its tasks and sequences too."""
    entity_id, at = change.entity_id, datetime.fromtimestamp(change.at, UTC)

    if change.operation == "UPDATED" or _is_of_declared(change, config):
        yield EntityUpdated(
            entity_type=type_of(entity_id),
            entity_id=entity_id,
            config_id=config_of(entity_id),
            attributes=change.attributes,
            at=at,
        )
        return

    kind = EntityCreated if change.operation == "CREATED" else EntityDeleted

    for part_id, config_id in (
        *parts_of(entity_id, config),
        (entity_id, config_of(entity_id)),
    ):
        yield kind(
            entity_type=type_of(part_id),
            entity_id=part_id,
            config_id=config_id,
            at=at,
        )


def _is_of_declared(change: Change, config: Configuration) -> bool:
    """Tell whether that a scenario keeps more of a sequence changes one that its config
    has, and makes none.
    """
    if not change.attributes or ids.kind_of(change.entity_id) != ids.SEQUENCE:
        return False

    for scenario_id in ids.scenarios_of(change.entity_id):
        declared = config.scenarios.get(ids.config_of(scenario_id))

        if declared is not None:
            name = ids.name_of(change.entity_id, scenario_id)
            return name in declared.sequences

    return False
