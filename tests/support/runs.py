"""The state of runs without any handle: what is submitted is as small as can be."""

from __future__ import annotations

import attrs

from asyncflow.abc import Usage
from asyncflow.config import Configuration
from asyncflow.config.dag import Dag
from asyncflow.options import RunOptions
from asyncflow.runs.run import Run
from asyncflow.runs.run_events import event_of
from asyncflow.runs.task import TaskState
from tests.support import flows


@attrs.frozen
class Thing:
    """What a run has to know of what was submitted: no handle."""

    id: str
    scenario_id: str


def make(config: Configuration, count: int = 3) -> Run[Thing]:
    dag = Dag.of(flows.fan(config, flows.double, count).task_configs)
    return Run(
        key="k",
        entity=Thing("SCENARIO_s_1", "SCENARIO_s_1"),
        dag=dag,
        options=RunOptions(),
        submitted=1.0,
        first_tasks=[
            TaskState(f"TASK_{task.id}_s", task, "SCENARIO_s_1", {}, {})
            for task in dag.tasks
        ],
    )


def kinds(run: Run[Thing]) -> list[str]:
    made = [event_of(run, index) for index in range(len(run.history))]
    return [type(event).__name__ for event in made if event is not None]


USAGE = Usage(2.0, 1.0, 0.5, 1_000)
