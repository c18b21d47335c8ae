"""The state of a run, as the plan sees it."""

from __future__ import annotations

import pytest

from asyncflow.plan.run_state import RunState
from asyncflow.status import DONE, FINAL, Status
from tests.support.graphs import chain, fan


def test_a_run_begins_with_jobs_that_were_submitted() -> None:
    state = RunState(chain(3), False, ["t0", "t1", "t2"], 0.0, {})
    assert state.status == [Status.SUBMITTED] * 3
    assert (state.open, state.places_held, state.admitted) == (3, 3, 0)
    assert state.waits_for_jobs == [0, 1, 1]
    assert state.waits_for_runs == [0, 0, 0]
    assert (state.stopped, state.finished, state.is_ordered) == (False, False, False)


def test_what_it_counts_is_not_the_graphs() -> None:
    graph = chain(2)
    state = RunState(graph, False, ["t0", "t1"], 0.0, {})
    state.waits_for_jobs[1] -= 1
    assert list(graph.predecessors) == [0, 1]


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (Status.FAILED, "it needs `load`, which failed"),
        (Status.CANCELED, "it needs `load`, which was cancelled"),
        (Status.ABANDONED, "it needs `load`, which was abandoned"),
    ],
)
def test_why_jobs_are_abandoned(status: Status, reason: str) -> None:
    state = RunState(fan(1), False, ["`load`"], 0.0, {})
    state.status[0] = status
    assert state.why_abandoned(0) == reason


def test_each_end_without_a_result_has_a_reason() -> None:
    state = RunState(fan(1), False, ["t0"], 0.0, {})
    for status in FINAL - DONE:
        state.status[0] = status
        assert "t0, which " in state.why_abandoned(0)
