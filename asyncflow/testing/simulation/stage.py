"""The stage of a trial: what its processes share, beside the world."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import attrs

from asyncflow.abc import Store
from asyncflow.testing.simulation.audit import Audit
from asyncflow.testing.simulation.disk import Disk
from asyncflow.testing.simulation.jobs import SimulatedJobs
from asyncflow.testing.simulation.process import Process
from asyncflow.testing.simulation.store import SimulatedStore
from asyncflow.testing.simulation.trial import Trial
from asyncflow.testing.simulation.world import World

MakeStore: TypeAlias = Callable[[Path, int], Store]
"""Makes the store of a process: from a folder for all of them, and the process's number;
-1 for the simulator itself, which looks into it."""


@attrs.define(eq=False)
class Stage:
    """What the programs of a trial work with, and what they have made.

    :param make_store: makes the store of a process; None for the simulated one
    """

    trial: Trial
    world: World
    make_store: MakeStore | None = None
    disk: Disk = attrs.field(init=False)
    audit: Audit = attrs.field(init=False)
    jobs: SimulatedJobs = attrs.field(init=False)
    engines: dict[str, Any] = attrs.field(init=False, factory=dict)
    """By the names of the processes that they are open in."""
    submissions: list[str] = attrs.field(init=False, factory=list)
    scenarios: list[tuple[str, int, int]] = attrs.field(init=False, factory=list)
    """The ids of scenarios, which flow each is of, and the place of who made it."""
    begun: set[int] = attrs.field(init=False, factory=set)
    """The acts that have begun, by their places."""
    is_over: bool = attrs.field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        self.disk = Disk(self.world)
        self.audit = Audit(self.world, self.trial, self.disk)
        self.jobs = SimulatedJobs(self.world, self.trial, self.audit)

    def store_of(self, place: int, process: Process) -> Store:
        """Make the store of a process."""
        if self.make_store is not None:
            return self.make_store(self.world.folder, place)

        return SimulatedStore.on(
            self.disk, process, self.audit, is_far=self.trial.is_far
        )
