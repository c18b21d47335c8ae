"""The disk of a simulation: its writes fail to order."""

from __future__ import annotations

from asyncflow.testing.simulation.disk import Disk
from asyncflow.testing.simulation.process import Process
from asyncflow.testing.simulation.world import World


def test_the_nth_write_fails(world: World) -> None:
    disk, process = Disk(world), Process("p")
    disk.mishaps[2] = "unsure"

    assert [disk.try_write(process) for _ in range(3)] == [None, "unsure", None]


def test_it_is_away_for_one_process_and_a_while(world: World) -> None:
    disk, process, other = Disk(world), Process("p"), Process("q")
    disk.go_away(process, 2.0)

    assert disk.try_write(process) == "refused"
    assert disk.try_write(other) is None

    world.loop.now += 3.0
    assert not disk.is_away(process)
