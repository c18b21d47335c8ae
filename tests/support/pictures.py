"""Graphs to be drawn."""

from __future__ import annotations

import random

from asyncflow.display.graph import Box, Graph
from asyncflow.status import Status

HOSTILE = (
    'a "quoted" name',
    "<script>alert(1)</script>",
    "👩‍👩‍👧‍👧 Ünïcödé é",  # signs that are made of several
    "x" * 200,
    "日本語の名前がとても長い場合",
    "]]> &amp; --> ;\n\t\x00\x1b[31m\u202e",
    "",
)


def random_graph(boxes: int, seed: int, *, reach: int = 12) -> Graph:
    """Make a graph as scenarios have them: most edges are short, some are long."""
    numbers = random.Random(seed)
    made = [
        Box(
            id=str(place),
            label=HOSTILE[place % 7] if not place % 5 else f"task number {place}",
            kind="task" if numbers.random() < 0.5 else "data_node",
            note="in_memory" if numbers.random() < 0.5 else "",
            statuses={numbers.choice([*Status]): 1} if numbers.random() < 0.5 else {},
            like=f"kind {place % 3}",
        )
        for place in range(boxes)
    ]
    edges = {
        (numbers.randrange(max(0, target - reach), target), target)
        for target in range(1, boxes)
        for _ in range(numbers.randrange(3))
    }
    return Graph(boxes=made, edges=edges)
