"""Themes: what is rare elsewhere comes often, and a trial stays one that can be played."""

from __future__ import annotations

import pytest

from asyncflow.plan.instructions import Ref
from asyncflow.plan.plan import Plan
from asyncflow.testing.simulation.drawing import drawn
from asyncflow.testing.simulation.play import played
from asyncflow.testing.simulation.themes import THEMES


def test_batches_are_of_short_jobs_and_runs_are_cancelled() -> None:
    for seed in range(20):
        trial = drawn(f"{seed}-batches")
        tasks = [task for flow in trial.flows for task in flow.tasks]
        verbs = [act.verb for act in trial.acts]
        assert {(task.speed, task.hanging) for task in tasks} == {(0.0, 0.0)}
        assert 3 * verbs.count("cancel") >= verbs.count("submit")


def test_short_jobs_travel_together_and_come_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    returned: list[object] = []
    take_back = Plan.returned

    def noted(plan: Plan, ref: Ref, now: float = 0.0) -> None:
        returned.append(ref)
        take_back(plan, ref, now)

    monkeypatch.setattr(Plan, "returned", noted)

    for seed in range(10):
        played(drawn(f"{seed}-batches"), cleans=False)

    assert len(returned) > 5


def test_jobs_hang_and_every_run_is_cancelled() -> None:
    for seed in range(20):
        trial = drawn(f"{seed}-cancels")
        assert {act.process for act in trial.acts} == {0}
        assert trial.acts[-1].verb == "cancel"
        assert trial.acts[-1].options["all"]
        assert all(task.hanging for flow in trial.flows for task in flow.tasks)


def test_values_are_read_as_they_are_replaced() -> None:
    for seed in range(20):
        verbs = [act.verb for act in drawn(f"{seed}-reads").acts]
        assert verbs.count("read") >= verbs.count("write") >= 2 * verbs.count("submit")


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
