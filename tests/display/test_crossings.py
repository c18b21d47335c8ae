"""The order of the boxes in each layer."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from asyncflow.display.crossings import crossings, ordered

two_layers = st.integers(1, 8).flatmap(
    lambda size: st.lists(
        st.tuples(st.integers(0, size - 1), st.integers(size, 2 * size - 1)),
        unique=True,
    ).map(lambda edges: (size, edges))
)


def neighbours(
    boxes: int, edges: list[tuple[int, int]]
) -> tuple[list[list[int]], list[list[int]]]:
    before: list[list[int]] = [[] for _ in range(boxes)]
    after: list[list[int]] = [[] for _ in range(boxes)]

    for source, target in edges:
        after[source].append(target)
        before[target].append(source)

    return before, after


@given(two_layers)
def test_crossings_are_those_of_all_pairs(
    case: tuple[int, list[tuple[int, int]]],
) -> None:
    size, edges = case
    _, after = neighbours(2 * size, edges)
    layers = [[*range(size)], [*range(size, 2 * size)]]
    expected = sum(
        (one[0] - other[0]) * (one[1] - other[1]) < 0
        for one, other in combinations(edges, 2)
    )
    assert crossings(layers, after) == expected


@given(two_layers)
def test_the_order_has_no_more_crossings_than_before(
    case: tuple[int, list[tuple[int, int]]],
) -> None:
    size, edges = case
    before, after = neighbours(2 * size, edges)
    layers = [[*range(size)], [*range(size, 2 * size)]]
    found = ordered(layers, before, after)
    assert [sorted(layer) for layer in found] == layers
    assert crossings(found, after) <= crossings(layers, after)


def test_a_twisted_ladder_is_untwisted() -> None:
    before, after = neighbours(6, [(0, 5), (1, 4), (2, 3)])
    found = ordered([[0, 1, 2], [3, 4, 5]], before, after)
    assert crossings(found, after) == 0
