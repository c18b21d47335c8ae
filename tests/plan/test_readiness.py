"""Which jobs may start, and which has a slot."""

from __future__ import annotations

from asyncflow.plan.graph import Graph
from asyncflow.plan.instructions import (
    Block,
    End,
    Finish,
    MakeReady,
)
from asyncflow.plan.plan import Plan
from asyncflow.status import Status
from tests.support.graphs import chain, fan, submit


def test_the_next_link_of_a_chain_follows() -> None:
    plan = Plan()
    submit(plan, 1, chain(3))
    assert plan.offered() == (1, 0)

    assert plan.follower((1, 0)) == (1, 1)
    plan.followed((1, 1))
    assert plan.follower((1, 0)) is None
    assert plan.follower((1, 1)) == (1, 2)
    assert plan.ended((1, 0), Status.COMPLETED) == []  # it has a slot already
    assert plan.ended((1, 1), Status.COMPLETED) == [MakeReady(1, [2])]


def test_who_waits_for_others_too_does_not_follow() -> None:
    """The second job of run 2 writes what run 1 reads."""
    plan = Plan()
    reader = Graph(successors=[[]], predecessors=[0], reads=[["n2"]], writes=[[]])
    submit(plan, 1, reader)
    submit(plan, 2, chain(2))
    assert [plan.offered(), plan.offered()] == [(1, 0), (2, 0)]

    assert plan.follower((2, 0)) is None
    assert plan.ended((1, 0), Status.COMPLETED) == [Finish(1)]
    assert plan.follower((2, 0)) == (2, 1)


def test_a_job_that_is_given_back_is_the_next() -> None:
    plan = Plan()
    submit(plan, 1, fan(3))
    assert plan.offered() == (1, 0)

    plan.returned((1, 0))
    assert plan.ready == 3
    assert plan.offered() == (1, 0)


def test_a_follower_that_is_given_back_waits_for_what_it_needs() -> None:
    plan = Plan()
    submit(plan, 1, chain(2))
    plan.offered()
    plan.followed((1, 1))

    plan.returned((1, 1))
    assert plan.offered() is None
    assert plan.ended((1, 0), Status.COMPLETED) == [MakeReady(1, [1])]


def test_what_is_postponed_waits_until_it_is_due() -> None:
    plan = Plan()
    submit(plan, 1, chain(2))
    plan.offered()

    plan.postponed((1, 0))
    assert plan.offered() is None
    assert plan.due((1, 0)) == [MakeReady(1, [0])]
    assert plan.due((1, 0)) == []
    assert plan.offered() == (1, 0)


def test_what_is_postponed_and_cancelled_is_never_due() -> None:
    plan = Plan()
    submit(plan, 1, chain(2))
    plan.offered()
    plan.postponed((1, 0))

    assert plan.canceled_job((1, 0), "enough") == [
        End((1, 0), Status.CANCELED, "enough"),
        End((1, 1), Status.ABANDONED, "it needs t0, which was cancelled"),
        Finish(1),
    ]
    assert plan.due((1, 0)) == []
    assert plan.is_idle


def test_runs_take_turns() -> None:
    plan = Plan()
    submit(plan, 1, fan(1000))
    submit(plan, 2, fan(3))

    turns = [plan.offered() for _ in range(8)]

    assert [ref[0] for ref in turns if ref] == [1, 2, 1, 2, 1, 2, 1, 1]


def test_jobs_are_admitted_a_few_at_a_time() -> None:
    plan = Plan()
    plan.submitted(1, chain(3), ["t0", "t1", "t2"])
    plan.submitted(2, fan(2), ["t0", "t1"])
    assert plan.has_arrivals
    assert plan.offered() is None

    assert plan.admitted(2) == [MakeReady(1, [0]), Block(1, [1])]
    assert plan.admitted(2) == [Block(1, [2]), MakeReady(2, [0])]
    assert plan.ready == 2
    assert plan.admitted(2) == [MakeReady(2, [1])]
    assert plan.admitted(2) == []
    assert not plan.has_arrivals


def test_what_is_cancelled_before_it_is_admitted_is_passed_over() -> None:
    plan = Plan()
    plan.submitted(1, fan(2), ["t0", "t1"])
    plan.submitted(2, fan(1), ["t0"])
    plan.canceled_job((1, 0), "enough")
    assert plan.admitted(1) == []
    plan.canceled(1, "enough")
    assert plan.admitted(2) == [MakeReady(2, [0])]


