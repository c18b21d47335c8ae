"""Trials: drawn from a seed, and different ones."""

from __future__ import annotations

import pytest

from asyncflow.errors import UsageError
from asyncflow.testing.simulation.drawing import drawn


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


def test_a_theme_is_a_part_of_the_seed() -> None:
    assert drawn("7-batches") == drawn("7-batches") != drawn("8-batches")
    assert drawn("7-batches").seed == "7-batches"
    assert drawn("7-batches").hosts == drawn(7).hosts


def test_a_theme_that_there_is_not() -> None:
    with pytest.raises(
        UsageError, match=r"no theme 'batch'.*batches, cancels, deaths, programs"
    ):
        drawn("7-batch")
