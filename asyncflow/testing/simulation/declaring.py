"""Declaring what a trial has."""

from __future__ import annotations

from typing import Any

from asyncflow.config import Configuration
from asyncflow.config.retry import Retry
from asyncflow.config.sections import Scope
from asyncflow.testing.simulation.jobs import quick, value_of, work
from asyncflow.testing.simulation.trial import RESOURCES, Trial

MODE = "simulated"
"""The mode in which the jobs of a trial are executed."""


def declared(trial: Trial) -> Configuration:
    """Declare what a trial has."""
    config = Configuration()
    config.configure_job_executions(
        MODE,
        trial.workers,
        echo=False,
        kill_grace=0.5,
        shutdown_grace=0.5,
        resources=RESOURCES,
    )
    nodes: dict[str, Any] = {}

    for flow in trial.flows:
        for node in flow.nodes:
            if node.name not in nodes:
                more: dict[str, Any] = (
                    {"default_data": value_of(node.name, "default")}
                    if node.default
                    else {}
                )
                nodes[node.name] = config.configure_data_node(
                    node.name, scope=Scope[node.scope], **more
                )

        tasks = [
            config.configure_task(
                task.name,
                work if task.speed or task.hanging else quick,
                [nodes[name] for name in task.inputs],
                [nodes[name] for name in task.outputs],
                retry=Retry(task.retries, wait=0.02) if task.retries > 1 else None,
                **task.options,
            )
            for task in flow.tasks
        ]
        config.configure_scenario(flow.name, tasks)

    return config
