"""A graph as text: its tasks in an order in which they can run, layer by layer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from asyncflow.display.characters import printable
from asyncflow.display.graph import Box, Graph
from asyncflow.display.layers import layers_of
from asyncflow.display.signs import leading, sign_of, words

NAME = 40
"""How many characters of a name are shown at most."""


def text(graph: Graph) -> str:
    """Write a line for each task: its step, its name, what it reads and what it writes.

    Tasks of one step can run at once.

    :raises ValueError: where the edges lead in a circle
    """
    boxes = graph.boxes
    layers = layers_of(graph.successors())
    names = [_name(box) for box in boxes]
    reads: list[list[str]] = [[] for _ in boxes]
    writes: list[list[str]] = [[] for _ in boxes]

    for source, target in sorted(graph.edges):
        writes[source].append(names[target])
        reads[target].append(names[source])

    tasks = [place for place, box in enumerate(boxes) if box.kind == "task"]
    tasks.sort(key=layers.__getitem__)
    steps = dict.fromkeys(layers[place] for place in tasks)
    number = {layer: str(at) for at, layer in enumerate(steps, 1)}
    return table(
        (
            number[layers[place]],
            names[place],
            f"{', '.join(reads[place])} → {', '.join(writes[place])}".strip(),
            _signed(boxes[place]),
        )
        for place in tasks
    )


def _name(box: Box) -> str:
    return box.named(shortened_name(printable(box.label)))


def shortened_name(name: str) -> str:
    """Return a name of so many characters at most; what is left out is in its middle."""
    half = NAME // 2
    return name if len(name) <= NAME else f"{name[:half]}…{name[1 - half :]}"


def _signed(box: Box) -> str:
    if not box.statuses:
        return ""

    return f"{sign_of(leading(box.statuses))[0]} {words(box.statuses)}"


def table(rows: Iterable[Sequence[str]]) -> str:
    """Write rows in columns."""
    cells = [*rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "".join(
        "  ".join(map(str.ljust, row, widths)).rstrip() + "\n" for row in cells
    )
