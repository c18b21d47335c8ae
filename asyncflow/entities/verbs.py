"""What handles ask of the orchestrator that made them; each handle says what it asks."""

from __future__ import annotations

from typing import Protocol

from asyncflow.entities.data_node import DataNodeVerbs
from asyncflow.entities.scenario import ScenarioVerbs


class Verbs(ScenarioVerbs, DataNodeVerbs, Protocol):
    """The verbs behind the handles' methods."""
