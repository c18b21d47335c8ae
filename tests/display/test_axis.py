"""An axis of time."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncflow.display.axis import FOLD, IDLE, MOST_FOLDS, Axis

times = st.floats(0, 1e6)
busy = st.lists(st.tuples(times, times).map(sorted).map(tuple), max_size=20)


def test_without_folds_pixels_are_proportional() -> None:
    axis = Axis.of(100, 110, [(100, 110)], 500)
    assert [axis.at(time) for time in (99, 100, 105, 110, 111)] == [0, 0, 250, 500, 500]
    assert axis.folds == ()
    assert [tick.offset for tick in axis.ticks()] == [0, 2, 4, 6, 8, 10]


def test_a_long_time_in_which_nothing_runs_is_folded() -> None:
    axis = Axis.of(0, 3610, [(0, 5), (3605, 3610)], 500)
    (fold,) = axis.folds
    assert (fold.begin, fold.end) == (5, 3605)
    assert fold.right - fold.left == FOLD
    assert axis.at(5) == fold.left
    assert axis.at(3605) == pytest.approx(fold.right)
    assert axis.at(3610) == pytest.approx(500)


def test_a_short_pause_is_not_folded() -> None:
    assert Axis.of(0, 20, [(0, 10), (11, 20)], 500).folds == ()


def test_where_nothing_ever_runs_nothing_is_folded() -> None:
    assert Axis.of(0, 1e5, [], 500).folds == ()


@given(times, times, busy)
def test_times_stand_in_their_order_and_on_the_axis(
    one: float, other: float, busy: list[tuple[float, float]]
) -> None:
    axis = Axis.of(0, 1e6, busy, 640)
    first, last = axis.at(min(one, other)), axis.at(max(one, other))
    assert 0 <= first <= last <= 640 + 1e-6
    assert len(axis.folds) <= MOST_FOLDS
    shown = sum(piece.end - piece.begin for piece in axis.pieces if not piece.is_folded)
    assert all(fold.end - fold.begin > IDLE * shown * 0.99 for fold in axis.folds)
    assert all(left.right == right.left for left, right in pairwise(axis.pieces))
    xs = [tick.x for tick in axis.ticks()]
    assert xs == sorted(xs)
