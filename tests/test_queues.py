"""Whose turn it is among the ready jobs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncflow.scheduler._queues import AGING, NO_NEEDS, Needs, Queues

GPU: Needs = {"gpu": 1.0}


def everything(_: Needs) -> bool:
    return True


def without_needs(needs: Needs) -> bool:
    return not needs


class Line:
    """Queues with what was put into them and not taken yet."""

    def __init__(self) -> None:
        self.waiting: list[tuple[int, int]] = []
        self.queues = Queues(lambda run, index: (run, index) in self.waiting)

    def put(
        self,
        run: int,
        index: int,
        *,
        priority: float = 0.0,
        needs: Needs = NO_NEEDS,
        now: float = 0.0,
        first: bool = False,
    ) -> None:
        self.waiting.append((run, index))
        self.queues.put(run, index, priority, needs, now, first=first)

    def take(
        self, now: float = 0.0, fits: Callable[[Needs], bool] = everything
    ) -> tuple[int, int] | None:
        expected = self.queues.next(now, fits)
        ref = self.queues.take(now, fits)
        assert ref == expected

        if ref is not None:
            self.waiting.remove(ref)

        return ref

    def take_all(self, now: float = 0.0) -> list[tuple[int, int]]:
        taken = []

        while (ref := self.take(now)) is not None:
            taken.append(ref)

        return taken


def test_runs_of_one_priority_take_turns() -> None:
    line = Line()

    for run, index in ((1, 0), (1, 1), (1, 2), (2, 0), (3, 0), (3, 1)):
        line.put(run, index)

    assert line.take_all() == [(1, 0), (2, 0), (3, 0), (1, 1), (3, 1), (1, 2)]


def test_a_higher_priority_goes_first() -> None:
    line = Line()
    line.put(1, 0)
    line.put(2, 0, priority=5)
    line.put(3, 0, priority=1)

    assert line.take_all() == [(2, 0), (3, 0), (1, 0)]


def test_what_is_given_back_goes_before_its_line() -> None:
    line = Line()
    line.put(1, 0)
    line.put(2, 0)
    line.put(3, 0, first=True)

    assert line.take() == (3, 0)


def test_who_does_not_fit_holds_up_nobody() -> None:
    line = Line()
    line.put(1, 0, priority=9, needs=GPU)
    line.put(2, 0)

    assert line.take(fits=without_needs) == (2, 0)
    assert line.take(fits=without_needs) is None
    assert line.take() == (1, 0)


@pytest.mark.parametrize("step", [1, 3])
def test_a_low_priority_does_not_wait_for_ever(step: int) -> None:
    """Others of a higher one come all the time."""
    line = Line()
    line.put(0, 0)
    now, count = 0.0, 0

    while True:
        now += 1.0
        count += 1
        line.put(count, 0, priority=step, now=now)

        if line.take(now) == (0, 0):
            break

    assert now == pytest.approx(step * AGING, abs=2.0)


PUTS = st.lists(
    st.tuples(
        st.integers(0, 3),  # the run
        st.sampled_from([0.0, 1.0, 5.0]),  # its priority
        st.sampled_from([{}, GPU, {"gpu": 2.0}]),
        st.booleans(),  # whether it was given back
        st.sampled_from(["put", "put", "take", "cancel"]),
        st.sampled_from([0.0, 0.0, 1.0, 40.0]),  # seconds that pass
    ),
    max_size=60,
)


@given(PUTS)
def test_each_job_has_its_turn_once(
    steps: list[tuple[int, float, Needs, bool, str, float]],
) -> None:
    line = Line()
    now, put, taken, canceled = 0.0, set(), [], set()

    for index, (run, priority, needs, first, what, passing) in enumerate(steps):
        now += passing

        if what == "put":
            line.put(run, index, priority=priority, needs=needs, now=now, first=first)
            put.add((run, index))
        elif what == "cancel" and line.waiting:
            canceled.add(line.waiting.pop(index % len(line.waiting)))
        elif (ref := line.take(now)) is not None:
            taken.append(ref)

    taken += line.take_all(now)

    assert len(taken) == len(set(taken))
    assert set(taken) == put - canceled
    assert not line.queues._lines


@given(
    st.lists(st.integers(1, 20), min_size=2, max_size=5),
    st.integers(0, 19),
)
def test_no_run_gets_more_than_its_turn(sizes: list[int], takes: int) -> None:
    """As long as all of them wait, none is more than one turn ahead of another."""
    line = Line()

    for run, size in enumerate(sizes):
        for index in range(size):
            line.put(run, index)

    turns = [0] * len(sizes)

    for _ in range(min(takes, min(sizes) * len(sizes))):
        ref = line.take()
        assert ref is not None
        turns[ref[0]] += 1

    assert max(turns) - min(turns) <= 1


@given(st.lists(st.tuples(st.sampled_from([0.0, 1.0, 2.0]), st.floats(0.1, 20.0))))
def test_nobody_waits_longer_than_aging_allows(
    arrivals: list[tuple[float, float]],
) -> None:
    """One seat, one job a second: who waits is overtaken for a bounded time only."""
    line = Line()
    line.put(1000, 0)
    now = 0.0

    for run, (priority, passing) in enumerate(arrivals):
        now += passing
        line.put(run, 0, priority=priority, now=now)

        if line.take(now) == (1000, 0):
            return

        # Two steps of priority are made good after two steps of aging.
        assert now <= 2 * AGING + 20.0
