"""The blocking cycle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from asyncflow.config.checks.values import verbs_name_arguments
from asyncflow.config.sections import NOT_GIVEN, NotGiven
from asyncflow.entities.cycle import Cycle as AsyncCycle
from asyncflow.sync.changes import Properties
from asyncflow.sync.forwarding import Block, Forwarded, Labeled, assign


@verbs_name_arguments
class Cycle(Labeled[AsyncCycle], Block, of=AsyncCycle):
    """A cycle; see `asyncflow.Cycle`."""

    __slots__ = ()

    id: Forwarded[str] = Forwarded()
    frequency: Forwarded[str] = Forwarded()
    start_date: Forwarded[datetime] = Forwarded()
    end_date: Forwarded[datetime] = Forwarded()
    creation_date: Forwarded[datetime] = Forwarded()
    primary_id: Forwarded[str | None] = Forwarded()

    @property
    def name(self) -> str:
        """How people call it; setting it changes it, as ``update(name=...)`` does."""
        name: str = self._told("name")
        return name

    @name.setter
    def name(self, name: str) -> None:
        self.update(name=name)

    @property
    def properties(self) -> Properties:
        """The user's own values; setting one changes it, as `update` does."""
        return Properties(lambda: self._inner.properties, self)

    def update(
        self,
        *,
        name: str | NotGiven = NOT_GIVEN,
        properties: Mapping[str, Any] | None = None,
        without: Iterable[str] = (),
    ) -> None:
        """Change its name or its properties; see `asyncflow.Cycle.update`."""
        self._change(
            self._inner.update, name=name, properties=properties, without=without
        )

    if not TYPE_CHECKING:  # or each name would be one that can be set

        def __setattr__(self, name: str, value: object) -> None:
            assign(self, name, value, ("name",))

    def __contains__(self, instant: object) -> bool:
        """Tell whether an instant is in it."""
        return instant in self._inner
