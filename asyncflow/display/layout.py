"""Where all parts of a picture of a graph stand: layers from left to right."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import attrs

from asyncflow.display.characters import printable, shortened, width
from asyncflow.display.coordinates import positions
from asyncflow.display.crossings import ordered
from asyncflow.display.graph import Box, Graph
from asyncflow.display.layers import layers_of

LABEL, NOTE = 13.0, 11.0
"""The sizes of the fonts, in pixels."""

BADGE = 20.0
"""The room for the sign of a status."""

MIN_WIDTH, MAX_TEXT = 72.0, 190.0
PADDING = 12.0
ROW, NOTED_ROW = 32.0, 46.0
"""The heights of boxes without and with a note."""

GAP, LAYER_GAP = 16.0, 56.0
"""What is between the boxes of a layer, and between layers."""

LINE = 4.0
"""The room that a line takes where it passes a layer."""

MAX_BENDS = 20_000
"""With more places where lines pass layers, long lines go straight."""

MARGIN = 12.0

_REAL, _MIXED, _LINES = 1.0, 2.0, 8.0
"""How much it counts that a line is straight: between boxes, to a place where it passes
a layer, and between such places (as Gansner et al., 1993)."""


class Point(NamedTuple):
    """A place, in pixels from the top left."""

    x: float
    y: float


@attrs.frozen(kw_only=True)
class PlacedBox:
    """A box, its place and its size, in pixels."""

    box: Box
    x: float
    y: float
    width: float
    height: float
    label: str
    """What is shown of its label."""
    note: str
    """What is shown of its note."""


@attrs.frozen(kw_only=True)
class Line:
    """An edge, from left to right.

    Its points come in pairs: from the first of a pair to the second it is straight, beside
    the boxes of a layer, and from there to the next pair it bends.
    """

    source: int
    target: int
    points: tuple[Point, ...]


@attrs.frozen(kw_only=True)
class Layout:
    """A picture of a graph, in pixels; its boxes are in the order of the graph's."""

    boxes: tuple[PlacedBox, ...]
    lines: tuple[Line, ...]
    width: float
    height: float


def layout(graph: Graph) -> Layout:
    """Place a graph.

    :raises ValueError: where its edges lead in a circle
    """
    successors = graph.successors()
    levels = layers_of(successors)
    sizes = [_size_of(box) for box in graph.boxes]
    web = _Web.of(successors, levels)
    layers = ordered(web.layers, web.before, web.after)
    heights = [size.height for size in sizes] + [LINE] * (web.count - len(sizes))
    middles = positions(
        layers, web.weighted(web.before), web.weighted(web.after), heights, GAP
    )
    columns = _columns(layers, sizes)
    boxes = tuple(
        PlacedBox(
            box=box,
            x=MARGIN
            + columns[levels[place]].x
            + (columns[levels[place]].width - size.width) / 2,
            y=MARGIN + middles[place] - size.height / 2,
            width=size.width,
            height=size.height,
            label=size.label,
            note=size.note,
        )
        for place, (box, size) in enumerate(zip(graph.boxes, sizes, strict=True))
    )
    lines = tuple(_lines(web, boxes, columns, middles))
    return Layout(
        boxes=boxes,
        lines=lines,
        width=max((column.x + column.width for column in columns), default=0)
        + 2 * MARGIN,
        height=max(
            (at + high / 2 for at, high in zip(middles, heights, strict=True)),
            default=0,
        )
        + 2 * MARGIN,
    )


class _Size(NamedTuple):
    width: float
    height: float
    label: str
    note: str


class _Column(NamedTuple):
    x: float
    width: float


def _size_of(box: Box) -> _Size:
    label = shortened(printable(box.named(box.label)), LABEL, MAX_TEXT)
    note = shortened(printable(box.note), NOTE, MAX_TEXT)
    wide = max(width(label, LABEL), width(note, NOTE))
    room = wide + 2 * PADDING + (BADGE if box.statuses else 0)
    return _Size(max(room, MIN_WIDTH), NOTED_ROW if note else ROW, label, note)


def _columns(layers: Sequence[Sequence[int]], sizes: Sequence[_Size]) -> list[_Column]:
    columns, x = [], 0.0

    for layer in layers:
        wide = max((sizes[box].width for box in layer if box < len(sizes)), default=0.0)
        columns.append(_Column(x, wide))
        x += wide + LAYER_GAP

    return columns


@attrs.define(eq=False)
class _Web:
    """Boxes, and the places where lines pass layers; those come behind the boxes."""

    boxes: int
    count: int
    layers: list[list[int]]
    before: list[list[int]]
    after: list[list[int]]
    paths: list[list[int]]
    """For each edge, what it goes through, its ends included."""
    level: list[int]

    @classmethod
    def of(cls, successors: Sequence[Sequence[int]], levels: Sequence[int]) -> _Web:
        boxes = len(successors)
        web = cls(
            boxes,
            boxes,
            [[] for _ in range(max(levels, default=-1) + 1)],
            [[] for _ in range(boxes)],
            [[] for _ in range(boxes)],
            [],
            [*levels],
        )
        edges = [
            (box, target)
            for box, targets in enumerate(successors)
            for target in targets
        ]
        bends = sum(levels[target] - levels[box] - 1 for box, target in edges)

        for box, level in enumerate(levels):
            web.layers[level].append(box)

        for box, target in edges:
            web._lead(box, target, bends=bends <= MAX_BENDS)

        return web

    def _lead(self, box: int, target: int, *, bends: bool) -> None:
        passed = range(self.level[box] + 1, self.level[target]) if bends else ()
        path = [box, *map(self._pass, passed), target]
        self.paths.append(path)

        if len(path) - 1 == self.level[target] - self.level[box]:
            for one, other in pairwise(path):
                self.after[one].append(other)
                self.before[other].append(one)

    def _pass(self, level: int) -> int:
        place, self.count = self.count, self.count + 1
        self.layers[level].append(place)
        self.level.append(level)
        self.before.append([])
        self.after.append([])
        return place

    def weighted(
        self, neighbours: Sequence[Sequence[int]]
    ) -> list[list[tuple[int, float]]]:
        """Return neighbours with how much each counts."""
        counts = _REAL, _MIXED, _LINES
        return [
            [
                (other, counts[(place >= self.boxes) + (other >= self.boxes)])
                for other in others
            ]
            for place, others in enumerate(neighbours)
        ]


def _lines(
    web: _Web,
    boxes: Sequence[PlacedBox],
    columns: Sequence[_Column],
    middles: Sequence[float],
) -> list[Line]:
    lines = []

    for path in web.paths:
        source, target = boxes[path[0]], boxes[path[-1]]
        points = [Point(source.x + source.width, source.y + source.height / 2)]

        for place in path:
            column = columns[web.level[place]]
            y = MARGIN + middles[place]

            if place != path[0]:
                points.append(Point(MARGIN + column.x, y))

            if place != path[-1]:
                points.append(Point(MARGIN + column.x + column.width, y))

        points.append(Point(target.x, target.y + target.height / 2))
        lines.append(Line(source=path[0], target=path[-1], points=tuple(points)))

    return lines
