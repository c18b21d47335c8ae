"""Where the boxes of each layer stand."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncflow.display.coordinates import positions

GAP = 10.0


def test_a_chain_is_straight() -> None:
    before = [[], [(0, 1.0)], [(1, 1.0)]]
    after = [[(1, 1.0)], [(2, 1.0)], []]
    assert positions([[0], [1], [2]], before, after, [30, 50, 10], GAP) == [25, 25, 25]


def test_a_box_stands_in_the_middle_of_what_it_leads_to() -> None:
    before: list[list[tuple[int, float]]] = [[], [(0, 1.0)], [(0, 1.0)]]
    after: list[list[tuple[int, float]]] = [[(1, 1.0), (2, 1.0)], [], []]
    top, first, second = positions([[0], [1, 2]], before, after, [20, 20, 20], GAP)
    assert top == pytest.approx((first + second) / 2)


@given(
    st.lists(
        st.lists(st.floats(1, 100), min_size=1, max_size=6), min_size=1, max_size=6
    ),
    st.randoms(use_true_random=False),
)
def test_boxes_of_a_layer_have_the_gap_between_them(
    sizes: list[list[float]], numbers: Random
) -> None:
    layers: list[list[int]] = []
    flat: list[float] = []

    for heights in sizes:
        layers.append([*range(len(flat), len(flat) + len(heights))])
        flat += heights

    before: list[list[tuple[int, float]]] = [[] for _ in flat]
    after: list[list[tuple[int, float]]] = [[] for _ in flat]

    for first, second in pairwise(layers):
        for box in second:
            other = numbers.choice(first)
            before[box].append((other, 1.0))
            after[other].append((box, 1.0))

    found = positions(layers, before, after, flat, GAP)
    edges = [found[box] - flat[box] / 2 for box in range(len(flat))]
    assert min(edges) == pytest.approx(0, abs=1e-6)

    for layer in layers:
        for one, other in pairwise(layer):
            room = found[other] - found[one] - (flat[one] + flat[other]) / 2
            assert room >= GAP - 1e-6
