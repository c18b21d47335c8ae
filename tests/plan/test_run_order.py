"""Jobs of several runs that touch one data node keep the order of their submission."""

from __future__ import annotations

import pytest

from asyncflow.plan.graph import Graph
from asyncflow.plan.instructions import (
    End,
    Finish,
    MakeReady,
)
from asyncflow.plan.plan import Plan
from asyncflow.plan.run_order import NodeOrder
from asyncflow.status import Status
from tests.support.graphs import chain, fan, one_file, submit


def test_a_writer_waits_for_the_readers_of_an_earlier_run() -> None:
    plan = Plan()
    submit(plan, 1, chain(2))

    # The same scenario again: its first job writes what the first run still reads.
    assert submit(plan, 2, chain(2)) == []

    assert plan.offered() == (1, 0)
    assert plan.ended((1, 0), Status.COMPLETED) == [MakeReady(1, [1])]
    assert plan.offered() == (1, 1)
    assert plan.ended((1, 1), Status.COMPLETED) == [MakeReady(2, [0]), Finish(1)]


def test_a_run_of_many_that_wait_orders_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ordered: list[int] = []
    monkeypatch.setattr(NodeOrder, "_set_order", lambda _, run: ordered.append(run))
    plan = Plan()

    for run in range(1, 5):
        submit(plan, run, chain(2))

    assert {*ordered} == {1}  # the second has met it, and each later one those before


def test_readers_of_one_node_do_not_wait_for_each_other() -> None:
    plan = Plan()

    assert submit(plan, 1, fan(2)) == [MakeReady(1, [0, 1])]
    assert submit(plan, 2, fan(2)) == [MakeReady(2, [0, 1])]


def test_a_canceled_writer_keeps_its_place_in_the_order() -> None:
    """Run 3 must not overtake run 1 because run 2, between them, was cancelled."""
    reader = Graph(successors=[[]], predecessors=[0], reads=[["x"]], writes=[[]])
    writer = Graph(successors=[[]], predecessors=[0], reads=[[]], writes=[["x"]])
    plan = Plan()
    submit(plan, 1, reader)
    assert plan.offered() == (1, 0)
    assert submit(plan, 2, writer) == []
    assert submit(plan, 3, writer) == []

    assert plan.canceled(2, "enough") == [
        End((2, 0), Status.CANCELED, "enough"),
        Finish(2),
    ]
    assert plan.offered() is None
    assert plan.ended((1, 0), Status.COMPLETED) == [MakeReady(3, [0]), Finish(1)]
    assert plan.canceled(2, "again") == []


@pytest.mark.parametrize("count", [10_000])
def test_the_plan_touches_each_edge_once(count: int) -> None:
    """A reader waits for one writer; a writer takes over the readers before it."""
    plan = Plan()
    submit(plan, 1, fan(count))
    writer = Graph(successors=[[]], predecessors=[0], reads=[[]], writes=[["in"]])
    submit(plan, 2, writer)
    submit(plan, 3, writer)
    state = plan._runs

    assert sum(map(len, state[1].followers.values())) == count
    assert sum(map(len, state[2].followers.values())) == 1


def test_a_run_gets_its_order_when_another_one_meets_it() -> None:
    plan = Plan()
    reader = Graph(successors=[[]], predecessors=[0], reads=[["n1"]], writes=[[]])
    submit(plan, 1, chain(3))
    assert plan._node_order._writers == {}

    assert submit(plan, 2, reader) == []
    assert plan.offered() == (1, 0)
    assert plan.completed([(1, 0)]) == [
        MakeReady(2, [0]),
        MakeReady(1, [1]),
    ]


def test_runs_of_one_group_keep_their_order_in_all_nodes_of_it() -> None:
    plan = Plan()
    one = Graph(
        successors=[[]], predecessors=[0], reads=[[]], writes=[["x"]], groups=["g"]
    )
    submit(plan, 1, one)
    assert plan.will_be_written("x", "g")
    assert not plan.will_be_written("y", "g")

    assert submit(plan, 2, one) == []
    assert plan.offered() == (1, 0)
    assert plan.completed([(1, 0)]) == [MakeReady(2, [0]), Finish(1)]
    assert plan.will_be_written("x", "g")
    plan.offered()
    plan.completed([(2, 0)])
    assert not plan.will_be_written("x", "g")
    assert plan.is_idle


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED])
def test_jobs_of_one_run_take_turns_at_a_file(status: Status) -> None:
    plan = Plan()
    assert submit(plan, 1, one_file(3)) == [MakeReady(1, [0])]
    assert submit(plan, 2, one_file(1)) == []

    for index in range(3):
        assert plan.offered() == (1, index)
        after = [MakeReady(1, [index + 1])] if index < 2 else [MakeReady(2, [0])]
        assert plan.ended((1, index), status)[:1] == after

    assert plan.offered() == (2, 0)
    plan.ended((2, 0), Status.COMPLETED)
    assert plan.is_idle


def test_what_waits_for_its_turn_can_be_cancelled() -> None:
    plan = Plan()
    submit(plan, 1, one_file(3))
    plan.offered()
    plan.canceled(1, "why")
    assert plan.ended((1, 0), Status.CANCELED) == [Finish(1)]
    assert plan.is_idle


def test_a_job_that_reads_and_writes_one_file_does_not_wait_for_itself() -> None:
    plan = Plan()
    graph = Graph(
        successors=[[1], []],
        predecessors=[0, 1],
        reads=[["file"], ["file"]],
        writes=[["file"], ["file"]],
        takes_turns=True,
    )
    assert submit(plan, 1, graph) == [MakeReady(1, [0])]
    plan.offered()
    assert plan.ended((1, 0), Status.COMPLETED) == [MakeReady(1, [1])]
    plan.offered()
    assert plan.ended((1, 1), Status.COMPLETED) == [Finish(1)]
    assert plan.is_idle


def test_a_run_that_is_alone_has_no_order() -> None:
    plan = Plan()
    submit(plan, 1, chain(3))
    order = plan._node_order
    assert list(order.runs_of("n0")) == [1]
    assert list(order.runs_of("other")) == []
    assert not order.has_late

    submit(plan, 2, chain(1, "other"))
    assert not plan._runs[1].is_ordered
    assert not plan._runs[2].is_ordered


def test_jobs_get_their_places_late_a_few_at_a_time() -> None:
    plan = Plan()
    submit(plan, 1, fan(5))
    plan.submitted(2, fan(1), ["t0"])
    order = plan._node_order
    has_late = [order.has_late]

    for left in (0, 1):
        assert order.register_late(3) == left
        has_late.append(order.has_late)

    assert has_late == [True, True, False]
    assert list(order._readers["in"]) == [(1, index) for index in range(5)]


def test_a_job_that_has_ended_gets_no_place() -> None:
    plan = Plan()
    submit(plan, 1, fan(2))
    plan.offered()
    plan.ended((1, 0), Status.COMPLETED)
    submit(plan, 2, fan(1))
    assert list(plan._node_order._readers["in"]) == [(1, 1), (2, 0)]


def test_nothing_is_kept_of_runs_that_have_ended() -> None:
    plan = Plan()

    for run in (1, 2):
        submit(plan, run, chain(2))

    for run, index in ((1, 0), (1, 1), (2, 0), (2, 1)):
        assert plan.offered() == (run, index)
        plan.ended((run, index), Status.COMPLETED)

    assert plan._node_order.is_empty
    assert plan._runs == {}
