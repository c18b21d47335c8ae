"""The order of the boxes in each layer: with few crossings of their edges.

The layers are swept forth and back; each is sorted by where its boxes' neighbours in the
layer before it stand, on average (the barycenter heuristic; Sugiyama, Tagawa and Toda,
1981). Crossings are counted with a tree of sums (Barth, Mutzel and Jünger, 2004).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

ROUNDS = 12
"""How often the layers are swept forth and back at most."""

PATIENCE = 3
"""After how many rounds without any gain the sweeping ends."""


def ordered(
    layers: Sequence[Sequence[int]],
    before: Sequence[Sequence[int]],
    after: Sequence[Sequence[int]],
) -> list[list[int]]:
    """Return the layers, each in an order with few crossings.

    :param layers: the boxes of each layer
    :param before: for each box its neighbours in the layer before its own
    :param after: for each box those in the layer after its own
    """
    now = [[*layer] for layer in layers]
    best, fewest, idle = [[*layer] for layer in now], crossings(now, after), 0

    for _ in range(ROUNDS):
        if not fewest or idle == PATIENCE:
            break

        for place in range(1, len(now)):
            now[place] = _sorted(now[place], now[place - 1], before)

        for place in range(len(now) - 2, -1, -1):
            now[place] = _sorted(now[place], now[place + 1], after)

        count = crossings(now, after)
        idle += 1

        if count < fewest:
            best, fewest, idle = [[*layer] for layer in now], count, 0

    return best


def crossings(layers: Sequence[Sequence[int]], after: Sequence[Sequence[int]]) -> int:
    """Count the crossings of edges between layers that follow each other."""
    return sum(
        _crossings(layer, following, after) for layer, following in pairwise(layers)
    )


def _sorted(
    layer: Sequence[int], fixed: Sequence[int], neighbours: Sequence[Sequence[int]]
) -> list[int]:
    """Sort a layer by the neighbours in another one; who has none stays where it is."""
    place = {box: at for at, box in enumerate(fixed)}
    scale = len(fixed) / max(len(layer), 1)
    wanted = {
        box: sum(place[other] for other in neighbours[box]) / len(neighbours[box])
        if neighbours[box]
        else at * scale
        for at, box in enumerate(layer)
    }
    return sorted(layer, key=wanted.__getitem__)


def _crossings(
    first: Sequence[int], second: Sequence[int], after: Sequence[Sequence[int]]
) -> int:
    place = {box: at for at, box in enumerate(second)}
    leaf = 1

    while leaf < len(second):
        leaf *= 2

    sums, count = [0] * (2 * leaf), 0

    for box in first:
        for at in sorted(place[other] for other in after[box]):
            node = at + leaf
            sums[node] += 1

            while node > 1:
                if not node % 2:
                    count += sums[node + 1]

                node //= 2
                sums[node] += 1

    return count
