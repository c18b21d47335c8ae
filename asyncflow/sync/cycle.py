"""The blocking cycle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from asyncflow.config.checks.values import verbs_name_arguments
from asyncflow.entities.cycle import Cycle as AsyncCycle
from asyncflow.sync.changes import Properties
from asyncflow.sync.forwarding import Forwarded, Labeled


@verbs_name_arguments
class Cycle(Labeled[AsyncCycle], of=AsyncCycle):
    """A cycle; see `asyncflow.Cycle`."""

    __slots__ = ()

    id: Forwarded[str] = Forwarded()
    name: Forwarded[str] = Forwarded()
    frequency: Forwarded[str] = Forwarded()
    start_date: Forwarded[datetime] = Forwarded()
    end_date: Forwarded[datetime] = Forwarded()
    creation_date: Forwarded[datetime] = Forwarded()
    primary_id: Forwarded[str | None] = Forwarded()

    @property
    def properties(self) -> Properties:
        """The user's own values; setting one changes it, as `update` does."""
        return Properties(lambda: self._inner.properties, self)

    def update(
        self,
        *,
        properties: Mapping[str, Any] | None = None,
        without: Iterable[str] = (),
    ) -> None:
        """Change its properties; see `asyncflow.Cycle.update`."""
        self._loop.call(self._inner.update, properties=properties, without=without)

    def __contains__(self, instant: object) -> bool:
        """Tell whether an instant is in it."""
        return instant in self._inner
