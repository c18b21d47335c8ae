"""An error of the plan is told at once, and raised."""

from __future__ import annotations

import pytest

from asyncflow.plan.guarded_plan import EVENTS, GuardedPlan
from asyncflow.plan.instructions import Finish
from asyncflow.plan.plan import Plan
from asyncflow.status import Status
from tests.support.graphs import chain, fan, submit


class Errors:
    def __init__(self) -> None:
        self.errors: list[Exception] = []

    def fail(self, error: Exception) -> None:
        self.errors.append(error)


def test_it_decides_as_the_plan_does() -> None:
    guard = Errors()
    guarded, plain = GuardedPlan(guard=guard), Plan()
    assert submit(guarded, 1, chain(2)) == submit(plain, 1, chain(2))
    assert guarded.offered_together(2) == plain.offered_together(2) == [(1, 0)]
    why = {"now": 1.0, "killed": Status.ABANDONED}
    assert guarded.canceled(1, "enough", **why) == plain.canceled(1, "enough", **why)  # type: ignore[arg-type]  # a dict of both
    assert guarded.ended((1, 0), Status.COMPLETED) == [Finish(1)]
    assert guard.errors == []


def test_an_error_is_told_before_it_is_raised() -> None:
    guard = Errors()
    plan = GuardedPlan(guard=guard)
    submit(plan, 1, fan(1))

    with pytest.raises(KeyError) as caught:
        plan.completed([(2, 0)])

    assert guard.errors == [caught.value]
    assert plan.offered() == (1, 0)


def test_each_event_has_the_guard() -> None:
    guard = Errors()
    plan = GuardedPlan(guard=guard)

    for name in EVENTS:
        with pytest.raises(TypeError):
            getattr(plan, name)()

    assert len(guard.errors) == len(EVENTS)
    assert GuardedPlan(guard=guard).offered() is None


def test_what_is_no_error_of_the_plan_passes_by() -> None:
    def interrupted(_: object) -> bool:
        raise KeyboardInterrupt

    guard = Errors()
    plan = GuardedPlan(guard=guard)
    submit(plan, 1, fan(1))

    with pytest.raises(KeyboardInterrupt):
        plan.offered_together(1, accepts=interrupted)

    assert guard.errors == []
