"""What the engine asks the system for: a world answers while a trial is played."""

from __future__ import annotations

import os
import random
import time

from asyncflow.testing.simulation.chance import Chance
from asyncflow.testing.simulation.patches import simulated
from asyncflow.testing.simulation.process import current
from asyncflow.testing.simulation.world import EPOCH, World


def test_a_world_answers_and_all_is_put_back(world: World) -> None:
    before = time.time, time.monotonic, os.urandom, os.getpid, random.random
    process = world.spawn("p", "alpha")

    with simulated(world):
        assert time.time() == EPOCH
        assert time.monotonic() == 1000.0
        process.offset = 5.0
        token = current.set(process)
        assert time.time() == EPOCH + 5.0
        assert os.getpid() == process.pid
        current.reset(token)
        assert os.urandom(4) == Chance("1").bytes(4)

    assert before == (time.time, time.monotonic, os.urandom, os.getpid, random.random)