def test_who_has_a_slot() -> None:
    plan = Plan()
    submit(plan, 1, fan(2))
    assert plan.has_run(1)
    assert not plan.has_slot((1, 0))
    assert plan.next() == plan.offered() == (1, 0)
    assert plan.has_slot((1, 0))
    assert plan.next() == (1, 1)

    plan.ended((1, 0), Status.COMPLETED)
    assert not plan.has_slot((1, 0))
    plan.canceled(1, "enough")
    assert not plan.has_run(1)
    assert not plan.has_slot((1, 1))


def test_who_is_not_wanted_keeps_its_turn() -> None:
    plan = Plan()
    submit(plan, 1, fan(2))
    assert plan.offered(accepts=lambda ref: False) is None
    assert plan.ready == 2
    assert plan.offered() == (1, 0)


def test_several_jobs_are_offered_together() -> None:
    plan = Plan({"gpu": 1})
    submit(plan, 1, fan(3))
    assert plan.offered_together(2) == [(1, 0), (1, 1)]
    assert plan.ready == 1
    assert plan.offered_together(2) == [(1, 2)]
    assert plan.offered_together(2) == []


def test_who_needs_what_others_have_waits_for_it() -> None:
    plan = Plan({"gpu": 1.5})
    needs = {index: {"gpu": 1.0} for index in range(2)}
    plan.submitted(1, fan(3), ["t0", "t1", "t2"], needs=needs)
    plan.admitted(3)
    assert plan.offered() == (1, 0)
    assert plan.offered() == (1, 2)  # the only one that needs nothing
    assert plan.offered() is None
    plan.returned((1, 0))
    assert plan.offered() == (1, 0)
    plan.ended((1, 0), Status.FAILED)
    assert plan.offered() == (1, 1)


def test_who_needs_resources_does_not_follow() -> None:
    plan = Plan({"gpu": 1})
    plan.submitted(1, chain(2), ["t0", "t1"], needs={1: {"gpu": 1}})
    plan.admitted(2)
    plan.offered()
    assert plan.follower((1, 0)) is None


def test_nobody_follows_in_a_run_that_stops() -> None:
    plan = Plan()
    submit(plan, 1, chain(2))
    plan.offered()
    plan.canceled(1, "enough")
    assert plan.follower((1, 0)) is None


def test_no_job_of_a_paused_run_is_offered_until_it_is_resumed() -> None:
    plan = Plan()
    submit(plan, 1, fan(3))
    submit(plan, 2, fan(1))
    assert plan.offered() == (1, 0)
    plan.paused(1)
    plan.paused(1)
    assert (plan.ready, plan.offered(), plan.offered()) == (1, (2, 0), None)
    plan.returned((1, 0))  # it was asked back
    assert (plan.ready, plan.offered()) == (0, None)
    plan.resumed(1)
    plan.resumed(1)
    assert plan.ready == 3
    assert [plan.offered() for _ in range(4)] == [(1, 0), (1, 1), (1, 2), None]


def test_what_becomes_ready_while_a_run_is_paused_waits() -> None:
    plan = Plan()
    submit(plan, 1, chain(3))
    assert plan.offered() == (1, 0)
    plan.paused(1)
    assert plan.follower((1, 0)) is None
    assert plan.ended((1, 0), Status.COMPLETED) == [MakeReady(1, [1])]
    assert (plan.ready, plan.offered()) == (0, None)
    plan.resumed(1)
    assert (plan.ready, plan.offered()) == (1, (1, 1))


def test_a_run_is_paused_before_its_jobs_are_admitted() -> None:
    plan = Plan()
    plan.submitted(1, fan(3), ["one", "two", "three"])
    plan.paused(1)
    assert plan.admitted(3) == [MakeReady(1, [0, 1, 2])]
    assert plan.offered() is None
    plan.resumed(1)
    assert (plan.ready, plan.offered()) == (3, (1, 0))


def test_a_paused_run_can_be_cancelled_and_one_that_is_unknown_paused() -> None:
    plan = Plan()
    submit(plan, 1, fan(2))
    plan.paused(1)
    ends = [End((1, place), Status.CANCELED, "no") for place in range(2)]
    assert plan.canceled(1, "no") == [*ends, Finish(1)]
    assert (plan.ready, plan.offered()) == (0, None)
    plan.paused(7)
    plan.resumed(7)
    assert plan.offered() is None
