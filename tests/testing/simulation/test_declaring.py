"""What a trial declares is what it has."""

from __future__ import annotations

from asyncflow.alternatives import MODES
from asyncflow.testing.simulation.declaring import MODE, declared
from asyncflow.testing.simulation.drawing import drawn
from asyncflow.testing.simulation.executor import SimulatedExecutor


def test_what_is_declared_is_whole() -> None:
    MODES.register(MODE, SimulatedExecutor)

    try:
        for seed in range(20):
            trial = drawn(seed)
            config = declared(trial)
            config.check()
            tasks = [task.name for flow in trial.flows for task in flow.tasks]
            assert [*config.tasks] == tasks
    finally:
        MODES.unregister(MODE)
