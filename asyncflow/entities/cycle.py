"""Cycles: periods in which scenarios were created; one of these is primary."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol

import attrs

from asyncflow.config.sections import NOT_GIVEN, NotGiven
from asyncflow.entities.handle import Labeled, ReadOnlyHandle
from asyncflow.records import CycleRecord, ScenarioRecord


class CycleVerbs(Protocol):
    """What a cycle asks."""

    async def update(self, entity: Cycle, changes: Mapping[str, Any]) -> None: ...


@attrs.frozen(eq=False, repr=False)
class Cycle(ReadOnlyHandle, Labeled):
    """A period of a frequency, such as a day, with the scenarios that were created in it.

    The attributes tell what this process knows: another primary scenario that another
    process has chosen shows after the next ``await orchestrator.get(cycle.id)``.
    """

    _record: CycleRecord
    _verbs: CycleVerbs

    @property
    def id(self) -> str:
        """Its id: ``CYCLE_<frequency>_<first instant>``."""
        return self._record.id

    @property
    def name(self) -> str:
        """How people call the period: ``2026-05``, until `update` gives another name."""
        return self._record.name

    @property
    def frequency(self) -> str:
        """The `Frequency`, or what a calendar is called."""
        return self._record.frequency

    @property
    def start_date(self) -> datetime:
        """Its first instant, in UTC."""
        return self._record.start_date

    @property
    def end_date(self) -> datetime:
        """The first instant after it, in UTC."""
        return self._record.end_date

    @property
    def creation_date(self) -> datetime:
        """When it was made, with its first scenario, in UTC."""
        return self._record.creation_date

    @property
    def primary_id(self) -> str | None:
        """The id of its primary scenario, as far as is known here; None where that was
        deleted. `Orchestrator.get_primary` returns it.
        """
        return self._record.primary_id

    @property
    def properties(self) -> Mapping[str, Any]:
        """The user's own values; `update` sets some."""
        return self._record.properties

    async def update(
        self,
        *,
        name: str | NotGiven = NOT_GIVEN,
        properties: Mapping[str, Any] | None = None,
        without: Iterable[str] = (),
    ) -> None:
        """Change its name or its properties; return when that is durable.

        Who changes others at the same time, here or in another process, loses nothing. On
        cancel all of it is done, or nothing.

        :param name: what people call it from now on
        :param properties: those that are set, as JSON holds them; others stay. None for none
        :param without: the names of those that are removed
        :raises TypeError: where JSON does not hold one
        :raises NotFound: where it was deleted
        """
        changes = {"name": name, "properties": properties, "without": without}
        await self._verbs.update(self, changes)

    def __contains__(self, instant: object) -> bool:
        """Tell whether an instant is in it.

        :param instant: an aware datetime
        """
        return isinstance(instant, datetime) and (
            self.start_date <= instant < self.end_date
        )

    def __repr__(self) -> str:
        return f"<Cycle {self.frequency} {self.name}>"


def take_cycle(cycle: Cycle, record: CycleRecord) -> None:
    """Have a cycle show what is kept of it now."""
    object.__setattr__(cycle, "_record", record)


def claimed_by(cycle: Cycle, scenario: ScenarioRecord) -> CycleRecord:
    """Return the facts of a cycle, with a scenario that is primary if it is the first."""
    return cycle._record._replace(
        primary_id=scenario.id, primary_created=scenario.created
    )
