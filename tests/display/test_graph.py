"""What a picture of a graph shows."""

from __future__ import annotations

from asyncflow.display.graph import Box, Graph


def test_an_edge_that_is_there_twice_counts_once() -> None:
    boxes = [Box(id=name, label=name) for name in "ab"]
    assert Graph(boxes=boxes, edges=[(0, 1), (0, 1)]).successors() == [[1], []]
