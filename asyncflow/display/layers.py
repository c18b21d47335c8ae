"""Which box stands in which layer: all edges lead from one layer to a later one."""

from __future__ import annotations

from collections.abc import Sequence


def layers_of(successors: Sequence[Sequence[int]]) -> list[int]:
    """Return for each box the number of its layer, in time linear in the edges.

    A box stands behind the last of those that lead to it (the longest path; Sugiyama,
    Tagawa and Toda, 1981). What nothing leads to stands just before what it leads to
    first, so that its edges are short.

    :param successors: for each box where its edges lead
    :raises ValueError: where they lead in a circle
    """
    needed = [0] * len(successors)

    for targets in successors:
        for target in targets:
            needed[target] += 1

    sources = [box for box, count in enumerate(needed) if not count]
    layers = [0] * len(successors)
    waiting, seen = [*sources], 0

    while waiting:
        box = waiting.pop()
        seen += 1

        for target in successors[box]:
            layers[target] = max(layers[target], layers[box] + 1)
            needed[target] -= 1

            if not needed[target]:
                waiting.append(target)

    if seen < len(successors):
        raise ValueError("a graph with a circle cannot be drawn in layers")

    for box in sources:
        if successors[box]:
            layers[box] = min(layers[target] for target in successors[box]) - 1

    return layers
