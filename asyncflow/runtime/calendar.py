"""The cycles of an orchestrator: which one a scenario falls into, and which is primary.

Loaded where a scenario config has a frequency, or somebody asks for cycles.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import attrs
from anyio import to_thread

from asyncflow import ids
from asyncflow.abc import Store
from asyncflow.config.checks.arguments import check_date
from asyncflow.config.frequency import period_of
from asyncflow.config.sections import ScenarioConfig
from asyncflow.entities.cycle import Cycle, claimed_by
from asyncflow.errors import ConfigError, DoesNotBelongToACycle, NotFound, Problem
from asyncflow.notify.bus import Bus
from asyncflow.records import CycleRecord, ScenarioRecord
from asyncflow.recovery.loader import EntityLoader
from asyncflow.runs.node import NodeState
from asyncflow.values import first_versions

if TYPE_CHECKING:
    from asyncflow.entities.scenario import Scenario

ZONES = "/zoneinfo/"
"""What the path of a time zone has before its name."""


@attrs.define(eq=False)
class OwnCalendar:
    """Finds cycles, in the time zone of the store."""

    store: Store
    loader: EntityLoader
    bus: Bus
    _zone: ZoneInfo | None = attrs.field(init=False, default=None)

    async def zone(self) -> ZoneInfo:
        """Return the time zone of the store: that of the first who asked.

        :raises ConfigError: where another one is configured
        """
        wanted = self.loader.config.core_config.time_zone

        if self._zone is None:
            own = await to_thread.run_sync(local_zone) if wanted is None else wanted
            self._zone = ZoneInfo(await self.store.time_zone(own))

        if wanted is not None and wanted != self._zone.key:
            raise ConfigError([_other_zone(wanted, self._zone.key)])

        return self._zone

    async def aware(
        self, date: datetime | None, name: str = "creation_date"
    ) -> datetime:
        """Return a creation date with a time zone; None is now.

        :param name: what the argument is called
        :raises TypeError: where it is no date with a time
        """
        check_date(name, date)

        if date is None:
            return datetime.now(UTC)

        return (
            date if date.tzinfo is not None else date.replace(tzinfo=await self.zone())
        )

    async def cycle(self, config: ScenarioConfig, date: datetime) -> Cycle:
        """Return the cycle of a scenario that is created at a date: it may be new."""
        period = period_of(config.frequency, date, await self.zone())
        cycle_id = ids.of_cycle(period.frequency, period.start)
        record = CycleRecord(
            cycle_id,
            period.name,
            period.frequency,
            period.start.timestamp(),
            period.end.timestamp(),
            time.time(),
        )
        return self.loader.identity_map.cycle(record, is_new=True)

    def claimed(self, cycle: Cycle, scenario: ScenarioRecord) -> CycleRecord:
        """Return what is to be saved of a cycle with a scenario that is new."""
        return claimed_by(cycle, scenario)

    async def settle(self, cycle: Cycle, nodes: Iterable[NodeState]) -> None:
        """See what has become of a cycle with a new scenario.

        Another process may have deleted it, with its last scenario, right before: then
        its data nodes begin anew.

        :param nodes: those that it shares, among others
        """
        await self.loader.cycle(cycle.id)
        own = {node.id: node for node in nodes if node.owner_id == cycle.id}

        if not own:
            return

        records = await self.store.versions(node_ids=own, is_kept=True)
        known = {record.node_id for record in records}
        gone = [node for node in own.values() if node.version and node.id not in known]

        for node in gone:
            node.version, node.older = None, ()

        if more := await self.loader.versions.defaults(gone):
            self.store.save(*more)
            await self.store.flush()
            await first_versions.settle(self.loader.versions, gone, more)

    async def primary(self, cycle_id: str) -> Scenario | None:
        """Return the primary scenario of a cycle; see `Orchestrator.get_primary`."""
        found = await self.loader.get(cycle_id)

        if not isinstance(found, Cycle):
            raise NotFound(cycle_id)

        if found.primary_id is None:
            return None

        scenario: Scenario = await self.loader.get(found.primary_id)  # type: ignore[assignment]  # by its id
        return scenario

    async def promote(self, scenario: Scenario) -> None:
        """Make a scenario primary; see `Scenario.set_primary`."""
        record = await self.store.promote(scenario.id)

        if record is None:
            if await self.store.get(scenario.id) is None:
                raise NotFound(scenario.id)

            raise DoesNotBelongToACycle(scenario.id, scenario.config_id)

        self.loader.identity_map.cycle(record)
        bus = self.bus

        if bus.hears_entities:
            from asyncflow.notify.entities import updated

            bus.tell([updated(record.id, None, ["primary_id"])])
            bus.tell([updated(scenario.id, scenario.config_id, ["is_primary"])])


def local_zone() -> str:
    """Return the name of the machine's time zone; ``UTC`` where that has none. Blocks."""
    for name in _names():
        try:
            return ZoneInfo(name).key
        except (ValueError, OSError, KeyError):
            continue

    return "UTC"


def _names() -> list[str]:
    given = os.environ.get("TZ", "").lstrip(":")
    linked = os.path.realpath("/etc/localtime").rpartition(ZONES)[2]
    return [name for name in (given.rpartition(ZONES)[2], linked) if name]


def _other_zone(wanted: str, kept: str) -> Problem:
    return Problem(
        section="CORE",
        field="time_zone",
        message=f"it is {wanted!r}, and the cycles of this store begin in {kept!r}",
        remedy=f"configure {kept!r}, or leave it out, or give another store",
    )
