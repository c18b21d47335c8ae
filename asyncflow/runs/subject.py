"""What a run is of, as far as its state has to know it."""

from __future__ import annotations

from typing import Protocol


class RunEntity(Protocol):
    """What was submitted."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def scenario_id(self) -> str:
        """The id of the scenario that it belongs to, or is."""
