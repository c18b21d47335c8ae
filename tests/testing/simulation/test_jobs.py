"""What the jobs of a trial do follows from its seed, whatever else happens."""

from __future__ import annotations

from asyncflow.testing.simulation.audit import Audit
from asyncflow.testing.simulation.disk import Disk
from asyncflow.testing.simulation.drawing import drawn
from asyncflow.testing.simulation.jobs import BIG, SimulatedJobs, value_of
from asyncflow.testing.simulation.world import World


def test_an_order_follows_from_the_seed(world: World) -> None:
    trial = drawn(3)
    jobs = SimulatedJobs(world, trial, Audit(world, trial, Disk(world)))
    task = trial.flows[0].tasks[0]
    jobs.ordinals["SUBMISSION_1"] = "0.5"
    first = [jobs.order(task.name, "SUBMISSION_1", attempt) for attempt in (1, 2)]
    world.chance.next("something else")

    assert first == [
        jobs.order(task.name, "SUBMISSION_1", attempt) for attempt in (1, 2)
    ]


def test_values_say_who_has_made_them(world: World) -> None:
    trial = drawn(3)
    jobs = SimulatedJobs(world, trial, Audit(world, trial, Disk(world)))
    task = next(
        task for flow in trial.flows for task in flow.tasks if len(task.outputs) == 1
    )
    given = tuple(value_of(name, "default") for name in task.inputs)
    other = tuple(value_of(name, "w1") for name in task.inputs)

    made = jobs.result(task, "SUBMISSION_1", given)

    assert made["id"].startswith(f"{task.outputs[0]}=SUBMISSION_1:")
    assert made == jobs.result(task, "SUBMISSION_1", given)
    assert made != jobs.result(task, "SUBMISSION_1", other)
    assert len(value_of("a_big", "x")["pad"]) == BIG
