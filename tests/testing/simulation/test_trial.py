"""Trials: drawn from a seed, and different ones."""

from __future__ import annotations

from asyncflow.testing.simulation.trial import drawn


def test_a_seed_draws_one_trial() -> None:
    assert drawn(7) == drawn("7") != drawn(8)


def test_they_have_all_kinds_of_what_goes_wrong() -> None:
    trials = [drawn(seed) for seed in range(200)]

    assert {fault.kind for trial in trials for fault in trial.faults} == {
        "kill",
        "stop",
        "jump",
        "away",
        "refused",
        "unsure",
        "broken",
    }
    assert {act.verb for trial in trials for act in trial.acts} == {
        "create",
        "submit",
        "write",
        "cancel",
        "delete",
        "read",
    }
    assert {len(trial.hosts) for trial in trials} == {1, 2, 3}


def test_tasks_read_what_earlier_ones_make_or_what_is_there() -> None:
    for seed in range(100):
        for flow in drawn(seed).flows:
            known = {node.name for node in flow.nodes if node.default}

            for task in flow.tasks:
                assert known.issuperset(task.inputs), (seed, task)
                known.update(task.outputs)
