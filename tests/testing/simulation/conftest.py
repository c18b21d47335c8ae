"""A world for the parts of the simulator."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from asyncflow.testing.simulation.chance import Chance
from asyncflow.testing.simulation.loop import SimulatedLoop
from asyncflow.testing.simulation.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    loop = SimulatedLoop(1000.0, 10_000)
    yield World(loop, Chance("1"), tmp_path)
    loop.close()
