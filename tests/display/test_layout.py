"""Where all parts of a picture stand: nothing is on anything else."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asyncflow.display.characters import width
from asyncflow.display.graph import Box, Graph
from asyncflow.display.layout import BADGE, LABEL, NOTE, PADDING, Layout, layout
from tests.support.pictures import random_graph


def check(found: Layout) -> None:
    """Look whether boxes are apart, labels in their boxes, and all in the picture."""
    boxes = sorted(found.boxes, key=lambda box: box.x)

    for place, one in enumerate(boxes):
        assert one.x >= 0 <= one.y
        assert one.x + one.width <= found.width
        assert one.y + one.height <= found.height
        room = one.width - 2 * PADDING - (BADGE if one.box.statuses else 0)
        assert width(one.label, LABEL) <= room + 0.01 >= width(one.note, NOTE)

        for other in boxes[place + 1 :]:
            if other.x >= one.x + one.width:
                break

            assert one.y + one.height <= other.y or other.y + other.height <= one.y

    for line in found.lines:
        xs = [point.x for point in line.points]
        assert xs == sorted(xs)
        check_beside(found, line.source, line.target, line.points)


def check_beside(found: Layout, source: int, target: int, points: object) -> None:
    """Look whether the straight parts of a line pass no box but its own."""
    for begin, end in zip(points[::2], points[1::2], strict=True):  # type: ignore[index]  # `Line.points`
        for place, box in enumerate(found.boxes):
            if (
                place in (source, target)
                or end.x <= box.x
                or begin.x >= box.x + box.width
            ):
                continue

            assert not box.y < begin.y < box.y + box.height


@pytest.mark.parametrize("boxes", [2, 30, 200])
def test_boxes_labels_and_lines_are_apart(boxes: int) -> None:
    check(layout(random_graph(boxes, 7)))


@settings(max_examples=25)
@given(st.integers(0, 40), st.integers())
def test_they_are_in_any_graph(boxes: int, seed: int) -> None:
    check(layout(random_graph(boxes, seed)))


def test_2000_boxes_are_apart() -> None:
    found = layout(random_graph(2000, 7))
    columns: dict[float, list[tuple[float, float]]] = {}

    for box in found.boxes:
        columns.setdefault(round(box.x + box.width / 2), []).append((box.y, box.height))

    for column in columns.values():
        column.sort()
        assert all(y + height <= below for (y, height), (below, _) in pairwise(column))


def test_a_graph_of_many_long_lines_is_drawn_with_straight_ones() -> None:
    count = 250
    boxes = [Box(id=str(place), label=str(place)) for place in range(count)]
    edges = [(one, other) for one in range(count) for other in range(one + 1, count)]
    found = layout(Graph(boxes=boxes, edges=edges))
    assert len(found.lines) == len(edges)
    assert all(len(line.points) == 4 for line in found.lines)


def test_an_empty_graph_is_an_empty_picture() -> None:
    found = layout(Graph(boxes=(), edges=()))
    assert (found.boxes, found.lines) == ((), ())
    assert found.width > 0 < found.height
