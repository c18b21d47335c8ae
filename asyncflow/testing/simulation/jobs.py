"""What the jobs of a trial do, and what they make."""

from __future__ import annotations

import zlib
from typing import Any

import attrs

from asyncflow.abc import Call
from asyncflow.ids import of_submission
from asyncflow.testing.simulation.process import Process
from asyncflow.testing.simulation.trial import Task, Trial
from asyncflow.testing.simulation.world import World
from asyncflow.worker.current import current_job

BIG = 70_000
"""How many characters a value has that is too large for the store."""

FOREVER = 1e6
"""How long a job takes that hangs, in seconds."""


class Failed(Exception):
    """A job raised, as it was told."""


@attrs.frozen(kw_only=True)
class Order:
    """What an attempt at a job does."""

    duration: float
    dies: bool = False
    fails: bool = False


@attrs.define(eq=False)
class SimulatedJobs:
    """Orders for all jobs of a trial, by chance."""

    world: World
    trial: Trial
    audit: Any
    ordinals: dict[str, str] = attrs.field(init=False, factory=dict)
    """What tells the submissions apart in each replay, by their ids."""

    def order(self, task: str, run_id: str, attempt: int) -> Order:
        """Return what an attempt does."""
        spec = self.trial.task(task)
        number = self.ordinals.get(run_id, run_id)
        chance = self.world.chance.of("job", task, number, attempt)
        duration = spec.speed * (0.5 + chance.random())
        fails = chance.random() < spec.failing

        if chance.random() < spec.hanging:
            duration = FOREVER

        return Order(duration=duration, fails=fails)

    def of(self, call: Call) -> Order:
        """Return what a call does."""
        key = call.job_id.rpartition("_")[2]
        run_id = of_submission(key)
        order = self.order(call.task, run_id, call.attempt)
        number = self.ordinals.get(run_id, run_id)
        chance = self.world.chance.next("death", call.task, number)
        dies = chance.random() < self.trial.task(call.task).dying
        return attrs.evolve(order, dies=dies)

    def begins(self, call: Call, worker: Process) -> None:
        self.audit.begins(call, worker)

    def ends(self, call: Call, worker: Process) -> None:
        self.audit.ends(call, worker)

    def result(self, task: Task, run_id: str, values: tuple[Any, ...]) -> Any:
        """Return what a job makes of its inputs."""
        given = zlib.crc32(repr([value["id"] for value in values]).encode())
        made = [value_of(name, f"{run_id}:{given:08x}") for name in task.outputs]
        return made[0] if len(made) == 1 else tuple(made)


here: list[SimulatedJobs] = []
"""The jobs of the trial that goes on."""


def value_of(node: str, maker: str) -> dict[str, str]:
    """Return a value of a data node, which says who has made it."""
    return {"id": f"{node}={maker}", "pad": "x" * BIG if node.endswith("_big") else ""}


def work(*values: Any) -> Any:
    """Do what the running job is told: the function of tasks that take their time."""
    return _done(values)


def quick(*values: Any) -> Any:
    """Do the same: the function of tasks that take none, which share batches."""
    return _done(values)


def _done(values: tuple[Any, ...]) -> Any:
    (jobs,) = here
    job = current_job()
    assert job is not None
    jobs.audit.called(job, values)

    if jobs.order(job.task, job.submission_id, job.attempt).fails:
        raise Failed(f"attempt {job.attempt} of {job.task}")

    return jobs.result(jobs.trial.task(job.task), job.submission_id, values)
