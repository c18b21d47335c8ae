"""The disk of a simulation: what outlives the processes, and how its writes fail."""

from __future__ import annotations

import os
from typing import Literal, TypeAlias

import attrs

from asyncflow.stores.memory import MemoryStore
from asyncflow.testing.simulation.process import Process
from asyncflow.testing.simulation.world import World

Mishap: TypeAlias = Literal["refused", "unsure", "broken"]
"""How a write fails: ``refused`` for now, with nothing written; ``unsure``: written, and
the writer is told that it is not; ``broken``: for good, with nothing written."""


@attrs.define(eq=False)
class Disk:
    """Keeps the records of all stores that are opened on it, and the folder of values."""

    world: World
    kept: MemoryStore = attrs.field(init=False, factory=MemoryStore)
    """The records; nobody owns this one."""
    values_folder: str = attrs.field(init=False)
    commits: int = attrs.field(init=False, default=0)
    """How many transactions were tried."""
    mishaps: dict[int, Mishap] = attrs.field(init=False, factory=dict)
    """By the number of a transaction how it fails."""
    _away_until: dict[str, float] = attrs.field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        self.values_folder = os.path.join(self.world.folder, "values")
        os.mkdir(self.values_folder)

    def go_away(self, process: Process, seconds: float) -> None:
        """Have no write, and no read, of a process succeed for a while."""
        self._away_until[process.name] = self.world.elapsed + seconds

    def is_away(self, process: Process) -> bool:
        """Tell whether a process cannot reach it."""
        return self.world.elapsed < self._away_until.get(process.name, 0.0)

    def try_write(self, process: Process) -> Mishap | None:
        """Count a transaction; tell how it fails."""
        self.commits += 1

        if self.is_away(process):
            return "refused"

        return self.mishaps.pop(self.commits, None)
