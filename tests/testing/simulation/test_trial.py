"""Trials are data."""

from __future__ import annotations

from asyncflow.testing.simulation.drawing import drawn


def test_a_task_is_found_by_its_name() -> None:
    trial = drawn(7)

    for flow in trial.flows:
        assert [trial.task(task.name) for task in flow.tasks] == list(flow.tasks)


def test_its_size_counts_what_is_in_it() -> None:
    trial = drawn(7)
    tasks = sum(len(flow.tasks) for flow in trial.flows)
    most = tasks + len(trial.acts) + 2 * len(trial.faults) + len(trial.hosts)
    assert trial.size == most > 0
