"""Large graphs: boxes that are alike are drawn as one, so that a picture can be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from asyncflow.display.graph import Box, Graph
from asyncflow.display.layers import layers_of
from asyncflow.status import Status

LIMIT = 300
"""How many boxes a picture has at most."""


def folded(graph: Graph, limit: int = LIMIT) -> Graph:
    """Return a graph of at most so many boxes, in time linear in its edges.

    Boxes of one layer that are alike become one; where that is not enough, all tasks of a
    layer, and all data nodes; then layers that follow each other.

    :param limit: how many boxes may be left; 2 at least
    :raises ValueError: where the edges lead in a circle
    """
    if len(graph.boxes) <= limit:
        return graph

    layers = layers_of(graph.successors())
    found = _joined(
        graph, [(layers[at], box.kind, box.like) for at, box in _boxes(graph)]
    )

    if len(found.boxes) > limit:
        found = _joined(graph, [(layers[at], box.kind) for at, box in _boxes(graph)])

    if len(found.boxes) > limit:
        span = -(-2 * (max(layers) + 1) // limit)
        parts = [(layers[at] // span, box.kind) for at, box in _boxes(graph)]
        found = _joined(graph, parts)

    return found


def _boxes(graph: Graph) -> enumerate[Box]:
    return enumerate(graph.boxes)


def _joined(
    graph: Graph, keys: Sequence[tuple[int, str] | tuple[int, str, str]]
) -> Graph:
    """Draw boxes with the same key as one; the first has its place.

    :param keys: each begins with the layer
    """
    places: dict[tuple[int, str] | tuple[int, str, str], int] = {}
    members: list[list[Box]] = []

    for box, key in zip(graph.boxes, keys, strict=True):
        if places.setdefault(key, len(members)) == len(members):
            members.append([])

        members[places[key]].append(box)

    of = [places[key] for key in keys]
    edges = {(of[source], of[target]) for source, target in graph.edges}
    # Joined layers lead to each other both ways: what leads back is not drawn.
    layers = [key[0] for key in places]
    kept = {
        (one, other)
        for one, other in edges
        if (layers[one], one) < (layers[other], other)
    }
    return Graph(boxes=[*map(_one, members)], edges=kept)


def _one(boxes: Sequence[Box]) -> Box:
    """Describe boxes as one."""
    first = boxes[0]

    if len(boxes) == 1:
        return first

    statuses: Counter[Status] = Counter()

    for box in boxes:
        statuses.update(box.statuses)

    likes = {box.like for box in boxes}
    kind = first.kind.replace("_", " ") + "s"
    return Box(
        id=first.id,
        label=(likes.pop() if len(likes) == 1 else "") or kind,
        kind=first.kind,
        note=f"{first.label} … {boxes[-1].label}",
        statuses=statuses,
        like=first.like,
        count=sum(box.count for box in boxes),
    )
