"""The state of runs without any handle: what is submitted is as small as can be."""

from __future__ import annotations

import attrs

from asyncflow.abc import Usage
from asyncflow.config import Configuration
from asyncflow.config.dag import Dag
from asyncflow.config.sections import TaskConfig
from asyncflow.options import RunOptions
from asyncflow.runs.run import Run
from tests.support import flows


@attrs.frozen
class Thing:
    """What a run has to know of what was submitted: no handle."""

    id: str
    scenario_id: str


@attrs.frozen
class Work:
    """What a run has to know of the task of a job: no handle."""

    id: str
    config: TaskConfig


def make(config: Configuration, count: int = 3) -> Run[Thing, Work]:
    dag = Dag.of(flows.fan(config, flows.double, count).task_configs)
    return Run(
        key="k",
        entity=Thing("SCENARIO_s_1", "SCENARIO_s_1"),
        dag=dag,
        options=RunOptions(),
        submitted=1.0,
        first_tasks=[Work(f"TASK_{task.id}_s", task) for task in dag.tasks],
    )


def kinds(run: Run[Thing, Work]) -> list[str]:
    made = map(run.event, range(run.length))
    return [type(event).__name__ for event in made if event is not None]


USAGE = Usage(2.0, 1.0, 0.5, 1_000)
