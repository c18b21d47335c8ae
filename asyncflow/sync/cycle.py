"""The blocking cycle."""

from __future__ import annotations

from datetime import datetime

from asyncflow.config.checks.values import verbs_name_arguments
from asyncflow.entities.cycle import Cycle as AsyncCycle
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

    def __contains__(self, instant: object) -> bool:
        """Tell whether an instant is in it."""
        return instant in self._inner
