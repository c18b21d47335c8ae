"""Themes: what is rare elsewhere comes often, and a trial stays one that can be played."""

from __future__ import annotations

import pytest

from asyncflow.testing.simulation.drawing import drawn
from asyncflow.testing.simulation.play import played
from asyncflow.testing.simulation.themes import THEMES


def test_batches_are_of_short_jobs_and_runs_are_cancelled() -> None:
    for seed in range(20):
        trial = drawn(f"{seed}-batches")
        tasks = [task for flow in trial.flows for task in flow.tasks]
        verbs = [act.verb for act in trial.acts]
        assert {(task.speed, task.hanging) for task in tasks} == {(0.0, 0.0)}
        assert verbs.count("cancel") >= verbs.count("submit")


def test_processes_die_whose_jobs_must_not_run_twice() -> None:
    kills = 0

    for seed in range(20):
        trial = drawn(f"{seed}-deaths")
        kills += sum(fault.kind == "kill" for fault in trial.faults)

        for flow in trial.flows:
            assert {task.options["on_restart"] for task in flow.tasks} == {"fail"}

    assert kills > 20


def test_values_are_large_and_written_often() -> None:
    for seed in range(20):
        trial = drawn(f"{seed}-values")
        verbs = [act.verb for act in trial.acts]
        assert verbs.count("write") >= 2 * verbs.count("submit")

        for flow in trial.flows:
            names = {node.name for node in flow.nodes}
            assert {name for name in names if not name.endswith("_big")} <= {"shared"}

            for task in flow.tasks:
                assert names.issuperset([*task.inputs, *task.outputs])


def test_programs_write_to_scenarios_of_which_others_have_runs() -> None:
    for seed in range(20):
        trial = drawn(f"{seed}-programs")
        assert len(trial.hosts) > 1
        writes = [act for act in trial.acts if act.verb == "write"]
        assert all(act.options["any"] for act in writes)
        assert {act.process for act in trial.acts} == {*range(len(trial.hosts))}


@pytest.mark.parametrize("theme", THEMES)
def test_what_happens_is_in_the_order_of_time(theme: str) -> None:
    trial = drawn(f"5-{theme}")
    assert list(trial.acts) == sorted(trial.acts, key=lambda act: act.at)
    assert list(trial.faults) == sorted(trial.faults, key=lambda fault: fault.at)
    assert not played(trial).violations
