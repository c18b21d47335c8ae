"""Shrinking: what breaks a promise still breaks it, with less around it."""

from __future__ import annotations

from asyncflow.testing.simulation.drawing import drawn
from asyncflow.testing.simulation.shrinking import kind_of, shrunk
from asyncflow.testing.simulation.trial import Trial


def test_only_what_is_needed_is_left() -> None:
    large = next(
        trial
        for trial in map(drawn, range(1000))
        if len(trial.acts) > 10
        and {"kill", "stop"} <= {fault.kind for fault in trial.faults}
    )

    def breaks(trial: Trial) -> bool:
        return any(fault.kind == "stop" for fault in trial.faults) and any(
            act.verb == "submit" for act in trial.acts
        )

    small = shrunk(large, breaks, lambda: False)

    assert [fault.kind for fault in small.faults] == ["stop"]
    assert [act.verb for act in small.acts] == ["submit"]
    assert [len(flow.tasks) for flow in small.flows] == [1]
    assert len(small.hosts) == 1


def test_time_may_be_up() -> None:
    trial = drawn(1)

    assert shrunk(trial, lambda _: True, lambda: True) is trial


def test_violations_of_one_promise_are_of_one_kind() -> None:
    one, other = (
        "JOB_a_0123456789abcdef ran 2 times",
        "JOB_a_fedcba9876543210 ran 3 times",
    )

    assert kind_of(one) == kind_of(other)
    assert kind_of(one) != kind_of("SUBMISSION_0123456789abcdef is lost")
