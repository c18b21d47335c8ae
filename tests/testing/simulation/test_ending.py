"""The end of a trial: what is left on its disk."""

from __future__ import annotations

from pathlib import Path

from asyncflow.records import VersionRecord
from asyncflow.testing.simulation.audit import Audit
from asyncflow.testing.simulation.disk import Disk
from asyncflow.testing.simulation.drawing import drawn
from asyncflow.testing.simulation.ending import Ending
from asyncflow.testing.simulation.world import World


def test_files_are_neither_left_nor_lost(world: World) -> None:
    disk = Disk(world)
    ending = Ending(Audit(world, drawn(3), disk))
    disk.kept.save(VersionRecord("DATANODE_a_k", 1, "lost.value"))
    Path(disk.values_folder, "left.value").touch()

    ending.on_disk(is_clean=False)
    assert world.violations == ["files are lost: ['lost.value']"]

    ending.on_disk(is_clean=True)
    assert world.violations[1:] == ["files are left: ['left.value']"]
