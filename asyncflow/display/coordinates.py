"""Where the boxes of each layer stand: near their neighbours, and never on each other.

For one layer, and its neighbours where they are, that is a problem of least squares with
an order that has to be kept: isotonic regression, solved exactly by pooling those that
would stand on each other (Ayer et al., 1955; Barlow et al., 1972). The layers are swept
forth and back, as the neighbours move, too.
"""

from __future__ import annotations

from collections.abc import Sequence

SWEEPS = 8

Weighted = Sequence[tuple[int, float]]
"""Neighbours, and how much each counts."""


def positions(
    layers: Sequence[Sequence[int]],
    before: Sequence[Weighted],
    after: Sequence[Weighted],
    sizes: Sequence[float],
    gap: float,
) -> list[float]:
    """Return for each box where its middle stands, from 0 on, along its layer.

    :param layers: the boxes of each layer, in their order
    :param before: for each box its neighbours in the layer before its own
    :param after: for each box those in the layer after its own
    :param sizes: how much room each box takes along its layer
    :param gap: how much there is between two boxes of a layer
    """
    found = [0.0] * len(sizes)

    for layer in layers:
        at = 0.0

        for box in layer:
            found[box] = at + sizes[box] / 2
            at += sizes[box] + gap

    for sweep in range(SWEEPS):
        both = sweep == SWEEPS - 1

        for layer in layers[1:]:
            _place(layer, found, [before, after] if both else [before], sizes, gap)

        for layer in layers[-2::-1]:
            _place(layer, found, [before, after] if both else [after], sizes, gap)

    first = min(
        (found[box] - sizes[box] / 2 for layer in layers for box in layer), default=0.0
    )
    return [at - first for at in found]


def _place(
    layer: Sequence[int],
    found: list[float],
    sides: Sequence[Sequence[Weighted]],
    sizes: Sequence[float],
    gap: float,
) -> None:
    """Place the boxes of a layer by their neighbours."""
    offset, offsets, wanted, weights = 0.0, [], [], []

    for place, box in enumerate(layer):
        if place:
            offset += (sizes[layer[place - 1]] + sizes[box]) / 2 + gap

        total = weight = 0.0

        for side in sides:
            for other, counts in side[box]:
                total += found[other] * counts
                weight += counts

        if not weight:  # it stays where it is if it can
            total, weight = found[box] * 0.01, 0.01

        offsets.append(offset)
        wanted.append(total / weight - offset)
        weights.append(weight)

    for box, at, offset in zip(layer, _pooled(wanted, weights), offsets, strict=True):
        found[box] = at + offset


def _pooled(wanted: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Return the rising numbers that are nearest to some others, by least squares."""
    pools: list[tuple[float, float, int]] = []

    for number, weight in zip(wanted, weights, strict=True):
        mean, sum_of_weights, count = number, weight, 1

        while pools and pools[-1][0] > mean:
            other, another, size = pools.pop()
            total = another + sum_of_weights
            mean = (other * another + mean * sum_of_weights) / total
            sum_of_weights, count = total, count + size

        pools.append((mean, sum_of_weights, count))

    return [mean for mean, _, count in pools for _ in range(count)]
